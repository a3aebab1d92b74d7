import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An engine's API on a unix socket, with scripted answers. Records its requests.
public final class FakeEngine: Sendable {
    /// The path of the socket.
    public let socketPath: String

    /// The requests that the engine received although they are forbidden.
    public struct Forbidden: Error, CustomStringConvertible {
        public let requests: [String]
        public var description: String { "the engine was asked for what is not permitted: \(requests)" }
    }

    private struct State {
        var script: FakeEngineScript
        var requests: [String] = []
        var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var server: (any Channel)?
        var connections: [any Channel] = []
        var streams: [any Channel] = []
        var forbidden: [String] = []
    }

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let state: Mutex<State>

    /// - Parameter socketPath: at most 107 bytes.
    public init(socketPath: String, script: FakeEngineScript) {
        self.socketPath = socketPath
        state = Mutex(State(script: script))
    }

    public func start() async throws {
        let channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { [self] channel in
                state.withLock { $0.connections.append(channel) }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(FakeEngineHandler(engine: self))
                }
            }
            .bind(unixDomainSocketPath: socketPath, cleanupExistingSocketFile: true).get()
        state.withLock { $0.server = channel }
    }

    /// Closes every connection and stops listening.
    ///
    /// - Throws: ``Forbidden`` after any request that is not permitted, so that the test fails.
    public func stop() async throws {
        let (server, connections) = state.withLock { ($0.server, $0.connections) }
        try await server?.close().get()
        for connection in connections { connection.close(promise: nil) }
        try await group.shutdownGracefully()
        let forbidden = state.withLock { $0.forbidden }
        if !forbidden.isEmpty { throw Forbidden(requests: forbidden) }
    }

    /// The script of all further answers.
    public var script: FakeEngineScript {
        get { state.withLock { $0.script } }
        set { state.withLock { $0.script = newValue } }
    }

    /// Changes the script in place.
    public func update(_ change: (inout FakeEngineScript) -> Void) {
        state.withLock { change(&$0.script) }
    }

    /// All requests so far as `METHOD target`, in order.
    public var requests: [String] { state.withLock { $0.requests } }

    /// Returns when this number of requests have arrived in total.
    public func waitForRequests(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.requests.count >= count { return true }
                state.waiters.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    // MARK: - Event streams

    /// The number of open event streams.
    public var streamCount: Int { state.withLock { $0.streams.count { $0.isActive } } }

    /// Sends these bytes as one chunk on every event stream.
    public func emit(_ text: String) {
        for stream in state.withLock({ $0.streams }) where stream.isActive {
            stream.writeAndFlush(
                HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: text))), promise: nil)
        }
    }

    /// One event, as Docker writes it.
    public static func event(_ type: String, _ action: String) -> String {
        """
        {"status":"\(action)","id":"0","from":"canvas","Type":"\(type)","Action":"\(action)",\
        "Actor":{"ID":"0","Attributes":{"name":"canvas"}},"scope":"local","time":1,"timeNano":1}\n
        """
    }

    /// Ends every open event stream. Later ones follow the script.
    public func endStreams() {
        let streams = state.withLock { state in
            defer { state.streams = [] }
            return state.streams
        }
        for stream in streams { stream.close(promise: nil) }
    }

    func streamOpened(_ channel: any Channel) {
        state.withLock { $0.streams.append(channel) }
    }

    func answer(method: String, target: String) -> FakeEngineAnswer {
        let (answer, due) = state.withLock { state in
            state.requests.append("\(method) \(target)")
            if method != "GET" || !FakeEngineScript.isPermitted(target) {
                state.forbidden.append("\(method) \(target)")
            }
            let count = state.requests.count
            let due = state.waiters.filter { $0.count <= count }
            state.waiters.removeAll { $0.count <= count }
            return (state.script.answer(target: target), due)
        }
        for waiter in due { waiter.continuation.resume() }
        return answer
    }
}
