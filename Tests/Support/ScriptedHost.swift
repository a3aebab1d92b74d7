internal import NIOCore
internal import NIOPosix

/// A small HTTP/1.1 server on loopback that answers by a script: correctly, incorrectly, or not at all.
///
/// Bound to all loopback addresses, it acts as any number of hosts:
///
/// ```swift
/// let fleet = try await ScriptedHost.start { request in
///     request.localAddress == "127.0.0.9" ? .hang : .json(#"{"git_sha":"…"}"#)
/// }
/// let url = fleet.url(host: 9)         // http://127.0.0.9:PORT/buildinfo
/// await fleet.stop()
/// ```
public final class ScriptedHost: Sendable {
    public typealias Script = @Sendable (ScriptedHostRequest) -> ScriptedHostAnswer

    public let port: Int
    private let listener: any Channel
    private let counters: ScriptedHostCounters

    private init(port: Int, listener: any Channel, counters: ScriptedHostCounters) {
        self.port = port
        self.listener = listener
        self.counters = counters
    }

    /// - Parameters:
    ///   - address: `0.0.0.0` is every loopback address; connections to others are closed.
    ///   - port: 0 for any free port.
    ///   - script: called for every request, on any thread.
    public static func start(
        address: String = "0.0.0.0",
        port: Int = 0,
        script: @escaping Script
    ) async throws -> ScriptedHost {
        let counters = ScriptedHostCounters()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let address = channel.localAddress?.ipAddress ?? ""
                    let number = counters.accept(channel)
                    let connection = ScriptedHostConnection(number: number, address: address, script: script) {
                        counters.countRequest()
                    }
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
            .bind(host: address, port: port).get()
        guard let bound = listener.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        return ScriptedHost(port: bound, listener: listener, counters: counters)
    }

    /// Connections accepted so far.
    public var accepted: Int { counters.accepted }
    /// Requests read so far.
    public var requests: Int { counters.requests }
    /// Open connections, as far as the server knows.
    public var open: Int { counters.open }

    /// The URL of the n-th host, 0 up to 65,000, at `127.x.y.z`.
    public func url(host: Int = 0, _ path: String = "/buildinfo") -> String {
        "http://\(Self.address(host: host)):\(port)\(path)"
    }

    /// The n-th host's address, from `127.0.0.1` on.
    public static func address(host: Int) -> String {
        let number = host + 1
        return "127.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)"
    }

    /// Returns when the condition holds. Otherwise the test's time limit ends the wait.
    public func reached(_ condition: @Sendable (ScriptedHost) -> Bool) async {
        while !condition(self), !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Closes every connection and continues to listen.
    public func disconnect() async {
        await counters.closeAll()
    }

    /// Closes the listener and every connection.
    public func stop() async {
        try? await listener.close().get()
        await counters.closeAll()
    }
}
