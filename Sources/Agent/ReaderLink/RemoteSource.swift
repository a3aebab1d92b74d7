import AgentCore
import Logging
import NIOCore
import Shared
import Synchronization

/// The front's evidence: a reader's, followed as it comes, and asked for anew when it must not be old.
///
/// A look is a new connection, which begins with a fresh snapshot and then takes the place of the one before. A reader that
/// is gone, hangs or speaks nonsense makes every service `unknown` at once.
final class RemoteSource: StatusSource, Refreshable {
    let board: DocumentStore
    let clock: Clock
    let refresher: Refresher
    private let client: ReaderClient
    private let receiver: SnapshotReceiver
    private let current = Standing()

    init(_ parts: ReaderDependencies, board: DocumentStore) {
        let publisher = Publisher(board: board, clock: parts.clock, logger: parts.logger)
        self.board = board
        clock = parts.clock
        client = ReaderClient(path: parts.path, group: parts.group)
        receiver = SnapshotReceiver(parts: parts, board: board, publisher: publisher)
        refresher = Refresher(pace: .readers, clock: parts.clock)
    }

    var parts: [any Refreshable] { [self] }

    /// The same part for all services, which only the reader knows.
    func part(for service: String) -> (any Refreshable)? { self }

    func run() async {
        await refresher.run(self)
        current.replace(with: nil)?.close()
    }

    /// Connects to the reader, and receives its first snapshot.
    func observe(startedAt: ContinuousClock.Instant) async -> Refresher.Outcome {
        do throws(ReaderFailure) {
            let (first, connection) = try await client.connect()
            do throws(ReaderFailure) {
                try receiver.take(first)
            } catch {
                connection.close()
                throw error
            }
            current.replace(with: connection)?.close()
            Task.onTaskThread { await self.follow(connection) }
            // The reader announces all changes, so a change that this observation saw first is no surprise.
            return Refresher.Outcome(succeeded: true, changed: false, eventsAvailable: true)
        } catch {
            current.replace(with: nil)?.close()
            receiver.lost(error)
            return Refresher.Outcome(succeeded: false, changed: false, eventsAvailable: false)
        }
    }

    /// Receives snapshots until the connection ends. If it was the current one, all documents become unknown.
    private func follow(_ connection: ReaderClient.Connection) async {
        var reason: ReaderFailure?
        for await line in connection.lines {
            do throws(ReaderFailure) {
                try receiver.take(line)
            } catch {
                reason = error
                connection.close()
                break
            }
        }
        guard current.remove(connection) else { return }
        receiver.lost(reason ?? connection.end.value ?? .garbage)
        refresher.requestRefresh()
        refresher.setEventsAvailable(false)
    }

    /// The connection that counts.
    private final class Standing: Sendable {
        private let connection = Mutex<ReaderClient.Connection?>(nil)

        /// Returns the one before.
        func replace(with other: ReaderClient.Connection?) -> ReaderClient.Connection? {
            connection.withLock { connection in
                defer { connection = other }
                return connection
            }
        }

        /// Whether it was the one that counts.
        func remove(_ ended: ReaderClient.Connection) -> Bool {
            connection.withLock { connection in
                guard connection?.channel === ended.channel else { return false }
                connection = nil
                return true
            }
        }
    }
}

/// Puts up what a reader says, and that there is none.
final class SnapshotReceiver: Sendable {
    private let parts: ReaderDependencies
    private let board: DocumentStore
    private let publisher: Publisher
    private let lastFailure = Mutex<ReaderFailure?>(nil)

    init(parts: ReaderDependencies, board: DocumentStore, publisher: Publisher) {
        self.parts = parts
        self.board = board
        self.publisher = publisher
    }

    /// Takes over the services of a snapshot, with what was seen of them.
    func take(_ line: [UInt8]) throws(ReaderFailure) {
        let snapshot = try Snapshot(line: line)
        try adopt(snapshot)
        // In this order, so that nothing that was seen after the first moment is taken for younger than it is.
        let (now, nanoseconds) = (parts.clock.now(), parts.clock.bootNanoseconds())
        for service in snapshot.services {
            guard let lookedAt = service.lookedAt else { continue }
            let age = nanoseconds - lookedAt
            // A look of the future is no look: it would stay fresh for as long as it is ahead.
            guard age >= 0 else { throw .garbage }
            publisher.publish(
                service.content, startedAt: now - .nanoseconds(age), observedAt: service.observedAt,
                probeLatency: service.probeLatency.map { .nanoseconds($0) })
        }
        parts.metrics.update { counts in
            counts.looks = snapshot.counts.looks
            counts.engineStreams = snapshot.counts.engineStreams
            for reason in EngineFailure.Reason.allCases {
                counts.lookFailures[reason] = snapshot.counts.lookFailures[reason.rawValue]
            }
        }
        if lastFailure.withLock({ $0.take() }) != nil {
            parts.logger.info("The reader is back", metadata: ["reader": "\(Sanitizer.singleLine(parts.path))"])
        }
    }

    private func adopt(_ snapshot: Snapshot) throws(ReaderFailure) {
        let names = snapshot.services.map(\.content.service)
        guard Set(names).count == names.count else { throw .garbage }
        guard names != board.services else { return }
        do {
            board.reconfigure(
                try snapshot.services.map { service in
                    try DocumentStore.Entry(
                        unobserved: service.content.service, host: service.content.host,
                        reason: service.content.reason ?? "not observed yet")
                })
        } catch {
            throw .garbage
        }
    }

    /// Nothing is known any more.
    func lost(_ failure: ReaderFailure) {
        if lastFailure.withLock({ $0.replace(with: failure) }) != failure {
            parts.logger.warning(
                "There is no evidence from the reader", metadata: ["reason": "\(Sanitizer.singleLine("\(failure)"))"])
        }
        let (now, observedAt) = (parts.clock.now(), publisher.wallClock)
        parts.metrics.update { $0.engineStreams = $0.engineStreams.mapValues { .init(openings: $0.openings) } }
        for entry in board.entries {
            let content = DocumentContent(
                service: entry.body.content.service, state: .unknown, reason: Sanitizer.singleLine("\(failure)"),
                host: entry.body.content.host)
            publisher.publish(content, startedAt: now, observedAt: observedAt)
        }
    }
}

extension Optional {
    /// Puts in another value, and gives the one before.
    fileprivate mutating func replace(with other: Wrapped) -> Wrapped? {
        defer { self = other }
        return self
    }
}

/// What is needed to have evidence from a reader.
struct ReaderDependencies: Sendable {
    /// The reader's socket.
    var path: String
    var group: any EventLoopGroup
    var metrics: Metrics
    var clock: Clock
    var logger: Logger
}
