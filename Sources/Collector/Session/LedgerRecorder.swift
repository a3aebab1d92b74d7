import Shared

/// Writes label changes to the ledger as they happen, beside the polling and never in its way.
struct LedgerRecorder: Sendable {
    private let changes: AsyncStream<[HostChange]>.Continuation
    private let writer: Task<String?, Never>

    init(ledger: Ledger, verificationID: String) {
        let (stream, continuation) = AsyncStream.makeStream(of: [HostChange].self)
        changes = continuation
        writer = Task {
            var trouble: String?
            for await batch in stream {
                do {
                    try await ledger.append(batch, to: verificationID)
                } catch {
                    trouble = "the ledger could not record every change: \(error)"
                }
            }
            return trouble
        }
    }

    var observer: any SessionObserver { Observer(changes: changes) }

    /// Waits until everything is written. Returns what went wrong, in one sentence.
    func finish() async -> String? {
        changes.finish()
        return await writer.value
    }

    private struct Observer: SessionObserver {
        let changes: AsyncStream<[HostChange]>.Continuation

        mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
            if !changes.isEmpty { self.changes.yield(changes) }
        }

        mutating func ended(_ verification: Verification, _ conclusion: Conclusion) {}
    }
}
