/// `If-None-Match` (RFC 9110, section 13.1.2): a list of entity tags, or `*`.
enum EntityTags {
    /// Whether any field's list holds the tag, by the weak comparison (section 8.8.3.2).
    static func match(_ fields: [String], tag: String) -> Bool {
        fields.contains { field in
            var rest = field[...]
            while true {
                rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "," }
                if rest.isEmpty { return false }
                if rest.first == "*" { return true }
                if rest.hasPrefix("W/") { rest = rest.dropFirst(2) }
                guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else { return false }
                if rest[...end] == tag { return true }
                rest = rest[rest.index(after: end)...]
            }
        }
    }
}
