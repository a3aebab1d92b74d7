import Synchronization

/// Numbers changes in sequence, and lets tasks wait for the next one.
///
/// ```swift
/// var seen = signal.number
/// while !Task.isCancelled {
///     await signal.wait(after: seen, for: .seconds(15))
///     seen = signal.number
/// }
/// ```
package final class ChangeSignal: Sendable {
    private struct State {
        var number: UInt64 = 0
        var isOver = false
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        /// Waits whose task does not wait yet. The time of a short one may be over before it does.
        var beginning: Set<UInt64> = []
        var lastWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// The number of the last change; 0 before the first one.
    package var number: UInt64 { state.withLock(\.number) }

    /// True if a task waits now.
    package var isAwaited: Bool { state.withLock { !$0.waiters.isEmpty } }

    /// Counts a change, and wakes every waiting task.
    ///
    /// - Returns: its number.
    @discardableResult
    package func advance() -> UInt64 { advance { _ in } }

    /// Ends the sequence: tasks that wait are woken, and later waits return at once.
    package func end() { advance { $0.isOver = true } }

    @discardableResult
    private func advance(_ change: (inout State) -> Void) -> UInt64 {
        let (number, waiters) = state.withLock { state in
            change(&state)
            state.number += 1
            defer { state.waiters.removeAll() }
            return (state.number, Array(state.waiters.values))
        }
        for waiter in waiters { waiter.resume() }
        return number
    }

    /// Returns when something changed after the given number, nothing will change any more, the time is over, or the task is
    /// cancelled.
    package func wait(after number: UInt64, for limit: Duration) async {
        let id = state.withLock { state in
            state.lastWaiter += 1
            state.beginning.insert(state.lastWaiter)
            return state.lastWaiter
        }
        let timer = Task { [weak self] in
            do { try await Task.sleep(for: limit) } catch { return }
            self?.release(id)
        }
        defer { timer.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state in
                    let isOpen = state.beginning.remove(id) != nil
                    guard isOpen, state.number == number, !state.isOver, !Task.isCancelled else { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isDue { continuation.resume() }
            }
        } onCancel: {
            release(id)
        }
    }

    private func release(_ id: UInt64) {
        let waiter = state.withLock { state in
            state.beginning.remove(id)
            return state.waiters.removeValue(forKey: id)
        }
        waiter?.resume()
    }
}
