import Logging
import NIOCore
import Shared
import Synchronization

/// The front's evidence: a reader's, followed as it comes, and asked for anew when it must not be old.
///
/// A look is a new connection, which begins with a fresh snapshot and then takes the place of the one before. A reader that
/// is gone, hangs or speaks nonsense makes every service `unknown` at once.
struct RemoteSource: StatusSource {
    let board: DocumentStore
    let clock: Clock
    private let looker: Refresher
    private let standing: Standing

    var lookers: [Refresher] { [looker] }

    init(_ parts: ReaderDependencies, board: DocumentStore) {
        let standing = Standing()
        let publisher = Publisher(board: board, clock: parts.clock, logger: parts.logger)
        let taker = SnapshotReceiver(parts: parts, board: board, publisher: publisher)
        let client = ReaderClient(path: parts.path, group: parts.group)
        self.board = board
        self.standing = standing
        clock = parts.clock
        looker = Refresher(pace: .readers, clock: parts.clock) { looker, _ in
            await Self.connect(client, standing, taker, looker)
        }
    }

    /// Any service: which ones there are, the reader says.
    func looker(for service: String) -> Refresher? { looker }

    func run() async {
        await looker.run()
        standing.replace(with: nil)?.close()
    }

    private static func connect(
        _ client: ReaderClient, _ standing: Standing, _ taker: SnapshotReceiver, _ looker: Refresher
    ) async -> Refresher.Outcome {
        do throws(ReaderFailure) {
            let (first, connection) = try await client.connect()
            do throws(ReaderFailure) {
                try taker.take(first)
            } catch {
                connection.close()
                throw error
            }
            standing.replace(with: connection)?.close()
            Task.onTaskThread { await follow(connection, standing, taker, looker) }
            // The reader tells of all changes; that this look may have been faster than its word is no surprise.
            return Refresher.Outcome(succeeded: true, changed: false, isFollowed: true)
        } catch {
            standing.replace(with: nil)?.close()
            taker.lost(error)
            return Refresher.Outcome(succeeded: false, changed: false, isFollowed: false)
        }
    }

    /// Takes what comes until the connection ends, and says so if it was the one that counts.
    private static func follow(
        _ connection: ReaderClient.Connection, _ standing: Standing, _ taker: SnapshotReceiver, _ looker: Refresher
    ) async {
        var reason: ReaderFailure?
        for await line in connection.lines {
            do throws(ReaderFailure) {
                try taker.take(line)
            } catch {
                reason = error
                connection.close()
                break
            }
        }
        guard standing.remove(connection) else { return }
        taker.lost(reason ?? connection.end.value ?? .garbage)
        looker.told()
        looker.follows(false)
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

extension RefreshSchedule.Pace {
    /// For readers, who tell of every look of theirs.
    static let readers = RefreshSchedule.Pace(calm: .seconds(30), wary: .seconds(1), settling: .zero)
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
                service.content, lookedAt: now - .nanoseconds(age), observedAt: service.observedAt,
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
            board.adopt(
                try snapshot.services.map { service in
                    try DocumentStore.Entry(
                        unseen: service.content.service, host: service.content.host,
                        reason: service.content.reason ?? "not looked at yet")
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
            publisher.publish(content, lookedAt: now, observedAt: observedAt)
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
