import NIOCore
import NIOHTTP1

/// The limits for one peer and for all peers together.
struct ServerLimits: Sendable {
    /// The size of method, target and version in bytes.
    var requestLine = 4 * 1_024
    /// The size of all header names and values of a request in bytes.
    var headers = 8 * 1_024
    /// The time from the first byte of a request to the end of its headers.
    var headerTime = TimeAmount.seconds(5)
    /// The time without a request.
    var idleTime = TimeAmount.seconds(15)
    /// The time for the kernel to accept an answer: a peer that does not read is disconnected.
    var writeTime = TimeAmount.seconds(5)
    /// The time for a request with a nonce to wait for an observation; afterwards it gets the present evidence with its age.
    var observationTime = TimeAmount.seconds(6)
    /// The time for the peer to read a refusal before the connection is closed.
    var lingerTime = TimeAmount.seconds(1)
    /// The time for the first request of a connection that was open when the server began to stop.
    var graceTime = TimeAmount.milliseconds(250)
    /// The time for requests in flight when the server begins to stop.
    var drainTime = TimeAmount.seconds(5)
    /// The number of connections, including those that hold a request until a change.
    var connections = defaultConnections
    static let defaultConnections = 1_024
    /// The permitted settings; a connection with a held request takes a few KiB.
    static let permittedConnections = 16...65_536
    /// The number of simultaneous handshakes, each of which takes about 70 KB; a new one replaces the oldest.
    var handshakes = 128
    /// The number of connections from one address. Unix sockets have no address and are exempt.
    var connectionsPerAddress = defaultConnectionsPerAddress
    static let defaultConnectionsPerAddress = 256
    static let permittedConnectionsPerAddress = 1...65_536
    /// The number of requests per second from one address; the burst is `burstSeconds` times as many. Beyond it, 429.
    var requestsPerSecond = defaultRequestsPerSecond
    var burstSeconds = 2
    static let defaultRequestsPerSecond = 50
    static let permittedRequestsPerSecond = 1...100_000
    /// The number of queued requests of a connection. One read of a plain connection never holds more.
    var pipelined = 64
    /// True to exempt 127.0.0.1 and ::1 from the limits per address: a proxy there represents all its clients.
    var exemptsLoopback = true
    /// The number of connections that are being answered with 503; further ones are closed without an answer.
    var refusals = 128
}

extension ServerLimits {
    /// The answer to a request that is too large or has a body; nil for all others.
    func refusal(of head: HTTPRequestHead) -> Answer? {
        let line = head.method.rawValue.utf8.count + head.uri.utf8.count + " ".utf8.count * 2 + "HTTP/1.1".utf8.count
        if line > requestLine { return .uriTooLong }
        let size = head.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        if size > headers { return .headersTooLarge }
        let hasBody =
            head.headers.contains(name: "Transfer-Encoding")
            || head.headers["Content-Length"].contains { $0 != "0" }
        return hasBody ? .bodyRefused : nil
    }
}
