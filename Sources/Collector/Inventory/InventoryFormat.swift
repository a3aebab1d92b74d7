import CollectorSupport

/// What a source is written in, told by its content: a name's ending proves nothing, and standard input has none.
enum InventoryFormat: Hashable, Sendable {
    /// YAML or JSON, which is nearly a subset of it: the inventory's own form, or Prometheus `file_sd`.
    case structured
    /// One host or URL a line.
    case lines

    init(recognising text: String) {
        for line in text.utf8.split(separator: 10) {
            let content = String(Substring(line)).trimmingBlanks()
            if content.isEmpty || content.hasPrefix("#") { continue }
            self = Self.isStructured(content) ? .structured : .lines
            return
        }
        // Nothing but blanks and comments: an empty list.
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
