import Foundation
import Glibc
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Evidence
@testable import Reports
@testable import Verdict

@Suite("Recording evidence to a slow or full file", .timeLimit(.minutes(2)))
struct EvidenceRecorderTests {
    /// A verification of one host that is recorded while it runs.
    private struct Run {
        var recorder: EvidenceRecorder
        private(set) var verification: Verification
        private var now = Duration.zero

        init(_ path: String, limit: Int = 10 << 20, id: String = "first") throws {
            let hosts = [ExpectedHost(name: "host-0", url: "http://host-0/")]
            verification = Verification(target: .promoted, hosts: hosts, policy: .short, promotions: .upToTarget)
            recorder = EvidenceRecorder(file: try EvidenceFile(opening: path), hosts: 1, limit: limit)
            recorder.begin(
                EvidenceStart(
                    verification: id, collector: "0", startedAt: "2026-01-31T12:00:00Z",
                    startedAtMilliseconds: 1_769_860_800_000, target: .promoted, policy: .short,
                    promotions: .upToTarget, inventory: .init(source: "s", hash: "sha256:00", hosts: 1), warnings: []),
                hosts: hosts)
            take(.started)
        }

        mutating func take(_ input: Verification.Input) {
            let actions = verification.take(input)
            recorder.took(input, actions, by: verification)
            recorder.turned([], of: verification, at: now)
        }

        /// Feeds answers of about 1 KB each.
        mutating func answer(_ count: Int) {
            for _ in 0..<count {
                now += .milliseconds(5)
                take(.asked([0], at: now))
                take(
                    .sample(
                        Sample(
                            host: 0, askedAt: now, answeredAt: now + .milliseconds(1), nonce: "n",
                            answer: .document(Answer.old.document(host: 0, nonce: "n")))))
            }
        }

        /// Interrupts the verification and concludes its evidence.
        mutating func conclude(
            patience: Duration, interruption: @escaping @Sendable () async -> Void = { await forever() }
        ) async throws(EvidenceError) -> EvidenceRecorder.Recorded {
            take(.signal(SIGINT, at: now))
            guard let conclusion = verification.conclusion else { throw .empty("no conclusion") }
            return try await recorder.conclude(
                conclusion, notes: [], patience: patience, interruption: interruption)
        }
    }

    /// A pipe whose reader does not read by itself. It stays open: without a reader, a write would end the test's process.
    private final class Pipe: Sendable {
        let path: String
        private let descriptor: Int32
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
            path = folder.path("pipe")
            try #require(mkfifo(path, 0o600) == 0)
            descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            try #require(descriptor >= 0)
        }

