import Shared

/// How each host of a fleet is asked.
struct FleetAccess: Sendable {
    /// For the hosts that have none of their own.
    private let standard: TransferAccess
    private let own: [Int: TransferAccess]

    /// - Parameter own: by the host's index.
    init(_ standard: TransferAccess = TransferAccess(), own: [Int: TransferAccess] = [:]) {
        self.standard = standard
        self.own = own
    }

    subscript(host: Int) -> TransferAccess { own[host] ?? standard }

    /// What a reader of the report should know, one line each.
    ///
    /// That a token goes over plain HTTP is said, and not refused: it may well be meant, in a network that is private by
    /// itself, and a deploy that cannot be verified is worth less than a token that opens nothing but the hosts' build
    /// information. Said it must be, since everybody on the way can read it, and use it.
    func warnings(for hosts: [ExpectedHost]) -> [String] {
        let shown = hosts.indices.filter { self[$0].bearerToken != nil && Self.isInTheClear(hosts[$0].url) }
        guard !shown.isEmpty else { return [] }
        let names = shown.prefix(3).map { Hygiene.line(hosts[$0].name, limit: 64) }.joined(separator: ", ")
        let more = shown.count > 3 ? " and \(shown.count - 3) more" : ""
        return [
            "the token is sent in the clear to \(shown.count) host\(shown.count == 1 ? "" : "s") (\(names)\(more)): "
                + "let their agents speak TLS, and give https urls (or scheme: https)"
        ]
    }

    /// Over HTTP, and to another machine than this.
    static func isInTheClear(_ url: String) -> Bool {
        guard let scheme = url.firstRange(of: "://"), url[..<scheme.lowerBound].lowercased() == "http" else {
            return false
        }
        let authority = url[scheme.upperBound...].prefix { !"/?#".contains($0) }
        guard let (host, _) = HostAddress.hostAndPort(authority) else { return true }
        return !isLoopback(host.lowercased())
    }

    /// A name that only looks like an address of 127.0.0.0/8 is none.
    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
