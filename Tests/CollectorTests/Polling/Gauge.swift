import Synchronization

/// Counts who is inside, and the most that ever were.
final class Gauge: Sendable {
    private let state = Mutex((inside: 0, highest: 0))

    var highest: Int { state.withLock(\.highest) }

    func enter() {
        state.withLock { state in
            state.inside += 1
            state.highest = max(state.highest, state.inside)
        }
    }

    func leave(_ count: Int) {
        state.withLock { $0.inside -= count }
    }
}
