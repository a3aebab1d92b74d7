extension HostAddress {
    /// Whether requests to the URL cross a network unencrypted: plain HTTP to a host that is not loopback.
    package static func isInTheClear(_ url: String) -> Bool {
        guard let scheme = url.firstRange(of: "://"), url[..<scheme.lowerBound].lowercased() == "http" else {
            return false
        }
        let authority = url[scheme.upperBound...].prefix { !"/?#".contains($0) }
        guard let (host, _) = HostAddress.hostAndPort(authority) else { return true }
        return !isLoopback(host.lowercased())
    }

    /// A name that merely begins like an address of 127.0.0.0/8 does not count.
    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
