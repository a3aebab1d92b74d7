/// The parts of an `http` or `https` URL that the inventory cares about. RFC 3986, sections 3.2 to 3.5.
package struct HTTPAddress: Hashable, Sendable {
    /// Host and port, as written.
    package var authority: String
    /// Path and query, as written; may be empty.
    package var path: String

    /// - Parameter scheme: where `://` stands in the text.
    package init(parsing text: String, scheme: Range<String.Index>) throws(HostAddress.Defect) {
        let rest = text[scheme.upperBound...]
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let authority = rest[..<end]
        // First of all, so that no other message repeats a password. A wrong '/' or '?' inside one still ends here.
        guard !authority.contains("@"), !Self.looksLikeUser(rest) else { throw .hasUser }
        guard text.utf8.count <= 2_048 else { throw .tooLong }
        guard ["http", "https"].contains(text[..<scheme.lowerBound].lowercased()) else { throw .scheme }
        guard !rest.contains("#") else { throw .fragment }
        let isPlain = rest.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"\\\"<>^`{|}".utf8.contains($0) }
        guard isPlain else { throw .characters }
        // An IPv6 literal without brackets would be fine as a name and is not in a URL.
        guard HostAddress.hostAndPort(authority) != nil,
            authority.hasPrefix("[") || authority.count(where: { $0 == ":" }) <= 1
        else { throw .noHost }
        self.authority = String(authority)
        path = String(rest[end...])
    }

    /// `user:pa/ss@host`: a password with a slash in it that somebody forgot to encode.
    private static func looksLikeUser(_ rest: Substring) -> Bool {
        guard let at = rest.lastIndex(of: "@"), let colon = rest.firstIndex(of: ":"), colon < at else { return false }
        return HostAddress.port(rest[rest.index(after: colon)...].prefix { $0 != "/" && $0 != "?" }) == nil
    }

    /// Whether every host has this path, so that it tells none apart.
    static func isUsual(path: String, service: String) -> Bool {
        ["", "/", "/buildinfo", "/buildinfo/\(service)", "/api/buildinfo"].contains(path)
    }
}
