import Synchronization

/// Where answers wait for who asked, by the request's number.
final class PendingResponses: Sendable {
    typealias Outcome = Result<TransferResponse, TransferFailure>

    private struct State {
        var last: UInt64 = 0
        var isClosed = false
        var waiting: [UInt64: CheckedContinuation<Outcome, Never>] = [:]
    }

    private let state = Mutex(State())

    /// A number that no other request has.
    func reserve() -> UInt64 {
        state.withLock {
            $0.last += 1
            return $0.last
        }
    }

    /// Resumes with the answer; at once where nothing comes any more.
    func wait(_ id: UInt64, _ continuation: CheckedContinuation<Outcome, Never>) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.waiting[id] = continuation }
            return state.isClosed
        }
        if isClosed { continuation.resume(returning: .failure(.cancelled)) }
    }

    func fill(_ id: UInt64, _ outcome: Outcome) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: outcome)
    }

    /// Nothing comes any more.
    func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in left { continuation.resume(returning: .failure(.cancelled)) }
    }
}
