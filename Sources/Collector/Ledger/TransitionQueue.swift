import Reports
import Shared
import Synchronization
import Verdict

/// Changes of labels that wait to be written, in their order.
final class TransitionQueue: Sendable {
    private struct State {
        var pending: [RecordedTransition] = []
        var counts: [Int: Int] = [:]
    }

    private let state = Mutex(State())

    func add(_ changes: [HostChange]) {
        state.withLock { state in
            for change in changes {
                let number = state.counts[change.host, default: 0]
                state.counts[change.host] = number + 1
                // As the report writes them.
                let seconds = (change.transition.at.seconds * 1_000).rounded() / 1_000
                state.pending.append(
                    RecordedTransition(
                        host: change.host, number: number,
                        transition: .init(
                            seconds: seconds, status: change.transition.status,
                            reason: Sanitizer.singleLine(change.transition.reason.text.finding),
                            reasonCode: change.transition.reason.code)))
            }
        }
    }

    func take() -> [RecordedTransition] {
        state.withLock { state in
            defer { state.pending.removeAll() }
            return state.pending
        }
    }
}
