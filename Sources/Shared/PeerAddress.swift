/// The identity of one peer for limits: an IPv4 address, or the first 64 bits of an IPv6 address, since a peer controls its whole
/// network (RFC 4291, section 2.5.4).
public enum PeerAddress {
    /// - Parameter bytes: the 16 bytes of an IPv6 address. One that stands for an IPv4 address is the IPv4 peer.
    public static func name(v6 bytes: [UInt8]) -> String {
        if bytes.starts(with: mappedPrefix) { return bytes[12...].map { "\($0)" }.joined(separator: ".") }
        if bytes == loopback { return "::1" }
        let groups = stride(from: 0, to: 8, by: 2).map { index in
            String(Int(bytes[index]) << 8 | Int(bytes[index + 1]), radix: 16)
        }
        return groups.joined(separator: ":") + "::/64"
    }

    /// ::ffff:0:0/96 (RFC 4291, section 2.5.5.2).
    private static let mappedPrefix: [UInt8] = Array(repeating: 0, count: 10) + [0xFF, 0xFF]
    private static let loopback: [UInt8] = Array(repeating: 0, count: 15) + [1]
}
