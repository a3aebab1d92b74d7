import Logging
import Shared
import Synchronization

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
