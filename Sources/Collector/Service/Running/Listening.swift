import Synchronization

/// Waits until the service listens on every address.
final class Listening: Sendable {
    private struct State {
        var missing = 0
        var waiter: CheckedContinuation<Void, Never>?
        var isCancelled = false
    }

    private let state = Mutex(State())

    func expect(_ count: Int) { state.withLock { $0.missing = count } }

    func began() {
        state.withLock { state in
            state.missing -= 1
            return state.missing <= 0 ? state.waiter.take() : nil
        }?.resume()
    }

    /// Returns at once if the task is cancelled.
    func all() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    guard state.missing > 0, !state.isCancelled else { return true }
                    state.waiter = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { state in
                state.isCancelled = true
                return state.waiter.take()
            }?.resume()
        }
    }
}
