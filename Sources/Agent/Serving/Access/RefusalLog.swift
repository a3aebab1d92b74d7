import Logging
import Shared
import Synchronization

/// Tells the operator who was refused and why, without letting peers fill the log: each address and reason once a minute,
/// a limited number of lines in all, and a line that says how many were left out.
final class RefusalLog: Sendable {
    private struct Line: Hashable {
        var address: String
        var reason: String
    }

    private struct State {
        var minute: ContinuousClock.Instant
        var lines: Set<Line> = []
        var unlogged = 0
    }

    static let linesPerMinute = 20

    private let clock: Clock
    private let logger: Logger
    private let state: Mutex<State>

    init(clock: Clock = .system, logger: Logger) {
        self.clock = clock
        self.logger = logger
        state = Mutex(State(minute: clock.now()))
    }

    /// - Parameters:
    ///   - address: the peer's.
    ///   - reason: never holds what the peer sent.
    func refused(_ address: String, _ reason: String) {
        let now = clock.now()
        let line = Line(address: address, reason: reason)
        let (isLogged, unlogged) = state.withLock { state in
            var unlogged = 0
            if now - state.minute >= .seconds(60) {
                unlogged = state.unlogged
                state = State(minute: now)
            }
            guard state.lines.count < Self.linesPerMinute, state.lines.insert(line).inserted else {
                state.unlogged += 1
                return (false, unlogged)
            }
            return (true, unlogged)
        }
        if unlogged > 0 {
            logger.info("More requests were refused and not logged", metadata: ["count": "\(unlogged)"])
        }
        guard isLogged else { return }
        logger.info(
            "Request refused",
            metadata: [
                "address": "\(Sanitizer.singleLine(address, limit: 80))",
                "reason": "\(Sanitizer.singleLine(reason, limit: 200))",
            ])
    }
}
