import NIOCore

extension SocketAddress {
    /// What stands for one peer: an IPv4 address, or the first 64 bits of an IPv6 address, since whoever has one has all of
    /// that network (RFC 4291, section 2.5.4). An IPv4 address that is written as an IPv6 one is the same peer. nil for unix
    /// sockets.
    var countedAddress: String? {
        guard case .v6(let address) = self else { return ipAddress }
        // `sin6_addr` lies behind family, port and flow (ipv6(7)); which module has its declaration is anybody's guess.
        let bytes = withUnsafeBytes(of: address.address) { Array($0[8..<24]) }
        if bytes.starts(with: Self.mappedPrefix) { return bytes[12...].map { "\($0)" }.joined(separator: ".") }
        if bytes == Self.loopback { return "::1" }
        let groups = stride(from: 0, to: 8, by: 2).map { index in
            String(Int(bytes[index]) << 8 | Int(bytes[index + 1]), radix: 16)
        }
        return groups.joined(separator: ":") + "::/64"
    }

    /// ::ffff:0:0/96 (RFC 4291, section 2.5.5.2).
    private static let mappedPrefix: [UInt8] = Array(repeating: 0, count: 10) + [0xFF, 0xFF]
    private static let loopback: [UInt8] = Array(repeating: 0, count: 15) + [1]
}
