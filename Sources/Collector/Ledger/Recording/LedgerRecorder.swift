import CollectorSupport
import Reports
import Shared
import Synchronization
package import Verdict

/// Writes a verification's transitions to the ledger while it runs, without delaying it.
///
/// Transitions accumulate while the previous ones are written, so that a slow disk leads to larger batches, not more of them.
package final class LedgerRecorder: SessionObserver {
    private let queue = TransitionQueue()
    private let wake: AsyncStream<Void>.Continuation
    private let writer: Task<LedgerError?, Never>

    /// - Parameter verification: the number from ``Ledger/begin(_:process:)``.
    package init(ledger: Ledger, verification: Int64) {
        let (stream, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.wake = wake
        let queue = queue
        writer = Task {
            for await _ in stream {
                do throws(LedgerError) {
                    try await ledger.append(queue.take(), to: verification)
                } catch {
                    // The verdict does not depend on the ledger, but the report must mention the failure.
                    return error
                }
            }
            return nil
        }
    }

    package func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
        guard !changes.isEmpty else { return }
        queue.add(changes)
        wake.yield()
    }

    package func ended(_ verification: Verification, _ conclusion: Conclusion) {
        wake.finish()
    }

    /// Waits until everything is written.
    ///
    /// - Returns: the reason why the ledger could not be written; nil on success.
    package func drain() async -> LedgerError? {
        wake.finish()
        return await writer.value
    }
}

/// Transitions that are waiting to be written, in order.
private final class TransitionQueue: Sendable {
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
                // Rounded as in the report.
                let seconds = change.transition.at.roundedSeconds
                state.pending.append(
                    RecordedTransition(
                        host: change.host, number: number,
                        transition: .init(
                            seconds: seconds, status: change.transition.status,
                            reason: Sanitizer.singleLine(change.transition.reason))))
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