        /// Reads what is there.
        func read() -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 256 << 10)
            let count = Glibc.read(descriptor, &bytes, bytes.count)
            return Array(bytes.prefix(max(0, count)))
        }

        /// Reads until this returns true for everything that was read.
        func read(until isEnough: ([UInt8]) -> Bool) async throws -> [UInt8] {
            var all: [UInt8] = []
            while !isEnough(all) {
                all += read()
                try await Task.sleep(for: .milliseconds(1))
            }
            return all
        }
    }

    private static func replay(_ bytes: [UInt8]) throws -> Replay.Outcome {
        try Replay.run(EvidenceReader(bytes, named: "e.ndjson"))
    }

    @Test("A reader that is slow, but not too slow, gets everything")
    func slowReader() async throws {
        let pipe = try Pipe()
        var run = try Run(pipe.path)
        run.answer(500)
        let reading = Task { try await pipe.read { $0.suffix(400).contains(Array(#"{"kind":"verdict""#.utf8)) } }
        let recorded = try await run.conclude(patience: .seconds(100))
        let bytes = try await reading.value
        #expect(recorded.isStored)
        #expect(recorded.hash == "sha256:\(Hexadecimal.encode(SHA256.hash(bytes)))")
        let outcome = try Self.replay(bytes)
        #expect(outcome.cut == nil && outcome.report.verdict == .interrupted)
    }

    @Test("Evidence that waits for a reader who never reads ends when patience does, and is incomplete")
    func stuckReader() async throws {
        let pipe = try Pipe()
        var run = try Run(pipe.path)
        run.answer(500)
        let slow = EvidenceError.unwritable(pipe.path, reason: "it is written more slowly than evidence comes")
        await #expect(throws: slow) { try await run.conclude(patience: .milliseconds(50)) }
        let outcome = try Self.replay(try await pipe.read { $0.count >= 64 << 10 })
        #expect(outcome.cut != nil && outcome.report.exitCode == 130)
    }

    @Test("A signal ends the wait for a reader who never reads")
    func interrupted() async throws {
        let pipe = try Pipe()
        var run = try Run(pipe.path)
        run.answer(500)
        await #expect(throws: EvidenceError.self) {
            try await run.conclude(patience: .seconds(1_000)) {}
        }
    }

    @Test("Evidence that comes faster than it is written ends with a whole line, without a hole, and says so")
    func overflow() async throws {
        let pipe = try Pipe()
        var run = try Run(pipe.path, limit: 100 << 10)
        run.answer(1_000)
        // The reader catches up, but what was refused is lost: nothing may follow the hole.
        let reading = Task {
            var bytes: [UInt8] = []
            while !Task.isCancelled {
                bytes += pipe.read()
                await Task.yield()
            }
            return bytes + pipe.read()
        }
        run.answer(5)
        await #expect(throws: EvidenceError.self) { try await run.conclude(patience: .seconds(100)) }
        reading.cancel()
        let bytes = await reading.value
        let outcome = try Self.replay(bytes)
        #expect(outcome.cut?.contains("after line") == true, "\(outcome.cut ?? "complete")")
        #expect(outcome.report.exitCode == 130)
        #expect(outcome.lines < 2_000)
    }

    @Test("After a line was refused, so are all others, although there is room again")
    func refusal() throws {
        let queue = EvidenceQueue(limit: 30)
        let line = EvidenceLine.time(.init(at: Nanoseconds(.zero)))
        queue.add([line, line, line])
        var bytes: [UInt8] = []
        queue.take(&bytes)
        #expect(bytes.filter { $0 == UInt8(ascii: "\n") }.count == 2)
        queue.add([line])
        queue.complete("hash")
        queue.take(&bytes)
        #expect(bytes.isEmpty)
        guard case .tooLong = queue.outcome else {
            Issue.record("\(queue.outcome)")
            return
        }
    }

    @Test("A file that another program truncates, removes or writes to while it is recorded is no evidence")
    func disturbed() async throws {
        let folder = try TemporaryFolder()
        let disturbances: [(String, (String) throws -> Void)] = [
            // As log rotation does with copytruncate.
            ("wrote to it or truncated it", { truncate($0, 0) }), ("removed it", { unlink($0) }),
            (
                "wrote to it or truncated it",
                { path in
                    let other = open(path, O_WRONLY | O_APPEND)
                    defer { close(other) }
                    try #require(write(other, "{}\n", 3) == 3)
                }
            ),
        ]
        for (index, (reason, disturb)) in disturbances.enumerated() {
            let path = folder.path("e\(index)")
            var run = try Run(path)
            run.answer(100)
            try await eventually("something is written") { try folder.read("e\(index)").count > 1_000 }
            try disturb(path)
            run.answer(100)
            let error = await #expect(throws: EvidenceError.self) { try await run.conclude(patience: .seconds(100)) }
            #expect(error?.description.contains("another program \(reason)") == true, "\(error?.description ?? "")")
        }
        // Two verifications that record to one file.
        let path = folder.path("shared")
        var first = try Run(path)
        first.answer(100)
        try await eventually("something is written") { try folder.read("shared").count > 1_000 }
        var second = try Run(path, id: "second")
        second.answer(100)
        try await eventually("the other writes, too") { try folder.read("shared").contains(#":"second""#) }
        first.answer(100)
        await #expect(throws: EvidenceError.self) { try await first.conclude(patience: .seconds(100)) }
        await #expect(throws: EvidenceError.self) { try await second.conclude(patience: .seconds(100)) }
    }

    @Test("A file that cannot be written any more keeps no lines waiting")
    func fullDisk() async throws {
        var run = try Run("/dev/full")
        try await eventually("the writer gives up") {
            run.answer(100)
            return run.recorder.waitingBytes == 0
        }
        run.answer(100)
        #expect(run.recorder.waitingBytes == 0)
        await #expect(throws: EvidenceError.unwritable("/dev/full", reason: "No space left on device")) {
            try await run.conclude(patience: .seconds(100))
        }
    }
}

/// Waits until the task is cancelled.
private func forever() async {
    while !Task.isCancelled {
        do { try await Task.sleep(for: .seconds(1)) } catch { return }
    }
}
