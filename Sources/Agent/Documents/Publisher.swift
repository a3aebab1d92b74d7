import AgentCore
import Logging
import Shared
import Synchronization

/// Publishes observations to the document store, and logs changes.
final class Publisher: Sendable {
    private let documents: DocumentStore
    private let clock: Clock
    private let logger: Logger
    private let summaries = Mutex<[String: String]>([:])
    private let isRetired = Mutex(false)

    init(documents: DocumentStore, clock: Clock, logger: Logger) {
        self.documents = documents
        self.clock = clock
        self.logger = logger
    }

    /// Publishes nothing from now on: the source of another configuration has taken over.
    func retire() { isRetired.withLock { $0 = true } }

    /// The wall clock, for people.
    var wallClock: String { RFC3339.text(unixMilliseconds: clock.unixMilliseconds()) }

    /// - Parameters:
    ///   - startedAt: when the observation began.
    ///   - observedAt: the wall clock at that moment.
    /// - Returns: true if the content has changed.
    @discardableResult
    func publish(
        _ content: DocumentContent, startedAt: ContinuousClock.Instant, observedAt: String,
        probeLatency: Duration? = nil
    ) -> Bool {
        guard !isRetired.withLock({ $0 }) else { return false }
        var changed = false
        do {
            changed = try documents.publish(
                content, startedAt: startedAt, observedAt: observedAt, probeLatency: probeLatency)
        } catch {
            // The last document grows old, as its age shows.
            logger.error(
                "Could not encode a document", metadata: ["service": "\(content.service)", "error": "\(error)"])
        }
        let summary = "\(content.state.rawValue) \(content.gitSHA?.hex ?? "-") \(content.digest?.description ?? "-")"
        guard summaries.withLock({ $0.updateValue(summary, forKey: content.service) }) != summary else {
            return changed
        }
        logger.info(
            "Service state changed",
            metadata: [
                "service": "\(content.service)", "state": "\(content.state.rawValue)",
                "git_sha": "\(content.gitSHA?.hex ?? "null")", "digest": "\(content.digest?.description ?? "null")",
                "reason": "\(content.reason ?? "")",
            ])
        return changed
    }
}
