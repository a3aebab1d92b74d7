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
    }

    /// The changes of hosts' statuses, and the end.
    let changes = ChangeSignal()
    private let state = Mutex(State())

    /// The last known moment; nil before the first turn. Asks for a newer one.
    var moment: Moment? {
        state.withLock { state in
            state.isWanted = true
            return state.moment
        }
    }

    /// Keeps ``moment`` as new as ``changes`` for the next two seconds.
    func watch() { state.withLock { $0.watchedUntil = .now + .seconds(2) } }

    var observer: any SessionObserver { Observer(monitor: self) }

    private struct Observer: SessionObserver {
        let monitor: VerificationMonitor

        mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
            let (isWanted, isWatched) = monitor.state.withLock { state in
                defer { state.isWanted = false }
                return (state.isWanted, state.watchedUntil > .now)
            }
            if isWanted || !changes.isEmpty && (isWatched || monitor.changes.isAwaited) {
                let moment = Moment(verification: verification, now: now, at: .now)
                monitor.state.withLock { $0.moment = moment }
            }
            if !changes.isEmpty { monitor.changes.advance() }
        }

        mutating func ended(_ verification: Verification, _ conclusion: Conclusion) {}
    }
}
