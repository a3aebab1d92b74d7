import Logging
import Shared
import Synchronization

/// Puts up what looks saw, and logs what is new.
final class Publisher: Sendable {
    private let board: DocumentStore
    private let clock: Clock
    private let logger: Logger
    private let summaries = Mutex<[String: String]>([:])
    private let isRetired = Mutex(false)

    init(board: DocumentStore, clock: Clock, logger: Logger) {
        self.board = board
        self.clock = clock
        self.logger = logger
    }

    /// Looks that are still under way put up nothing any more: others look now, as another configuration says.
    func retire() { isRetired.withLock { $0 = true } }

    /// The wall clock, for people.
    var wallClock: String { RFC3339.text(unixMilliseconds: clock.unixMilliseconds()) }

    /// - Parameters:
    ///   - lookedAt: when the look began.
    ///   - observedAt: the wall clock then.
    /// - Returns: whether the board says something else than before.
    @discardableResult
    func publish(
        _ content: DocumentContent, lookedAt: ContinuousClock.Instant, observedAt: String,
        probeLatency: Duration? = nil
    ) -> Bool {
        guard !isRetired.withLock({ $0 }) else { return false }
        var changed = false
        do {
            changed = try board.publish(
                content, lookedAt: lookedAt, observedAt: observedAt, probeLatency: probeLatency)
        } catch {
            // What is on the board grows old, and its age says so.
            logger.error(
                "A document could not be encoded", metadata: ["service": "\(content.service)", "error": "\(error)"])
        }
        let summary = "\(content.state.rawValue) \(content.gitSHA?.hex ?? "-") \(content.digest?.description ?? "-")"
        guard summaries.withLock({ $0.updateValue(summary, forKey: content.service) }) != summary else {
            return changed
        }
        logger.info(
            "Service seen",
            metadata: [
                "service": "\(content.service)", "state": "\(content.state.rawValue)",
                "git_sha": "\(content.gitSHA?.hex ?? "null")", "digest": "\(content.digest?.description ?? "null")",
                "reason": "\(content.reason ?? "")",
            ])
        return changed
    }
}
