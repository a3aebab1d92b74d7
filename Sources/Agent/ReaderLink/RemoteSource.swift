import AgentCore
import Logging
import NIOCore
import Shared
import Synchronization

/// The server's source: the reader's snapshots, and a fresh one on request.
///
/// An observation is a new connection, which begins with a fresh snapshot and replaces the previous connection. If the reader
/// is gone, hangs or sends an invalid snapshot, every service is `unknown` at once.
final class RemoteSource: StatusSource, Refreshable {
    let documents: DocumentStore
    let clock: Clock
    let refresher: Refresher
    private let client: ReaderClient
    private let receiver: SnapshotReceiver
    private let current = CurrentConnection()

    init(_ parts: ReaderDependencies, documents: DocumentStore) {
        let publisher = Publisher(documents: documents, clock: parts.clock, logger: parts.logger)
        self.documents = documents
        clock = parts.clock
        client = ReaderClient(path: parts.path, group: parts.group)
        receiver = SnapshotReceiver(parts: parts, documents: documents, publisher: publisher)
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
                try receiver.receive(first)
            } catch {
                connection.close()
                throw error
            }
            current.replace(with: connection)?.close()
            Task.onTaskThread { await self.follow(connection) }
            // The reader announces all changes, so a change that this observation saw first is not a surprise.
            return Refresher.Outcome(succeeded: true, changed: false, eventsAvailable: true)
        } catch {
            current.replace(with: nil)?.close()
            receiver.lose(error)
            return Refresher.Outcome(succeeded: false, changed: false, eventsAvailable: false)
        }
    }

    /// Receives snapshots until the connection ends. If it was the current one, all documents become unknown.
    private func follow(_ connection: ReaderClient.Connection) async {
        var reason: ReaderFailure?
        for await line in connection.lines {
            do throws(ReaderFailure) {
                try receiver.receive(line)
            } catch {
                reason = error
                connection.close()
                break
            }
        }
        guard current.remove(connection) else { return }
        receiver.lose(reason ?? connection.end.value ?? .garbage)
        refresher.requestRefresh()
        refresher.setEventsAvailable(false)
    }

    /// The connection whose snapshots count.
    private final class CurrentConnection: Sendable {
        private let connection = Mutex<ReaderClient.Connection?>(nil)

        /// Returns the previous connection.
        func replace(with other: ReaderClient.Connection?) -> ReaderClient.Connection? {
            connection.withLock { connection in
                defer { connection = other }
                return connection
            }
        }

        /// Returns true if it was the current connection.
        func remove(_ ended: ReaderClient.Connection) -> Bool {
            connection.withLock { connection in
                guard connection?.channel === ended.channel else { return false }
                connection = nil
                return true
            }
        }
    }
}

/// Publishes a reader's snapshots, and its loss.
final class SnapshotReceiver: Sendable {
    private let parts: ReaderDependencies
    private let documents: DocumentStore
    private let publisher: Publisher
    private let lastFailure = Mutex<ReaderFailure?>(nil)

    init(parts: ReaderDependencies, documents: DocumentStore, publisher: Publisher) {
        self.parts = parts
        self.documents = documents
        self.publisher = publisher
    }

    /// Publishes the services of a snapshot.
    func receive(_ line: [UInt8]) throws(ReaderFailure) {
        let snapshot = try Snapshot(line: line)
        try adopt(snapshot)
        // In this order, so that nothing appears younger than it is.
        let (now, nanoseconds) = (parts.clock.now(), parts.clock.bootNanoseconds())
        for service in snapshot.services {
            guard let startedAt = service.startedAt else { continue }
            let age = nanoseconds - startedAt
            // An observation in the future would stay fresh until then.
            guard age >= 0 else { throw .garbage }
            publisher.publish(
                service.content, startedAt: now - .nanoseconds(age), observedAt: service.observedAt,
                probeLatency: service.probeLatency.map { .nanoseconds($0) })
        }
        parts.metrics.update { counts in
            counts.scans = snapshot.counts.scans
            counts.engineStreams = snapshot.counts.engineStreams
            for reason in EngineFailure.Reason.allCases {
                counts.scanFailures[reason] = snapshot.counts.scanFailures[reason.rawValue]
            }
        }
        if lastFailure.withLock({ $0.take() }) != nil {
            parts.logger.info("Reader available again", metadata: ["reader": "\(Sanitizer.singleLine(parts.path))"])
        }
    }

    private func adopt(_ snapshot: Snapshot) throws(ReaderFailure) {
        let names = snapshot.services.map(\.content.service)
        guard Set(names).count == names.count else { throw .garbage }
        guard names != documents.services else { return }
        do {
            documents.reconfigure(
                try snapshot.services.map { service in
                    try DocumentStore.Entry(
                        unobserved: service.content.service, host: service.content.host,
                        reason: service.content.reason ?? "not observed yet")
                })
        } catch {
            throw .garbage
        }
    }

    /// Makes every service unknown.
    func lose(_ failure: ReaderFailure) {
        if lastFailure.withLock({ $0.replace(with: failure) }) != failure {
            parts.logger.warning(
                "Reader unavailable", metadata: ["reason": "\(Sanitizer.singleLine("\(failure)"))"])
        }
        let (now, observedAt) = (parts.clock.now(), publisher.wallClock)
        parts.metrics.update { $0.engineStreams = $0.engineStreams.mapValues { .init(openings: $0.openings) } }
        for entry in documents.entries {
            let content = DocumentContent(
                service: entry.body.content.service, state: .unknown, reason: Sanitizer.singleLine("\(failure)"),
                host: entry.body.content.host)
            publisher.publish(content, startedAt: now, observedAt: observedAt)
        }
    }
}

extension Optional {
    /// Returns the previous value.
    fileprivate mutating func replace(with other: Wrapped) -> Wrapped? {
        defer { self = other }
        return self
    }
}

/// The dependencies of a source that receives a reader's evidence.
struct ReaderDependencies: Sendable {
    /// The path of the reader's socket.
    var path: String
    var group: any EventLoopGroup
    var metrics: Metrics
    var clock: Clock
    var logger: Logger
}
