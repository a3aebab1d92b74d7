import CollectorSupport
import FoundationEssentials
import Shared

/// Reads one source in any format.
struct InventoryLoader: Sendable {
    let now: Date
    var reader = InventoryReader()

    struct Reading: Sendable {
        let source: InventorySource
        let listing: ParsedInventory
        let version: SourceVersion?
    }

    func read(_ source: InventorySource) throws(InventoryError) -> Reading {
        try parse(try reader.read(source), source)
    }

    /// Reads a list that a server sent.
    func read(_ source: InventorySource, _ list: InventoryServer.Response) throws(InventoryError) -> Reading {
        try parse(try reader.read(list, name: source.name), source)
    }

    private func parse(_ content: InventoryReader.Content, _ source: InventorySource) throws(InventoryError) -> Reading
    {
        var listing: ParsedInventory
        switch InventoryFormat(recognising: content.text) {
        case .lines: listing = try LineInventory(source: source.name).read(content.text)
        case .ini: listing = try ansible(try AnsibleINI(source: source.name).read(content.text), source)
        case .structured:
            let yaml = StructuredInventory(source: source.name, now: now)
            switch try yaml.read(content.text) {
            case .listing(let own): listing = own
            case .ansible(let inventory): listing = try ansible(inventory, source)
            }
        }
        if let group = source.group, !listing.isAnsible {
            throw .invalid(
                SourceLocation(source: source.name, line: nil),
                problem:
                    "'#\(InventoryError.shown(group))' is for a group of an Ansible inventory: remove it, and give "
                    + "--select KEY=VALUE")
        }
        // A relative path means the same in every working directory; standard input is in no folder.
        if let folder = Self.folder(of: source), !folder.isEmpty {
            listing.access = listing.access.map { $0.resolved(in: folder) }
            for index in listing.hosts.indices {
                listing.hosts[index].access = listing.hosts[index].access?.resolved(in: folder)
            }
        }
        if case .dns(_, .services) = source.origin { listing.hasForeignPorts = true }
        return Reading(source: source, listing: listing, version: content.version)
    }

    private func ansible(
        _ inventory: AnsibleInventory, _ source: InventorySource
    ) throws(InventoryError) -> ParsedInventory {
        var inventory = inventory
        if let folder = Self.folder(of: source) {
            inventory.files = try AnsibleVariableFiles(folder: folder, names: inventory.names, reader: reader)
        }
        return try inventory.listing(of: source.group)
    }

    /// The folder of a file with a slash at its end, empty for the working directory; nil for standard input.
    private static func folder(of source: InventorySource) -> String? {
        guard case .file(let path) = source.origin else { return nil }
        return path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }
}

/// The format of a source, recognised by its content: a file's extension can be wrong, and standard input has none.
private enum InventoryFormat: Hashable, Sendable {
    /// YAML or JSON, which is nearly a subset of YAML: the inventory's own form, Prometheus `file_sd`, or Ansible's.
    case structured
    /// Ansible's INI format: hosts with variables, or sections.
    case ini
    /// One host or URL per line.
    case lines

    init(recognising text: String) {
        var rest = text.utf8[...]
        while !rest.isEmpty {
            let line = rest.prefix { $0 != 10 }
            rest = rest[line.endIndex...].dropFirst()
            let content = String(Substring(line)).trimmingBlanks()
            if content.isEmpty || content.hasPrefix("#") || content.hasPrefix(";") { continue }
            let isStructured = Self.isStructured(content)
            // The first line decides, unless it could begin a list as well as a section.
            if !isStructured || content.hasPrefix("["), AnsibleINI.isRecognised(in: text) {
                self = .ini
            } else {
                self = isStructured ? .structured : .lines
            }
            return
        }
        // Only blank lines and comments: an empty list.
        self = .lines
    }

    private static func isStructured(_ line: String) -> Bool {
        let first = line.split { $0 == " " || $0 == "\t" }.first.map(String.init) ?? line
        if ["-", "---", "?", "|", ">"].contains(first) || first.hasPrefix("%") { return true }
        if first.hasPrefix("{") || first.hasPrefix("\"") || first.hasPrefix("'") { return true }
        // An IPv6 literal in brackets, or a list.
        if first.hasPrefix("[") { return HostAddress.hostAndPort(first) == nil }
        if HostAddress.hostAndPort(first) != nil, first == line { return false }
        return line.contains(": ") || line.contains(":\t") || line.hasSuffix(":")
    }
}

/// Reads one host or URL per line; blank lines and text after a `#` are ignored.
private struct LineInventory {
    let source: String

    func read(_ text: String) throws(InventoryError) -> ParsedInventory {
        var listing = ParsedInventory()
        var number = 0
        for line in text.utf8.split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            let place = SourceLocation(source: source, line: number)
            let content = Self.withoutComment(String(Substring(line))).trimmingBlanks()
            if content.isEmpty { continue }
            guard !content.contains(where: { $0 == " " || $0 == "\t" }) else {
                // The password of a URL with a stray space must not be shown.
                if content.contains("@") {
                    throw .invalid(place, problem: HostAddress.ParseError.hasUser.message(about: content))
                }
                let shown = InventoryError.shown(content)
                throw .invalid(place, problem: "'\(shown)' is more than one word: write one host or URL per line")
            }
            listing.hosts.append(ListedHost(place: place, address: content))
        }
        return listing
    }

    /// A `#` begins a comment at the start of a line and after a space; elsewhere it is a URL's fragment, which is refused
    /// later.
    private static func withoutComment(_ line: String) -> String {
        var isAfterBlank = true
        for index in line.utf8.indices {
            let byte = line.utf8[index]
            if byte == UInt8(ascii: "#"), isAfterBlank { return String(line[..<index]) }
            isAfterBlank = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
        }
        return line
    }
}
