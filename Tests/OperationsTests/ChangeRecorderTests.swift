import CollectorSupport
import Foundation
import GRDB
import Logging
import Shared
import Support
import Synchronization
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Operations
@testable import Reports
@testable import Verdict

@Suite("Recording of changes that standing checks see", .timeLimit(.minutes(2)))
struct ChangeRecorderTests {
    private static let service = DeployedService.canvas(in: "production")

    /// What was logged, a line each.
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock(\.self) }

        var logger: Logger {
            var logger = Logger(label: "test") { _ in Handler(lines: self) }
            logger.logLevel = .trace
            return logger
        }

        private struct Handler: LogHandler {
            let lines: Lines
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.trace

            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }

            func log(event: LogEvent) {
                lines.lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
            }
        }
    }

    private static func change(_ host: String, _ number: Int, after former: Int? = nil) throws -> StandingChange {
        func time(_ number: Int) -> String { InventoryFixtures.now.addingTimeInterval(Double(number)).rfc3339 }
        return StandingChange(
            service: service, host: host, at: time(number), notBefore: former.map(time),
            status: number % 2 == 0 ? .soaking : .converged, finding: "number \(number)",
            gitSHA: try LedgerFixtures.sha("1"), isServed: true)
    }

    /// A recorder that runs, and a ledger of which nobody waits long for a lock.
    private struct Recording {
        let folder: TemporaryFolder
        let path: String
        let ledger: Ledger
        let recorder: ChangeRecorder
        let task: Task<Void, Never>
        let lines = Lines()

        init() async throws {
            folder = try TemporaryFolder()
            path = folder.path("ledger.db")
            ledger = try await Ledger.open(path: path, options: .init(busyTimeout: .milliseconds(100)))
            let recorder = ChangeRecorder(ledger: ledger, logger: lines.logger)
            self.recorder = recorder
            task = Task { await recorder.run() }
        }

        func recorded(_ host: String) async throws -> [StandingChange] {
            try await ledger.standingChanges(of: host, limit: 1_000).changes
        }

        func end() async throws {
            task.cancel()
            await task.value
            try await ledger.close()
        }
    }

    @Test("A change can be read at once, and is in the ledger soon")
    func written() async throws {
        let recording = try await Recording()
        let changes = try (1...3).map { try Self.change("a", $0) }
        for change in changes { recording.recorder.add(change) }
        recording.recorder.add(try Self.change("b", 1))
        #expect(recording.recorder.waiting(of: "a") == changes.reversed())
        try await eventually("they are recorded") {
            try await recording.recorded("a") == changes.reversed()
        }
        try await eventually("none waits") { recording.recorder.waiting(of: "a").isEmpty }
        try await recording.end()
    }

    @Test("While nothing changes, nothing is written")
    func idle() async throws {
        let recording = try await Recording()
        recording.recorder.add(try Self.change("a", 1))
        try await eventually("it is recorded") { try await !recording.recorded("a").isEmpty }
        func version() async throws -> Int? {
            let other = try DatabaseQueue(path: recording.path)
            return try await other.read {
                try Int.fetchOne($0, sql: "SELECT count(*) + total(number) FROM standing_changes")
            }
        }
        func log() throws -> Date? {
            try FileManager.default.attributesOfItem(atPath: recording.path + "-wal")[.modificationDate] as? Date
        }
        let (before, written) = (try await version(), try log())
        try await Task.sleep(for: .seconds(2))
        #expect(try await version() == before)
        #expect(try log() == written)
        try await recording.end()
    }

    @Test("What still waits at the end is written")
    func end() async throws {
        let recording = try await Recording()
        for number in 0..<4_000 { recording.recorder.add(try Self.change("host-\(number)", 1)) }
        recording.task.cancel()
        await recording.task.value
        #expect(
            try await recording.ledger.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM standing_changes") }
                == 4_000)
        try await recording.ledger.close()
    }

    @Test("Ten thousand hosts that change at once are a few transactions, between which a verification records")
    func crowd() async throws {
        let recording = try await Recording()
        // A process of its own, which waits as SQLite does.
        let other = try await Ledger.open(path: recording.path)
        let run = try await other.begin(LedgerFixtures.run("r", sha: try LedgerFixtures.sha("1")))
        func append(_ number: Int, in ledger: Ledger) async throws {
            let transition = Report.Host.Transition(seconds: Double(number), status: .soaking, reason: "x")
            try await ledger.append(
                [.init(host: number % 3, number: number / 3, transition: transition)], to: run.verification)
        }
        for number in 0..<10_000 { recording.recorder.add(try Self.change("host-\(number)", 1)) }
        var number = 0
        func count() async throws -> Int? {
            try await other.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM standing_changes") }
        }
        var counts: Set<Int> = []
        try await eventually("all are recorded") {
            try await append(number, in: number % 2 == 0 ? other : recording.ledger)
            number += 1
            if let count = try await count() { counts.insert(count) }
            return counts.contains(10_000)
        }
        #expect(number > 1, "a verification recorded meanwhile, and never found the ledger locked")
        #expect(!counts.subtracting([0, 10_000]).isEmpty, "\(counts)")
        try await other.close()
        try await recording.end()
    }

    @Test("A ledger that cannot be written is reported once, loses nothing that fits, and is caught up with")
    func unwritable() async throws {
        let recording = try await Recording()
        let recorder = recording.recorder
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let lock = try DatabaseQueue(path: recording.path, configuration: configuration)
        try await lock.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        recorder.add(try Self.change("a", 1))
        try await eventually("the problem is known") {
            recorder.problem?.contains("is locked by another process") == true
        }
        // More than wait for one host; another host loses nothing by that.
        for number in 2...60 { recorder.add(try Self.change("a", number, after: number - 1)) }
        recorder.add(try Self.change("b", 1))
        #expect(recorder.waiting(of: "a").count == 50)
        try await Task.sleep(for: .seconds(3))
        try await lock.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        try await eventually("all is recorded") { recorder.problem == nil }
        let kept = try await recording.recorded("a")
        #expect(kept.map(\.finding) == (11...60).reversed().map { "number \($0)" })
        #expect(kept.last?.notBefore == nil, "what came before the dropped ones was not seen after them")
        #expect(try await recording.recorded("b").count == 1)
        let lines = recording.lines.all
        #expect(lines.count { $0.contains("Changes of hosts are not recorded") } == 1, "\(lines)")
        #expect(lines.count { $0.contains("recorded again") && $0.contains("10") } == 1, "\(lines)")
        try await recording.end()
        #expect(try await Ledger.inspect(path: recording.path, now: Date()).isFine)
    }

    // MARK: - Until when hosts were seen

    private static let policy = Policy(interval: .seconds(15), requestTimeout: .seconds(5), soak: .seconds(10))

    /// A board whose hosts were polled for a minute, and what its check knew at the end of it.
    private static func board(_ recorder: ChangeRecorder, after record: StandingRecord = .init()) -> (FleetBoard, Bench)
    {
        var bench = Bench(2, policy: policy, lateFrom: .zero)
        bench.poll(1...61, every: 15) { _, _ in .answer(Answer()) }
        let board = FleetBoard(of: service, changes: ChangeSignal(), recorder: recorder, after: record)
        board.begin(bench.verification, promotion: nil, at: .now - .seconds(61))
        return (board, bench)
    }

    @Test(
        "The end of the process is recorded as the time until which every host was seen, and nothing is noted twice after it"
    )
    func restart() async throws {
        let recording = try await Recording()
        let before = Date()
        let (board, bench) = Self.board(recording.recorder)
        for host in 0..<2 { board.take(host, of: bench.verification, at: .seconds(61), isAnswer: true) }
        try await recording.end()
        let ledger = try await Ledger.open(path: recording.path)
        let record = try await ledger.standingRecord(of: Self.service)
        #expect(record.hosts.mapValues(\.status) == ["host-0": .converged, "host-1": .converged])
        let seen = try #require(record.seenUntil.flatMap { Date(rfc3339: $0) })
        #expect(abs(seen.timeIntervalSince(before)) < 10)
        let recorder = ChangeRecorder(ledger: ledger, logger: recording.lines.logger)
        let (next, again) = Self.board(recorder, after: record)
        #expect(next.snapshot.counts(at: .now).proven == 0, "nothing of the ledger is shown as present")
        #expect(next.snapshot.hosts.allSatisfy { $0.gitSHA == nil && $0.status == .pending && $0.observedAt == nil })
        for host in 0..<2 { next.take(host, of: again.verification, at: .seconds(61), isAnswer: true) }
        #expect(recorder.waiting(of: "host-0").isEmpty && recorder.waiting(of: "host-1").isEmpty)
        try await ledger.close()
    }

    @Test("No fleet counts as seen at a time before which changes of its hosts still wait")
    func seenLast() async throws {
        let recording = try await Recording()
        let (board, bench) = Self.board(recording.recorder)
        for number in 0..<4_000 { recording.recorder.add(try Self.change("other-\(number)", 1)) }
        for host in 0..<2 { board.take(host, of: bench.verification, at: .seconds(61), isAnswer: true) }
        func state() async throws -> (rows: Int, seen: String?) {
            try await recording.ledger.read { db in
                (
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM standing_changes") ?? 0,
                    try String.fetchOne(db, sql: "SELECT seen_until FROM standing_fleets")
                )
            }
        }
        var parts: Set<Int> = []
        try await eventually("all is recorded") {
            let (rows, seen) = try await state()
            if rows > 0, rows < 4_002 { parts.insert(rows) }
            #expect((seen != nil) == (rows == 4_002), "\(rows) \(seen ?? "")")
            return rows == 4_002
        }
        #expect(!parts.isEmpty, "the part before the last one was seen")
        try await recording.end()
    }

    @Test("A host that the inventory does not list after a restart ends there, and one that comes back begins anew")
    func removed() async throws {
        let recording = try await Recording()
        var record = StandingRecord()
        record.hosts["gone"] = try Self.change("gone", 1)
        let (board, bench) = Self.board(recording.recorder, after: record)
        board.take(0, of: bench.verification, at: .seconds(61), isAnswer: true)
        let end = try #require(recording.recorder.waiting(of: "gone").first)
        #expect(end.status == nil && !end.isServed && end.notBefore == record.hosts["gone"]?.at)
        #expect(board.seenUntil != nil)
        try await recording.end()
        let ledger = try await Ledger.open(path: recording.path)
        #expect(try await ledger.standingRecord(of: Self.service).hosts.keys.sorted() == ["host-0"])
        try await ledger.close()
    }

    @Test("A configuration that is read again begins no new history, although its fleet's check does")
    func reload() async throws {
        let recording = try await Recording()
        let (board, bench) = Self.board(recording.recorder)
        board.take(0, of: bench.verification, at: .seconds(61), isAnswer: true)
        let next = FleetBoard(after: board)
        next.begin(bench.verification, promotion: nil, at: .now - .seconds(61))
        next.take(0, of: bench.verification, at: .seconds(61), isAnswer: true)
        #expect(recording.recorder.waiting(of: "host-0").count == 1)
        #expect(recording.recorder.board(of: Self.service) === next)
        try await recording.end()
    }

    @Test("A host that was never asked, or that the collector could not ask, has not changed")
    func unasked() async throws {
        let recording = try await Recording()
        var bench = Bench(2, policy: Self.policy, lateFrom: .zero)
        let board = FleetBoard(of: Self.service, changes: ChangeSignal(), recorder: recording.recorder)
        board.begin(bench.verification, promotion: nil, at: .now)
        bench.see(1, at: 1, .none(.notSent))
        for host in 0..<2 { board.take(host, of: bench.verification, at: .seconds(1), isAnswer: host == 1) }
        // An observation from before the start says nothing yet.
        bench.see(0, at: 1, Answer(age: 30))
        board.take(0, of: bench.verification, at: .seconds(1), isAnswer: true)
        #expect(recording.recorder.waiting(of: "host-0").isEmpty && recording.recorder.waiting(of: "host-1").isEmpty)
        try await recording.end()
    }

    @Test("An agent that cannot read its source has restarted nothing")
    func blind() async throws {
        let recording = try await Recording()
        var bench = Bench(1, policy: Self.policy, lateFrom: .zero)
        let board = FleetBoard(of: Self.service, changes: ChangeSignal(), recorder: recording.recorder)
        board.begin(bench.verification, promotion: nil, at: .now - .seconds(200))
        func take(_ second: Double) {
            board.take(0, of: bench.verification, at: .seconds(Int(second)), isAnswer: true)
        }
        for second in stride(from: 1.0, through: 61, by: 15) { bench.see(0, at: second, Answer()) }
        take(61)
        bench.see(0, at: 76, Answer(state: .unknown).with { $0.edit = { $0.instances = [] } })
        take(76)
        bench.see(0, at: 91, Answer())
        take(91)
        let changes = recording.recorder.waiting(of: "host-0")
        #expect(changes.map(\.status).contains(.agentError), "\(changes.map(\.status))")
        #expect(!changes.contains { $0.isRestart || $0.isNewBuild }, "\(changes)")
        // Restarted indeed.
        bench.see(0, at: 106, Answer(startedAt: "2026-01-01T00:01:00Z"))
        take(106)
        #expect(recording.recorder.waiting(of: "host-0").first?.isRestart == true)
        try await recording.end()
    }
}
