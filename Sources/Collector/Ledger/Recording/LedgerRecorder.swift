import CollectorSupport
import Reports
import Shared
import Synchronization
package import Verdict

/// Writes a verification's transitions to the ledger while it runs, without delaying it.
///
/// Transitions accumulate while the previous ones are written, so that a slow disk leads to larger batches, not more of them.
package final class LedgerRecorder: SessionObserver {
    private let queue: TransitionQueue
    private let wake: AsyncStream<Void>.Continuation
    private let writer: Task<LedgerError?, Never>

    /// - Parameter verification: the number from ``Ledger/begin(_:process:)``.
    package convenience init(ledger: Ledger, verification: Int64) {
        self.init(ledger: ledger, verification: verification, queue: TransitionQueue())
    }

    init(ledger: Ledger, verification: Int64, queue: TransitionQueue) {
        self.queue = queue
        let (stream, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.wake = wake
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

    /// The number of transitions that the ledger will lack, because its disk was too slow for hosts that changed very often.
    package var lost: Int { queue.lost }

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
/// They wait as the verdict has them, whose texts it shares with the host's state, and become rows a batch at a time. If the
/// disk is so slow that too many wait, further ones are left to the end of the verification, which writes those of a host's
/// transitions that are missing.
final class TransitionQueue: Sendable {
    private struct State {
        /// With each one's number among the host's.
        var pending: [(change: HostChange, number: Int32)] = []
        /// The number of changes in `pending` that are taken.
        var taken = 0
        /// The number of transitions of each host.
        var counts: [Int32] = []
        /// The number of left-out transitions of each host that has any.
        var leftOut: [Int: Int] = [:]
    }

    /// The most transitions in one transaction.
    private static let batch = 5_000

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: the most transitions that wait: 80 MB by default.
    init(limit: Int = 1_000_000) { self.limit = limit }

    func add(_ changes: [HostChange]) {
        state.withLock { state in
            for change in changes {
                if change.host >= state.counts.count {
                    state.counts += repeatElement(0, count: change.host + 1 - state.counts.count)
                }
                if state.pending.count - state.taken < limit {
                    state.pending.append((change, state.counts[change.host]))
                } else {
                    state.leftOut[change.host, default: 0] += 1
                }
                state.counts[change.host] += 1
            }
        }
    }

    /// Drops the waiting transitions that a report has as well. It has not all of a host with very many.
    func leaveTheRest() {
        state.withLock { state in
            state.pending = state.pending[state.taken...].filter {
                state.counts[$0.change.host] >= HostTracker.maximumTransitions
            }
            state.taken = 0
        }
    }

    /// The number of transitions that were left out and cannot be written at the end either: those of hosts with more
    /// transitions than their state keeps.
    var lost: Int {
        state.withLock { state in
            state.leftOut.reduce(0) { $0 + (state.counts[$1.key] < HostTracker.maximumTransitions ? 0 : $1.value) }
        }
    }

    /// The next transitions; empty if none is waiting.
    func take(_ texts: inout ReasonTexts) -> [RecordedTransition] {
        next().map { change, number in
            RecordedTransition(
                host: change.host, number: Int(number),
                transition: .init(
                    // Rounded as in the report.
                    seconds: change.transition.at.roundedSeconds, status: change.transition.status,
                    reason: texts.finding(change.transition.reason), reasonCode: change.transition.reason.code))
        }
    }

    func next() -> [(change: HostChange, number: Int32)] {
        state.withLock { state in
            let changes = Array(state.pending[state.taken...].prefix(Self.batch))
            state.taken += changes.count
            if state.taken * 2 >= state.pending.count {
                state.pending.removeFirst(state.taken)
                state.taken = 0
            }
            return changes
        }
    }
}
