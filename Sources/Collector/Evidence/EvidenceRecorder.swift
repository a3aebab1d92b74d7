import Shared
import Synchronization
package import Verdict

/// Writes a verification's evidence while it runs, without delaying it.
package struct EvidenceRecorder: SessionObserver {
    private let path: String
    private let queue: EvidenceQueue
    private let wake: AsyncStream<Void>.Continuation
    private let writer: Task<Result<String, EvidenceError>, Never>
    private var encoder = RecordingEncoder()

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

    /// Writes the subject and the settings of the verification, before anything else.
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
        add(encoder.lines(of: input, actions, by: verification))
    }

    package func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
        wake.yield()
    }

    package func ended(_ verification: Verification, _ conclusion: Conclusion) {}

    /// Writes the verdict, and waits until everything is on the disk.
    ///
    /// - Parameter notes: notes of the report that do not follow from the evidence.
    /// - Returns: `sha256:<64 hex>` of the whole file.
    package func conclude(_ conclusion: Conclusion, notes: [String]) async throws(EvidenceError) -> String {
        add([.verdict(.init(conclusion, notes: notes))])
        wake.yield()
        wake.finish()
        let hash = try await writer.value.get()
        guard !queue.isOverfull else {
            throw .unwritable(path, reason: "it is written more slowly than evidence comes")
        }
        return hash
    }

    private func add(_ lines: [EvidenceLine]) {
        if !lines.isEmpty { queue.add(lines) }
    }
}

/// Encodes the inputs of a verification as lines, which suffice to repeat it.
struct RecordingEncoder: Sendable {
    private var lastStaleCheck = Duration.zero

    /// The lines for one input and for the statuses that it changed. Time that changes nothing adds no lines.
    mutating func lines(
        of input: Verification.Input, _ actions: [Verification.Action], by verification: Verification
    ) -> [EvidenceLine] {
        var lines: [EvidenceLine] = []
        switch input {
        case .started: break
        case .asked(let hosts, let moment): lines.append(.asked(.init(at: Nanoseconds(moment), hosts: hosts)))
        case .sample(let sample): lines.append(.sample(sample))
        case .time(let now):
            guard !actions.isEmpty || verification.lastStaleCheck != lastStaleCheck else { return [] }
            lastStaleCheck = verification.lastStaleCheck
            lines.append(.time(.init(at: Nanoseconds(now))))
        case .paced(let interval, let now):
            lines.append(.paced(.init(at: Nanoseconds(now), interval: Nanoseconds(interval))))
        case .promotions(let promotions, let now):
            lines.append(.promotions(.init(at: Nanoseconds(now), promotions: promotions)))
        case .listed(let names, let now):
            let missing = verification.tracks.map(\.host.name).filter { !names.contains($0) }
            lines.append(.unlisted(.init(at: Nanoseconds(now), hosts: missing)))
        case .learned(let image, let now): lines.append(.learned(.init(at: Nanoseconds(now), image: image)))
        case .moved(let tag, let now): lines.append(.moved(.init(at: Nanoseconds(now), tag: tag)))
        case .tagSeen(let lookedAt, let now):
            lines.append(.tagSeen(.init(at: Nanoseconds(now), lookedAt: Nanoseconds(lookedAt))))
        case .signal(let number, let now): lines.append(.signal(.init(at: Nanoseconds(now), number: number)))
        }
        return lines + actions.compactMap(EvidenceLine.StatusChange.init).map(EvidenceLine.status)
    }
}

extension EvidenceLine.StatusChange {
    /// nil for any action except a change of status.
    init?(_ action: Verification.Action) {
        guard case .changed(let host, let transition) = action else { return nil }
        self.init(
            host: host, at: Nanoseconds(transition.at), status: transition.status, code: transition.reason.code,
            reason: Sanitizer.singleLine(transition.reason.text.finding))
    }
}

extension EvidenceLine.Ending {
    init(_ conclusion: Conclusion, notes: [String]) {
        self.init(
            at: Nanoseconds(conclusion.at), verdict: conclusion.verdict, exitCode: conclusion.exitCode,
            reasons: conclusion.reasons, notes: notes)
    }
}

/// Lines that are waiting to be written, in order.
final class EvidenceQueue: Sendable {
    private struct State {
        var pending: [EvidenceLine] = []
        var isOverfull = false
    }

    private let state = Mutex(State())

    /// The maximum number of lines that can wait for a slow disk or reader.
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

    /// True if lines were dropped because they could not be written fast enough.
    var isOverfull: Bool { state.withLock(\.isOverfull) }

    func take() -> [EvidenceLine] {
        state.withLock { state in
            defer { state.pending = [] }
            return state.pending
        }
    }
}

/// Converts lines to the bytes of an evidence file: encoded, chained, and hashed as a whole.
struct EvidenceWriter {
    private let file: EvidenceFile
    private let coding = EvidenceCoding()
    private var chain = HashChain()
    private var whole = SHA256()
    private var isFirst = true

    /// The approximate number of bytes per write.
    private static let portion = 256 << 10

    init(_ file: EvidenceFile) {
        self.file = file
    }

    mutating func write(_ lines: [EvidenceLine]) async throws(EvidenceError) {
        var bytes: [UInt8] = []
        for line in lines {
            do {
                bytes += chain.seal(try coding.encode(line))
            } catch {
                throw .unwritable(file.path, reason: "\(error)")
            }
            if bytes.count >= Self.portion { try await flush(&bytes) }
        }
        try await flush(&bytes)
    }

    private mutating func flush(_ bytes: inout [UInt8]) async throws(EvidenceError) {
        guard !bytes.isEmpty else { return }
        whole.update(bytes)
        try await file.write(bytes, isFirst: isFirst)
        isFirst = false
        bytes.removeAll(keepingCapacity: true)
    }

    /// - Returns: `sha256:<64 hex>` of the whole file.
    consuming func finish() async throws(EvidenceError) -> String {
        try await file.close()
        return "sha256:" + Hexadecimal.encode(whole.finalize())
    }
}
