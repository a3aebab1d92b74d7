import Shared
package import Verdict

/// Writes a verification's changes of labels to the ledger while it runs, without holding it up.
///
/// Changes gather while the last ones are written, so that a slow disk makes batches larger and not more.
package final class LedgerRecorder: SessionObserver {
    private let queue = TransitionQueue()
    private let wake: AsyncStream<Void>.Continuation
    private let writer: Task<LedgerError?, Never>

    /// - Parameter verification: as ``Ledger/begin(_:process:)`` gave it.
    package init(ledger: Ledger, verification: Int64) {
        let (stream, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.wake = wake
        let queue = queue
        writer = Task {
            for await _ in stream {
                do throws(LedgerError) {
                    try await ledger.append(queue.take(), to: verification)
                } catch {
                    // The verdict does not depend on the ledger, but whoever reads it must be told.
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
    /// - Returns: why the ledger could not be written to; nil where all is well.
    package func drain() async -> LedgerError? {
        wake.finish()
        return await writer.value
    }
}
