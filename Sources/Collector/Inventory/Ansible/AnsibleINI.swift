import CollectorSupport
import Shared

/// Reads Ansible's INI format: `[group]`, `[group:children]` and `[group:vars]` with hosts, groups and variables.
struct AnsibleINI {
    private enum Section {
        case hosts, children, vars
    }

    private struct Header {
        var group: String
        var section: Section?
    }

    let source: String

    func read(_ text: String) throws(InventoryError) -> AnsibleInventory {
        var inventory = AnsibleInventory(source: source)
        var group = AnsibleInventory.ungrouped
        var section = Section.hosts
        /// Groups that only `children` or `vars` name so far, and the places of the first.
        var undefined: [(name: String, place: SourceLocation, section: String)] = []
        var defined: Set<String> = [AnsibleInventory.ungrouped, AnsibleInventory.everyone]
        var number = 0
        for line in text.utf8.split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            let place = SourceLocation(source: source, line: number)
            let content = String(Substring(line)).trimmingBlanks()
            guard let first = content.first, first != "#", first != ";" else { continue }
            if let header = Self.header(content) {
                guard let kind = header.section else {
                    throw .invalid(
                        place,
                        problem: "unknown section '\(InventoryError.shown(content))': expected [GROUP], "
                            + "[GROUP:children] or [GROUP:vars]")
                }
                (group, section) = (header.group, kind)
                inventory.addGroup(group, place)
                if section == .vars {
                    undefined.append((group, place, "\(group):vars"))
                } else {
                    defined.insert(group)
                }
                continue
            }
            if first == "[", content.hasSuffix("]") {
                throw .invalid(
                    place,
                    problem: "invalid section '\(InventoryError.shown(content))': expected [GROUP] without spaces, "
                        + "[GROUP:children] or [GROUP:vars]")
            }
            switch section {
            case .hosts:
                let words = try words(content, place)
                guard let pattern = words.first else { continue }
                let variables = try variables(words.dropFirst(), place)
                for host in try AnsibleHostPattern.expand(pattern, place) {
                    inventory.addHost(host, to: group, variables, place)
                }
            case .children:
                let child = Self.withoutComment(content)
                guard !child.contains(where: { $0 == " " || $0 == ":" || $0 == "=" }) else {
                    throw .invalid(
                        place, problem: "'\(InventoryError.shown(child))' is not a group: write one group per line")
                }
                undefined.append((child, place, "\(group):children"))
                try inventory.addChild(child, to: group, place)
            case .vars:
                let (name, value) = try assignment(content, place)
                inventory.set(name.trimmingBlanks(), Self.value(value.trimmingBlanks(), place), of: group)
            }
        }
        if let missing = undefined.first(where: { !defined.contains($0.name) }) {
            let remedy =
                Suggestion.question(about: missing.name, among: defined.sorted())
                ?? "add [\(InventoryError.shown(missing.name))] with its hosts"
            throw .invalid(
                missing.place,
                problem: "[\(InventoryError.shown(missing.section))] names the group "
                    + "'\(InventoryError.shown(missing.name))', which has no section: \(remedy)")
        }
        return inventory
    }

    // MARK: - Lines

    /// True for a text with a section, or with variables after a host.
    static func isRecognised(in text: String) -> Bool {
        var significant = 0
        var hasHeader = false
        for line in text.utf8.split(separator: 10) {
            let content = String(Substring(line)).trimmingBlanks()
            guard let first = content.first, first != "#", first != ";" else { continue }
            significant += 1
            if header(content) != nil { hasHeader = true }
            if hasHeader, significant > 1 { return true }
            let words = content.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if words.count > 1, words[1].first?.isLetter == true, words[1].contains("="), !content.contains("://") {
                return true
            }
        }
        return false
    }

    /// nil for a line that is not a section's header. An address in brackets has a colon in another place.
    private static func header(_ line: String) -> Header? {
        guard line.hasPrefix("["), let close = line.firstIndex(of: "]"), close != line.startIndex else { return nil }
        let after = String(line[line.index(after: close)...]).trimmingBlanks()
        guard after.isEmpty || after.hasPrefix("#") else { return nil }
        let parts = line[line.index(after: line.startIndex)..<close]
            .split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let name = parts.first, !name.isEmpty,
            !name.contains(where: { $0 == " " || $0 == "\t" || $0 == "\"" || $0 == "'" || $0 == "," })
        else { return nil }
        guard parts.count == 2 else { return Header(group: String(name), section: .hosts) }
        guard !parts[1].isEmpty, parts[1].allSatisfy(\.isLetter) else { return nil }
        let section: Section? =
            switch parts[1] {
            case "hosts": .hosts
            case "children": .children
            case "vars": .vars
            default: nil
            }
        return Header(group: String(name), section: section)
    }

    private static func withoutComment(_ line: String) -> String {
        line.firstIndex(of: "#").map { String(line[..<$0]).trimmingBlanks() } ?? line
    }

    private func variables(
        _ words: ArraySlice<String>, _ place: SourceLocation
    ) throws(InventoryError) -> AnsibleInventory.Variables {
        var variables: AnsibleInventory.Variables = [:]
        for word in words {
            let (name, value) = try assignment(word, place)
            variables[name] = Self.value(value, place)
        }
        return variables
    }

    private func assignment(_ text: String, _ place: SourceLocation) throws(InventoryError) -> (String, String) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            // It might be a password after a space.
            throw .invalid(
                place, problem: "a variable is not NAME=VALUE: write NAME=VALUE, with quotes around a value with spaces"
            )
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    /// Splits a line into words as a POSIX shell does: quotes group, `\` escapes, `#` begins a comment.
    private func words(_ line: String, _ place: SourceLocation) throws(InventoryError) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var characters = line.makeIterator()
        while let character = characters.next() {
            if let open = quote {
                if character == open {
                    quote = nil
                } else if character == "\\", open == "\"", let next = characters.next() {
                    word?.append(contentsOf: next == "\"" || next == "\\" ? "\(next)" : "\\\(next)")
                } else {
                    word?.append(character)
                }
                continue
            }
            switch character {
            case " ", "\t":
                if let word { words.append(word) }
                word = nil
            case "#":
                if let word { words.append(word) }
                return words
            case "'", "\"":
                quote = character
                word = word ?? ""
            case "\\": word = (word ?? "") + (characters.next().map { "\($0)" } ?? "")
            default: word = (word ?? "") + "\(character)"
            }
        }
        guard quote == nil else { throw .invalid(place, problem: "a quote is not closed: add the closing quote") }
        if let word { words.append(word) }
        return words
    }

    // MARK: - Values

    /// A value, which Ansible reads as a Python literal where it is one.
    private static func value(_ text: String, _ place: SourceLocation) -> AnsibleInventory.Value {
        var text = text
        // A literal can be followed by a comment; other text cannot.
        if let comment = text.firstIndex(of: "#") {
            let literal = String(text[..<comment]).trimmingBlanks()
            if literal == "True" || literal == "False" || literal == "None" || unquoted(literal) != nil
                || Double(literal) != nil
            {
                text = literal
            }
        }
        if let inner = unquoted(text) { return .init(text: inner, place: place) }
        let isStructure = text == "None" || (text.first.map { "[{(".contains($0) } ?? false)
        return .init(text: isStructure && !text.hasPrefix("{{") ? nil : text, place: place)
    }

    /// The contents of a quoted text without quotes or escapes inside; nil for anything else.
    private static func unquoted(_ text: String) -> String? {
        guard let quote = text.first, quote == "'" || quote == "\"", text.count >= 2, text.last == quote else {
            return nil
        }
        let inner = text.dropFirst().dropLast()
        return inner.contains(quote) || inner.contains("\\") ? nil : String(inner)
    }
}
