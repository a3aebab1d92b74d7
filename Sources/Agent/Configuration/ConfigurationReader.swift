import AgentCore
import Shared

/// Understands a configuration file's nodes by the table of keys, and gathers every mistake.
struct ConfigurationReader {
    private(set) var problems: [ConfigurationProblem] = []
    private var file = ConfigurationFile()

    mutating func read(_ root: ConfigurationNode) -> ConfigurationFile {
        // An empty file is one that leaves everything as it is.
        guard !root.isNull else { return file }
        mapping(root, key: "", path: "")
        return file
    }

    private mutating func complain(_ position: ConfigurationPosition, _ key: String, _ text: String) {
        problems.append(ConfigurationProblem(position: position, key: key, text: text))
    }

    // MARK: - Mappings

    /// Reads a mapping whose values go into the file.
    private mutating func mapping(_ node: ConfigurationNode, key: String, path: String) {
        for (name, value) in members(node, key: key, path: path, example: Self.example(path)) {
            let (key, path) = (key.isEmpty ? name : "\(key).\(name)", path.isEmpty ? name : "\(path).\(name)")
            if path == "services" {
                services(value)
            } else if let known = ConfigurationKey.at(path) {
                file.values[path] = values(value, of: known, key: key)
            } else if !value.isNull {
                mapping(value, key: key, path: path)
            }
        }
    }

    private static func example(_ path: String) -> String {
        path.isEmpty ? "services:" : "{\(ConfigurationKey.names(below: path).first ?? "key"): ...}"
    }

    /// The known keys of a mapping, each once, in the file's order.
    private mutating func members(
        _ node: ConfigurationNode, key: String, path: String, example: String
    ) -> [(name: String, value: ConfigurationNode)] {
        guard case .mapping(let pairs) = node.content else {
            if node.content != .refused {
                complain(node.position, key, "is \(node.kind) where a mapping belongs; write for example '\(example)'")
            }
            return []
        }
        let known = ConfigurationKey.names(below: path)
        var first: [String: ConfigurationPosition] = [:]
        var members: [(String, ConfigurationNode)] = []
        for pair in pairs {
            guard case .scalar(let name, _) = pair.key.content else {
                if pair.key.content != .refused {
                    complain(pair.key.position, key, "has \(pair.key.kind) as a key; write a word")
                }
                continue
            }
            let shown = Sanitizer.singleLine(name, limit: 80)
            guard known.contains(name) else {
                complain(
                    pair.key.position, key, "unknown key '\(shown)'; \(Suggestion.remedy(for: name, among: known))")
                continue
            }
            if let before = first[name] {
                complain(
                    pair.key.position, key, "the key '\(shown)' stands twice, first in line \(before.line); remove one")
                continue
            }
            first[name] = pair.key.position
            members.append((name, pair.value))
        }
        return members
    }

    // MARK: - Values

    private mutating func values(
        _ node: ConfigurationNode, of known: ConfigurationKey, key: String
    ) -> [ConfigurationFile.Value] {
        guard known.shape == .texts, case .sequence(let nodes) = node.content else {
            return value(node, of: known, key: key).map { [$0] } ?? []
        }
        return nodes.enumerated().compactMap { value($0.element, of: known, key: "\(key)[\($0.offset)]") }
    }

    private mutating func value(
        _ node: ConfigurationNode, of known: ConfigurationKey, key: String
    ) -> ConfigurationFile.Value? {
        guard node.content != .refused else { return nil }
        guard case .scalar(let text, let isPlain) = node.content, !node.isNull else {
            complain(node.position, key, "is \(node.kind) where a \(known.shape.single) belongs; \(known.shape.remedy)")
            return nil
        }
        let value = ConfigurationFile.Value(text: text, position: node.position)
        let shown = "'\(Sanitizer.singleLine(text, limit: 80))'"
        switch known.shape {
        case .flag:
            guard isPlain, ["true", "false"].contains(text) else {
                complain(node.position, key, "\(shown) is neither true nor false; \(known.shape.remedy)")
                return nil
            }
        case .number(let range):
            guard isPlain, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text),
                range.contains(number)
            else {
                complain(node.position, key, "\(shown) is no such number; \(known.shape.remedy)")
                return nil
            }
        case .text, .texts, .choice, .path:
            if let problem = ConfigurationCheck.problem(text, at: known) {
                complain(node.position, key, problem)
                return nil
            }
        }
        return value
    }

    // MARK: - Services

    private mutating func services(_ node: ConfigurationNode) {
        guard case .sequence(let nodes) = node.content else {
            if node.content != .refused {
                complain(
                    node.position, "services",
                    "is \(node.kind) where a list belongs; write for example '- {name: canvas, compose: canvas}'")
            }
            return
        }
        var names: [String: String] = [:]
        for (index, node) in nodes.enumerated() {
            let key = "services[\(index)]"
            guard let service = service(node, key: key) else { continue }
            if let first = names[service.name.text] {
                complain(
                    service.name.position, "\(key).name",
                    "'\(service.name.text)' is the name of \(first), too; give each service a name of its own")
            }
            names[service.name.text] = names[service.name.text] ?? key
            file.services.append(service)
        }
    }

    private mutating func service(_ node: ConfigurationNode, key: String) -> ConfigurationFile.Service? {
        let before = problems.count
        var found: [String: ConfigurationFile.Value] = [:]
        var selectors: [String] = []
        var named: Set<String> = []
        let example = "{name: canvas, compose: canvas}"
        for (name, node) in members(node, key: key, path: "services[]", example: example) {
            named.insert(name)
            if Selector.kinds.contains(name) {
                selectors.append(name)
                if selectors.count > 1 {
                    complain(
                        node.position, "\(key).\(name)", "is a second selector beside '\(selectors[0])'; keep one")
                }
            }
            guard let known = ConfigurationKey.at("services[].\(name)") else { continue }
            found[name] = value(node, of: known, key: "\(key).\(name)")
        }
        guard case .mapping = node.content else { return nil }
        // An unknown key, which was complained of, may be the missing one misspelt.
        if problems.count == before {
            if !named.contains("name") { complain(node.position, key, "has no name; add for example 'name: canvas'") }
            if selectors.isEmpty {
                complain(node.position, key, "has no selector; add one of \(Selector.kinds.joined(separator: ", "))")
            }
        }
        if selectors.contains("file"), let number = found["instances"] {
            complain(number.position, "\(key).instances", "a file has no instances to count; remove the key")
        }
        guard let name = found["name"], let kind = selectors.first, let value = found[kind] else { return nil }
        let count = found["instances"].map { ",instances=\($0.text)" } ?? ""
        return ConfigurationFile.Service(name: name, selector: "\(kind):\(value.text)\(count)", probe: found["probe"])
    }
}

extension ConfigurationKey.Shape {
    /// What one value is, with "a" in front of it.
    fileprivate var single: String {
        switch self {
        case .text, .texts, .choice: "text"
        case .flag: "flag"
        case .number: "number"
        case .path: "path"
        }
    }

    fileprivate var remedy: String {
        switch self {
        case .text, .texts: "write one, or remove the key"
        case .flag: "write true or false"
        case .number(let range): "write one from \(range.lowerBound) to \(range.upperBound)"
        case .choice(let words): "write one of \(words.joined(separator: ", "))"
        case .path: "write one that begins with '/'"
        }
    }
}
