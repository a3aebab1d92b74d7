import NIOCore
import NIOHTTP1

/// What one peer, and all peers together, may take from the server.
struct ServerLimits: Sendable {
    /// Bytes of method, target and version.
    var requestLine = 4 * 1_024
    /// Bytes of all header names and values of one request.
    var headers = 8 * 1_024
    /// From the first byte of a request to the end of its headers, however many reads that takes.
    var headerTime = TimeAmount.seconds(5)
    /// Without a request.
    var idleTime = TimeAmount.seconds(15)
    /// For the kernel to take one answer: a peer that does not read is cut off.
    var writeTime = TimeAmount.seconds(5)
    /// For a request with a nonce to wait for a look; then it is given what there is, with its age.
    var lookTime = TimeAmount.seconds(6)
    /// After a refusal, for the peer to read it before the connection is cut.
    var lingerTime = TimeAmount.seconds(1)
    /// For the first request of a connection that was taken when the server was told to stop.
    var graceTime = TimeAmount.milliseconds(250)
    /// For requests under way when the server is told to stop.
    var drainTime = TimeAmount.seconds(5)
    /// Connections at a time, those included that hold a request until something changes.
    var connections = defaultConnections
    static let defaultConnections = 1_024
    /// What an operator may permit; a connection with a held request takes a few KiB.
    static let permittedConnections = 16...65_536
    /// Handshakes at a time; the oldest gives way to a new one. Each takes some 70 KB until it is over.
    var handshakes = 128
    /// Connections at a time from one address. Unix sockets have no address and are exempt.
    var connectionsPerAddress = defaultConnectionsPerAddress
    static let defaultConnectionsPerAddress = 256
    static let permittedConnectionsPerAddress = 1...65_536
    /// Requests a second from one address, and so many times that at once after a pause. Beyond it, 429.
    var requestsPerSecond = defaultRequestsPerSecond
    var burstSeconds = 2
    static let defaultRequestsPerSecond = 50
    static let permittedRequestsPerSecond = 1...100_000
    /// Requests that wait behind the one that is answered. One read of a plain connection never holds more.
    var pipelined = 64
    /// The host's own address is exempt from what is counted by address: a proxy there stands for all its clients. Only
    /// 127.0.0.1 and ::1 are, which is where proxies ask from.
    var exemptsLoopback = true
    /// Connections at a time that are being told 503; beyond these, they are cut without a word.
    var refusals = 128
}

extension ServerLimits {
    /// The answer to a request that is larger than permitted, or has a body; nil for all others.
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
