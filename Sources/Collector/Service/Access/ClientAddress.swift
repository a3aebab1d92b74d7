import HTTPTypes
import Hummingbird
import NIOCore
import Shared

/// The client that a request counts for.
struct ClientAddress: Hashable, Sendable {
    /// An address as ``PeerAddress`` names it, or `local` for everybody who asks through loopback or a unix socket.
    let name: String
    /// True if others can have the same name: a proxy on this machine asks for everybody.
    let isShared: Bool

    private static let local = ClientAddress(name: "local", isShared: true)

    /// - Parameter peer: the other end of the connection; nil for a unix socket.
    ///
    /// A proxy on this machine states its client at the end of `X-Forwarded-For`. From other peers, the header means nothing.
    init(peer: SocketAddress?, _ headers: HTTPFields) {
        if let name = peer?.peerName, !Self.isLoopback(name) {
            self.init(name: name, isShared: false)
        } else if let field = HTTPField.Name("X-Forwarded-For"),
            let last = headers[values: field].last?.split(separator: ",").last.map({ $0.filter { $0 != " " } }),
            let name = Self.address(last)?.peerName, !Self.isLoopback(name)
        {
            self.init(name: name, isShared: false)
        } else {
            self = Self.local
        }
    }

    private init(name: String, isShared: Bool) {
        (self.name, self.isShared) = (name, isShared)
    }

    private static func isLoopback(_ name: String) -> Bool { name == "::1" || name.hasPrefix("127.") }

    /// An address that may have a port: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
    private static func address(_ text: String) -> SocketAddress? {
        var host = Substring(text)
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
            host = host[host.index(after: host.startIndex)..<end]
        } else if host.count(where: { $0 == ":" }) == 1 {
            host = host.prefix { $0 != ":" }
        }
        do { return try SocketAddress(ipAddress: String(host), port: 0) } catch { return nil }
    }
}

extension SocketAddress {
    /// nil for unix sockets.
    fileprivate var peerName: String? {
        guard case .v6(let address) = self else { return ipAddress }
        // `sin6_addr` follows family, port and flow (ipv6(7)).
        return PeerAddress.name(v6: withUnsafeBytes(of: address.address) { Array($0[8..<24]) })
    }
}
