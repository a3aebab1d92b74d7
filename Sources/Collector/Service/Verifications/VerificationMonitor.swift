import Operations
import Synchronization
import Verdict

/// Follows a verification that runs in this process.
///
/// A copy of the verification costs memory, so the session makes one at its next turn only if somebody asked.
final class VerificationMonitor: Sendable {
    /// A running verification at a moment.
    struct Moment: Sendable {
        let verification: Verification
        /// Since its start.
        let now: Duration
        let at: ContinuousClock.Instant
    }

    private struct State {
        var moment: Moment?
        var isWanted = true
        /// Until then, every change makes a copy.
        var watchedUntil = ContinuousClock.now
        var hasBegun = false
    }

    /// The changes of hosts' statuses, and the end.
    let changes = ChangeSignal()
    /// Advances at the first turn, before which the ledger has recorded the beginning.
    private let beginning = ChangeSignal()
    private let state = Mutex(State())

    /// The last known moment; nil before the first turn. Asks for a newer one.
    var moment: Moment? {
        state.withLock { state in
            state.isWanted = true
            return state.moment
        }
    }

    /// The last known moment; if there is none yet, waits for the first one, for a second at most.
    func firstMoment() async -> Moment? {
        if let moment { return moment }
        await changes.wait(after: changes.number, for: .seconds(1))
        return moment
    }

    /// Keeps ``moment`` as new as ``changes`` for the next two seconds.
    func watch() { state.withLock { $0.watchedUntil = .now + .seconds(2) } }

    var observer: any SessionObserver { Observer(monitor: self) }

    /// True once the ledger has recorded the beginning.
    var hasBegun: Bool { state.withLock(\.hasBegun) }

    /// Returns once the ledger has recorded the beginning, or the verification has ended without it.
    ///
    /// - Returns: true if it began.
    func begin() async -> Bool {
        await beginning.wait(after: 0, for: .seconds(60))
        return hasBegun
    }

    /// Notes the end.
    func end() {
        beginning.end()
        changes.end()
    }

    private struct Observer: SessionObserver {
        let monitor: VerificationMonitor

        mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
            let (isWanted, isWatched, isFirst) = monitor.state.withLock { state in
                defer { (state.isWanted, state.hasBegun) = (false, true) }
                return (state.isWanted, state.watchedUntil > .now, !state.hasBegun)
            }
            if isFirst { monitor.beginning.advance() }
            if isWanted || !changes.isEmpty && (isWatched || monitor.changes.isAwaited) {
                let moment = Moment(verification: verification, now: now, at: .now)
                monitor.state.withLock { $0.moment = moment }
            }
            if !changes.isEmpty { monitor.changes.advance() }
        }

        mutating func ended(_ verification: Verification, _ conclusion: Conclusion) {}
    }
}
