import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An engine's API on a unix socket, with scripted answers; it records what it was asked.
public final class FakeEngine: Sendable {
    /// Where it listens.
    public let socketPath: String

    private struct State {
        var script: FakeEngineScript
        var requests: [String] = []
        var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var server: (any Channel)?
        var connections: [any Channel] = []
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

    /// Cuts every connection and stops listening.
    public func stop() async throws {
        let (server, connections) = state.withLock { ($0.server, $0.connections) }
        try await server?.close().get()
        for connection in connections { connection.close(promise: nil) }
        try await group.shutdownGracefully()
    }

    /// What answers are given from now on.
    public var script: FakeEngineScript {
        get { state.withLock { $0.script } }
        set { state.withLock { $0.script = newValue } }
    }

    /// Changes the script in place.
    public func update(_ change: (inout FakeEngineScript) -> Void) {
        state.withLock { change(&$0.script) }
    }

    /// Every request so far as `METHOD target`, in order.
    public var requests: [String] { state.withLock { $0.requests } }

    /// Returns when so many requests came in all.
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

    func answer(method: String, target: String) -> FakeEngineAnswer {
        let (answer, due) = state.withLock { state in
            state.requests.append("\(method) \(target)")
            let count = state.requests.count
            let due = state.waiters.filter { $0.count <= count }
            state.waiters.removeAll { $0.count <= count }
            return (state.script.answer(target: target), due)
        }
        for waiter in due { waiter.continuation.resume() }
        return answer
    }
}
