extension HostAddress {
    /// Over HTTP, and to another machine than this.
    package static func isInTheClear(_ url: String) -> Bool {
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
