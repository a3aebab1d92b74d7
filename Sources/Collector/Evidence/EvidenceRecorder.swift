import Shared
package import Verdict

/// Writes a verification's evidence while it runs, without holding it up.
package struct EvidenceRecorder: SessionObserver {
    private let path: String
    private let queue: EvidenceQueue
    private let wake: AsyncStream<Void>.Continuation
    private let writer: Task<Result<String, EvidenceError>, Never>
    private var transcript = RecordingEncoder()

    package init(file: EvidenceFile) {
        let queue = EvidenceQueue()
        let (stream, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.queue = queue
        self.wake = wake
        path = file.path
        writer = Task {
            var writer = EvidenceWriter(file)
            do throws(EvidenceError) {
                for await _ in stream { try await writer.write(queue.take()) }
                return .success(try await writer.finish())
            } catch {
                return .failure(error)
            }
        }
    }

    /// What was to be verified; before anything else.
    package func begin(_ start: EvidenceStart, hosts: [ExpectedHost]) {
        add([.start(start)] + hosts.map(EvidenceLine.host))
        wake.yield()
    }

    package func refuse(_ refusal: EvidenceLine.Refusal) {
        add([.refused(refusal)])
    }

    package mutating func took(
        _ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification
    ) {
        add(transcript.lines(of: input, actions, by: verification))
    }

    package func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
        wake.yield()
    }

    package func ended(_ verification: Verification, _ conclusion: Conclusion) {}

    /// Writes the verdict, and waits until everything is on the disk.
    ///
    /// - Parameter notes: what the report says beside what follows from the evidence.
    /// - Returns: `sha256:<64 hex>` of the whole file.
    package func conclude(_ conclusion: Conclusion, notes: [String]) async throws(EvidenceError) -> String {
        add([.verdict(.init(conclusion, notes: notes))])
        wake.yield()
        wake.finish()
        let hash = try await writer.value.get()
        guard !queue.isOverfull else { throw .unwritable(path, reason: "it takes less than the evidence that comes") }
        return hash
    }

    private func add(_ lines: [EvidenceLine]) {
        if !lines.isEmpty { queue.add(lines) }
    }
}
