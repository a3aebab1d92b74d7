import Synchronization

/// Lines that wait to be written, in their order.
final class EvidenceQueue: Sendable {
    private struct State {
        var pending: [EvidenceLine] = []
        var isOverfull = false
    }

    private let state = Mutex(State())

    /// Lines that may wait for a slow disk or reader.
    private static let limit = 500_000

    func add(_ lines: [EvidenceLine]) {
        state.withLock { state in
            guard !state.isOverfull else { return }
            state.pending += lines
            guard state.pending.count > Self.limit else { return }
            state.isOverfull = true
            state.pending = []
        }
    }

    /// Whether lines were given up, because they were not written as fast as they came.
    var isOverfull: Bool { state.withLock(\.isOverfull) }

    func take() -> [EvidenceLine] {
        state.withLock { state in
            defer { state.pending = [] }
            return state.pending
        }
    }
}
