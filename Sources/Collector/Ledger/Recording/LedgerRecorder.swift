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
            var texts = ReasonTexts()
            for await _ in stream {
                do throws(LedgerError) {
                    while case let batch = queue.take(&texts), !batch.isEmpty {
                        try await ledger.append(batch, to: verification)
                    }
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

    /// As ``drain()``, where ``Ledger/finish(_:process:)`` follows: what it writes is left to it, in one transaction.
    package func end() async -> LedgerError? {
        queue.leaveTheRest()
        return await drain()
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
///
/// They wait as the verdict has them, whose texts it shares with the host's state, and become rows a batch at a time.
final class TransitionQueue: Sendable {
    private struct State {
        var pending: [HostChange] = []
        /// The number of changes in `pending` that are taken.
        var taken = 0
        /// The number of transitions of each host.
        var counts: [Int32] = []
    }

    /// The most transitions in one transaction.
    private static let batch = 5_000

    private let state = Mutex(State())

    func add(_ changes: [HostChange]) {
        state.withLock { $0.pending.append(contentsOf: changes) }
    }

    /// Drops the transitions that a report has as well. It has not all of a host with very many.
    func leaveTheRest() {
        state.withLock { state in
            var totals = state.counts
            for change in state.pending[state.taken...] {
                if change.host >= totals.count {
                    totals += repeatElement(0, count: change.host + 1 - totals.count)
                }
                totals[change.host] += 1
            }
            state.pending = state.pending[state.taken...].filter {
                totals[$0.host] >= HostTracker.maximumTransitions
            }
            state.taken = 0
        }
    }

    /// The next transitions; empty if none is waiting.
    func take(_ texts: inout ReasonTexts) -> [RecordedTransition] {
        let changes = state.withLock { state in
            let changes = state.pending[state.taken...].prefix(Self.batch).map { change in
                if change.host >= state.counts.count {
                    state.counts += repeatElement(0, count: change.host + 1 - state.counts.count)
                }
                defer { state.counts[change.host] += 1 }
                return (change, Int(state.counts[change.host]))
            }
            state.taken += changes.count
            if state.taken * 2 >= state.pending.count {
                state.pending.removeFirst(state.taken)
                state.taken = 0
            }
            return changes
        }
        return changes.map { change, number in
            RecordedTransition(
                host: change.host, number: number,
                transition: .init(
                    // Rounded as in the report.
                    seconds: change.transition.at.roundedSeconds, status: change.transition.status,
                    reason: texts.finding(change.transition.reason), reasonCode: change.transition.reason.code))
        }
    }
}
