import Shared
import Synchronization
package import Verdict

/// Writes a verification's evidence while it runs, without delaying it.
///
/// Lines wait for the file in a queue of limited size. If the file takes them too slowly, the evidence ends there: the
/// verification goes on, and fails to conclude its evidence.
package struct EvidenceRecorder: SessionObserver {
    private let path: String
    private let queue: EvidenceQueue
    private let wake: AsyncStream<Void>.Continuation
    private let writer: Task<EvidenceError?, Never>
    private var encoder = RecordingEncoder()
    private var lastWake = Duration.zero

    /// The longest time that a line waits for others to be written with.
    private static let gathering = Duration.milliseconds(100)
    /// The number of bytes that are worth writing at once.
    private static let portion = 64 << 10

    /// - Parameter limit: the maximum number of bytes that can wait for a slow disk or reader; nil for 8 MB and 1 KB for each
    ///   host, which is about an answer and a change of status of each.
    package init(file: EvidenceFile, hosts: Int, limit: Int? = nil) {
        let queue = EvidenceQueue(limit: limit ?? (8 << 20) + hosts << 10)
        let (stream, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.queue = queue
        self.wake = wake
        path = file.path
        writer = Task {
            var writer = EvidenceWriter(file)
            do throws(EvidenceError) {
                var lines: [UInt8] = []
                for await _ in stream {
                    queue.take(&lines)
                    try await writer.write(lines)
                }
                queue.complete(writer.hash)
                try await file.close(after: writer.count)
                return nil
            } catch {
                queue.close()
                return error
            }
        }
    }

    /// The number of bytes that wait for the file.
    var waitingBytes: Int { queue.count }

    /// Writes the subject and the settings of the verification, before anything else.
    package func begin(_ start: EvidenceStart, hosts: [ExpectedHost]) {
        queue.add(CollectionOfOne(.start(start)))
        queue.add(hosts.lazy.map(EvidenceLine.host))
        wake.yield()
    }

    package func refuse(_ refusal: EvidenceLine.Refusal) {
        queue.add(CollectionOfOne(.refused(refusal)))
    }

    package mutating func took(
        _ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification
    ) {
        queue.add(encoder.lines(of: input, actions, by: verification))
    }

    package mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
        guard waitingBytes >= Self.portion || now - lastWake >= Self.gathering else { return }
        lastWake = now
        wake.yield()
    }

    package func ended(_ verification: Verification, _ conclusion: Conclusion) {}

    /// The end of a recording whose lines are all in the file.
    package struct Recorded: Sendable {
        /// `sha256:<64 hex>` of the whole file.
        package let hash: String
        /// False if the disk had not confirmed in time that it stored the file.
        package let isStored: Bool
    }

    /// Writes the verdict, and waits until everything is on the disk.
    ///
    /// - Parameters:
    ///   - notes: notes of the report that do not follow from the evidence.
    ///   - patience: the maximum time to wait for the file.
    ///   - interruption: returns when waiting must end before.
    /// - Throws: if the file does not hold all lines.
    package func conclude(
        _ conclusion: Conclusion, notes: [String], patience: Duration,
        interruption: @escaping @Sendable () async -> Void
    ) async throws(EvidenceError) -> Recorded {
        queue.add(CollectionOfOne(.verdict(.init(conclusion, notes: notes))))
        wake.yield()
        wake.finish()
        let isEnded = await isEnded(within: patience, unless: interruption)
        if isEnded, let error = await writer.value { throw error }
        switch queue.outcome {
        case .complete(let hash): return Recorded(hash: hash, isStored: isEnded)
        case .open, .tooLong: throw .unwritable(path, reason: "it is written more slowly than evidence comes")
        case .unencodable(let reason): throw .unwritable(path, reason: reason)
        }
    }

    /// True once the writer has ended.
    private func isEnded(
        within patience: Duration, unless interruption: @escaping @Sendable () async -> Void
    ) async -> Bool {
        let (ends, end) = AsyncStream.makeStream(of: Bool.self)
        // Not in a task group, which would wait for all of them.
        let tasks = [
            Task {
                _ = await writer.value
                end.yield(true)
            },
            Task {
                do { try await Task.sleep(for: patience) } catch { return }
                end.yield(false)
            },
            Task {
                await interruption()
                if !Task.isCancelled { end.yield(false) }
            },
        ]
        defer { for task in tasks { task.cancel() } }
        return await ends.first { _ in true } ?? false
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
        case .suspended(let suspension):
            lines.append(
                .suspended(.init(from: Nanoseconds(suspension.from), at: Nanoseconds(suspension.until))))
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

/// Encoded lines that are waiting to be written, in order.
///
/// Nothing is ever left out between two lines. Once a line is refused, so are all that follow.
final class EvidenceQueue: Sendable {
    enum Outcome: Sendable {
        /// Lines can be added.
        case open
        /// A line was refused because too many bytes were waiting.
        case tooLong
        /// A line could not be encoded.
        case unencodable(String)
        /// All lines were written; the file has this hash.
        case complete(String)
    }

    private struct State {
        var pending = JSONLine()
        var outcome = Outcome.open
        /// True if the writer failed and takes nothing more.
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private let coding = EvidenceCoding()
    /// Buffers up to this size are used again.
    private static let kept = 1 << 20

    /// - Parameter limit: in bytes.
    init(limit: Int) {
        self.limit = limit
    }

    func add(_ lines: some Collection<EvidenceLine>) {
        guard !lines.isEmpty else { return }
        state.withLock { state in
            for line in lines {
                guard case .open = state.outcome, !state.isClosed else { return }
                guard state.pending.bytes.count < limit else { return state.outcome = .tooLong }
                do {
                    try coding.append(line, to: &state.pending)
                } catch {
                    state.outcome = .unencodable("\(error)")
                }
            }
        }
    }

    /// The number of bytes that wait.
    var count: Int { state.withLock { $0.pending.bytes.count } }

    var outcome: Outcome { state.withLock(\.outcome) }

    /// Takes the waiting lines in exchange for a buffer, whose content is dropped.
    func take(_ buffer: inout [UInt8]) {
        buffer.removeAll(keepingCapacity: buffer.capacity <= Self.kept)
        state.withLock { swap(&$0.pending.bytes, &buffer) }
    }

    /// Notes the end of the writing, if no line was refused.
    func complete(_ hash: String) {
        state.withLock { state in
            if case .open = state.outcome { state.outcome = .complete(hash) }
        }
    }

    /// Drops what waits, and everything that follows.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.pending = JSONLine()
        }
    }
}

/// Converts encoded lines to the bytes of an evidence file: chained, and hashed as a whole.
struct EvidenceWriter {
    private let file: EvidenceFile
    private var chain = HashChain()
    private var whole = SHA256()
    /// The number of bytes that were written.
    private(set) var count = 0

    /// The approximate number of bytes per write.
    private static let portion = 256 << 10

    init(_ file: EvidenceFile) {
        self.file = file
    }

    /// - Parameter lines: JSON objects, each with a newline.
    mutating func write(_ lines: [UInt8]) async throws(EvidenceError) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(2 * lines.count, Self.portion + (64 << 10)))
        var rest = lines[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            chain.seal(rest[..<end], onto: &bytes)
            rest = rest[(end + 1)...]
            if bytes.count >= Self.portion { try await flush(&bytes) }
        }
        try await flush(&bytes)
    }

    private mutating func flush(_ bytes: inout [UInt8]) async throws(EvidenceError) {
        guard !bytes.isEmpty else { return }
        whole.update(bytes)
        try await file.write(bytes, isFirst: count == 0)
        count += bytes.count
        bytes.removeAll(keepingCapacity: true)
    }

    /// `sha256:<64 hex>` of everything that was written.
    var hash: String {
        let whole = whole
        return "sha256:" + Hexadecimal.encode(whole.finalize())
    }
}
