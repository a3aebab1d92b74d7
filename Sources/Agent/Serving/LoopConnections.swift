import NIOCore

/// What the connections of one event loop share. Confined to the loop.
struct LoopConnections {
    let deadlines: TimerWheel
    let held: LongPollRegistry
    /// Who is to ask, and who is to end a handshake: that takes far more memory.
    let asking = IdleConnections()
    let securing = IdleConnections()

    init(loop: any EventLoop, metrics: Metrics) {
        deadlines = TimerWheel(loop: loop)
        held = LongPollRegistry(loop: loop, metrics: metrics)
    }

    func peers(_ turn: ConnectionPhase.Turn) -> IdleConnections? {
        switch turn {
        case .handshake: securing
        case .request: asking
        case .none: nil
        }
    }

    /// Makes room for a new connection; false where all that there are have work under way.
    func giveUpOldest() -> Bool { asking.giveUpOldest() || securing.giveUpOldest() }
}

/// The connections of one event loop that hold a request until a service's content changes.
///
/// Confined to its loop, so a connection that has compared the content and then stays here misses no change: what is
/// published meanwhile is told to the loop behind it.
final class LongPollRegistry {
    /// Connections answered in one go; other work of the loop comes in between.
    private static let batch = 64

    private let loop: any EventLoop
    private let metrics: Metrics
    private var connections: [String: [ObjectIdentifier: ConnectionHandler]] = [:]

    init(loop: any EventLoop, metrics: Metrics) {
        self.loop = loop
        self.metrics = metrics
    }

    /// Once for each request.
    func insert(_ connection: ConnectionHandler, service: String) {
        connections[service, default: [:]][ObjectIdentifier(connection)] = connection
        metrics.update { $0.requestsHeld += 1 }
    }

    func remove(_ connection: ConnectionHandler, service: String) {
        guard connections[service]?.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        metrics.update { $0.requestsHeld -= 1 }
    }

    /// The service's content is another.
    func contentChanged(_ service: String) {
        tell(Array((connections[service] ?? [:]).values)[...])
    }

    /// Those that are answered remove themselves.
    private func tell(_ told: ArraySlice<ConnectionHandler>) {
        for connection in told.prefix(Self.batch) { connection.contentChanged() }
        let rest = told.dropFirst(Self.batch)
        guard !rest.isEmpty else { return }
        loop.assumeIsolated().execute { [self] in tell(rest) }
    }
}

/// The connections of one event loop on which it is the peer's turn, in the order in which that began.
///
/// When all places are taken, the one that has kept the agent waiting longest is given up for a new one. So thousands of peers
/// that connect and then dawdle take places from each other, and not from somebody who asks at once.
final class IdleConnections {
    private var connections: [Int: ConnectionHandler] = [:]
    private var oldest = 0
    private var next = 0

    var count: Int { connections.count }

    /// - Returns: what takes it out again.
    func insert(_ connection: ConnectionHandler) -> Int {
        defer { next += 1 }
        connections[next] = connection
        return next
    }

    func remove(_ place: Int) {
        connections[place] = nil
        skip()
    }

    /// Ends the connection that has been waited for longest; false where there is none.
    func giveUpOldest() -> Bool {
        skip()
        guard let connection = connections[oldest] else { return false }
        connection.giveUp()
        return true
    }

    /// Each place is passed once.
    private func skip() {
        while oldest < next, connections[oldest] == nil { oldest += 1 }
    }
}
