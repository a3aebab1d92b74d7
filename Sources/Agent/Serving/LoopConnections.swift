import NIOCore

/// The shared state of the connections of one event loop. Confined to the loop.
struct LoopConnections {
    let deadlines: TimerWheel
    let held: LongPollRegistry
    /// The connections that wait for a request, and those that wait for a handshake, which need far more memory.
    let requesting = IdleConnections()
    let securing = IdleConnections()

    init(loop: any EventLoop, metrics: Metrics) {
        deadlines = TimerWheel(loop: loop)
        held = LongPollRegistry(loop: loop, metrics: metrics)
    }

    func peers(_ wait: ConnectionPhase.Wait) -> IdleConnections? {
        switch wait {
        case .handshake: securing
        case .request: requesting
        case .none: nil
        }
    }

    /// Closes a connection to make room for a new one; returns false if all of them have work in progress.
    func giveUpOldest() -> Bool { requesting.giveUpOldest() || securing.giveUpOldest() }
}

/// The connections of one event loop that hold a request until a service's content changes.
///
/// Confined to its loop, so a connection that compares the content and then registers misses no change: the loop is notified
/// of a change afterwards.
final class LongPollRegistry {
    /// The number of connections to answer before other work of the loop.
    private static let batch = 64

    private let loop: any EventLoop
    private let metrics: Metrics
    private var connections: [String: [ObjectIdentifier: ConnectionHandler]] = [:]

    init(loop: any EventLoop, metrics: Metrics) {
        self.loop = loop
        self.metrics = metrics
    }

    /// Registers a connection, once for each request.
    func insert(_ connection: ConnectionHandler, service: String) {
        connections[service, default: [:]][ObjectIdentifier(connection)] = connection
        metrics.update { $0.requestsHeld += 1 }
    }

    func remove(_ connection: ConnectionHandler, service: String) {
        guard connections[service]?.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        metrics.update { $0.requestsHeld -= 1 }
    }

    /// Notifies the connections of a changed content.
    func contentChanged(_ service: String) {
        notify(Array((connections[service] ?? [:]).values)[...])
    }

    /// Connections remove themselves once they answer.
    private func notify(_ connections: ArraySlice<ConnectionHandler>) {
        for connection in connections.prefix(Self.batch) { connection.contentChanged() }
        let rest = connections.dropFirst(Self.batch)
        guard !rest.isEmpty else { return }
        loop.assumeIsolated().execute { [self] in notify(rest) }
    }
}

/// The connections of one event loop that wait for their peers, in the order in which the waiting began.
///
/// At the limit, the connection that has waited longest is closed for a new one. So thousands of idle peers compete with each
/// other, and not with a client that sends its request at once.
final class IdleConnections {
    private var connections: [Int: ConnectionHandler] = [:]
    private var oldest = 0
    private var next = 0

    var count: Int { connections.count }

    /// - Returns: the place, for ``remove(_:)``.
    func insert(_ connection: ConnectionHandler) -> Int {
        defer { next += 1 }
        connections[next] = connection
        return next
    }

    func remove(_ place: Int) {
        connections[place] = nil
        skip()
    }

    /// Closes the connection that has waited longest; returns false without one.
    func giveUpOldest() -> Bool {
        skip()
        guard let connection = connections[oldest] else { return false }
        connection.giveUp()
        return true
    }

    /// Advances to the oldest connection; amortised O(1).
    private func skip() {
        while oldest < next, connections[oldest] == nil { oldest += 1 }
    }
}
