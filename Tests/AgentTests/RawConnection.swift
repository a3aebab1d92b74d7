import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// A connection on which a test writes arbitrary bytes, and reads the response.
final class RawConnection: Sendable {
    private struct State {
        var text = ""
        var isClosed = false
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let connection: RawConnection

        init(_ connection: RawConnection) { self.connection = connection }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            connection.state.withLock { $0.text += text }
        }

        func channelInactive(context: ChannelHandlerContext) { connection.state.withLock { $0.isClosed = true } }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let state = Mutex(State())
    private let channel = Mutex<(any Channel)?>(nil)

    /// - Parameter reads: false for a peer that never reads.
    static func open(_ address: SocketAddress, from source: String? = nil, reads: Bool = true) async throws
        -> RawConnection
    {
        let connection = RawConnection()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(connection))
                }
            }
        if let source { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0)) }
        let channel = try await bootstrap.connect(to: address).get()
        connection.channel.withLock { $0 = channel }
        return connection
    }

    func write(_ text: String) async throws {
        try await channel.withLock { $0 }?.writeAndFlush(ByteBuffer(string: text)).get()
    }

    /// Sends the text without waiting until the kernel has accepted it.
    func send(_ text: String) {
        channel.withLock { $0 }?.writeAndFlush(ByteBuffer(string: text), promise: nil)
    }

    func finishWriting() async throws { try await channel.withLock { $0 }?.close(mode: .output).get() }

    /// Ends the connection with a reset instead of an orderly close.
    func abort() async throws {
        guard let channel = channel.withLock({ $0 }) else { return }
        try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        channel.close(promise: nil)
    }

    func close() { channel.withLock { $0 }?.close(promise: nil) }

    var text: String { state.withLock { $0.text } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Waits until the received text satisfies the condition, at most 30 s; returns that text.
    @discardableResult
    func text(when isDone: (String) -> Bool) async throws -> String {
        for _ in 0..<3_000 where !isDone(text) && !isClosed { try await Task.sleep(for: .milliseconds(10)) }
        return text
    }

    /// Waits for the peer to close the connection; returns false after 30 s.
    func closes() async throws -> Bool {
        for _ in 0..<3_000 where !isClosed { try await Task.sleep(for: .milliseconds(10)) }
        return isClosed
    }
}

extension String {
    /// The status codes of the responses in a raw text.
    var statuses: [String] {
        split(separator: "\r\n", omittingEmptySubsequences: false).flatMap {
            $0.split(separator: "}", omittingEmptySubsequences: false)
        }
        .flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false) }
        .filter { $0.hasPrefix("HTTP/1.1 ") }.map { String($0.dropFirst(9).prefix(3)) }
    }
}
