import NIOCore

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
