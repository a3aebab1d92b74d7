import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("The ledger")
struct LedgerRecordingTests {
    private func withLedger(_ body: (Ledger, String) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/state/ledger.db"
        try await body(try await Ledger.open(path: path), path)
    }

    @Test("A stored report is read back unchanged, also by another connection")
    func roundTrip() async throws {
        try await withLedger { ledger, path in
            let run = LedgerFixtures.run(
                "one", sha: try LedgerFixtures.sha("1"), digest: try LedgerFixtures.digest("d"))
            let start = try await ledger.begin(run)
            var report = try LedgerFixtures.report(run, generation: start.generation)
            report.evidence = .init(hash: "sha256:" + String(repeating: "e", count: 64))
            try await ledger.finish(report)
            #expect(try await ledger.report("one", now: LedgerFixtures.now) == report)
            #expect(try await ledger.report(now: LedgerFixtures.now) == report)
            let other = try await Ledger.open(path: path, for: .reading)
            #expect(try await other.report("one", now: LedgerFixtures.now) == report)
        }
    }

    @Test("The report replaces what was recorded during the verification")
    func reportWins() async throws {
        try await withLedger { ledger, _ in
            let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"))
            let start = try await ledger.begin(run)
            let extra = (0..<5).map {
                RecordedTransition(host: 1, number: $0, transition: .init(seconds: 9, status: .flapping, reason: "x"))
            }
            try await ledger.append(extra, to: start.verification)
            let report = try LedgerFixtures.report(run, generation: start.generation)
            try await ledger.finish(report)
            try await ledger.finish(report)
            #expect(try await ledger.report("one", now: LedgerFixtures.now) == report)
        }
    }

    @Test("A refused inventory is stored, although its verification never began")
    func refused() async throws {
        try await withLedger { ledger, _ in
            let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"), hosts: ["a"])
            var report = try LedgerFixtures.report(run, generation: nil, verdict: .emptyInventory)
            report.hosts = []
            try await ledger.finish(report)
            #expect(try await ledger.report(now: LedgerFixtures.now) == report)
            #expect(try await ledger.promotions(of: "canvas").isEmpty)
        }
    }

    // MARK: - Generations

    /// Targets that are verified one after the other, and their generations.
    private static let sequences: [(String, [(Character?, Character?)], [Int])] = [
        ("the same again", [("1", "a"), ("1", "a")], [1, 1]),
        ("another commit", [("1", "a"), ("2", "b")], [1, 2]),
        ("another digest of the same commit", [("1", "a"), ("1", "b")], [1, 2]),
        ("another commit with the same digest", [("1", "a"), ("2", "a")], [1, 2]),
        ("by commit alone after both", [("1", "a"), ("1", nil)], [1, 1]),
        ("by digest alone after both", [("1", "a"), (nil, "a")], [1, 1]),
        ("another commit alone after both", [("1", "a"), ("2", nil)], [1, 2]),
        ("both after the commit alone", [("1", nil), ("1", "a"), ("1", "b")], [1, 1, 2]),
        ("both after the digest alone", [(nil, "a"), ("1", "a"), ("2", "a")], [1, 1, 2]),
        ("digest alone after commit alone", [("1", nil), (nil, "a")], [1, 2]),
        ("back to an earlier one", [("1", "a"), ("2", "b"), ("1", "a")], [1, 2, 3]),
    ]

    @Test("A target that differs from the last one is the next generation", arguments: sequences)
    func generations(name: String, targets: [(Character?, Character?)], expected: [Int]) async throws {
        try await withLedger { ledger, _ in
            var generations: [Int] = []
            for (index, target) in targets.enumerated() {
                let run = LedgerFixtures.run(
                    "run-\(index)", sha: try target.0.map(LedgerFixtures.sha),
                    digest: try target.1.map(LedgerFixtures.digest))
                let start = try await ledger.begin(run)
                generations.append(start.generation)
                #expect(start.promotions.map(\.generation) == Array(1...(expected[...index].max() ?? 0)))
            }
            #expect(generations == expected)
        }
    }

    @Test("Generations are counted per service, and a known promotion is completed later")
    func services() async throws {
        try await withLedger { ledger, _ in
            let (sha, digest) = (try LedgerFixtures.sha("1"), try LedgerFixtures.digest("a"))
            _ = try await ledger.begin(LedgerFixtures.run("1", service: "x", sha: sha))
            #expect(try await ledger.begin(LedgerFixtures.run("2", service: "y", sha: sha)).generation == 1)
            _ = try await ledger.begin(LedgerFixtures.run("3", service: "x", sha: sha, digest: digest))
            let promotion = Promotion(generation: 1, gitSHA: sha, digest: digest, at: "2026-11-23T12:00:00.000Z")
            #expect(try await ledger.promotions(of: "x") == [promotion])
            #expect(try await ledger.promotions(of: "none") == [])
        }
    }

    @Test("The last of many promotions are returned, oldest first")
    func manyPromotions() async throws {
        try await withLedger { ledger, _ in
            for index in 1...12 {
                let sha = try GitSHA(parsing: String(repeating: "0", count: 38) + String(10 + index))
                _ = try await ledger.begin(LedgerFixtures.run("\(index)", sha: sha, hosts: []))
            }
            #expect(try await ledger.promotions(of: "canvas", limit: 5).map(\.generation) == Array(8...12))
        }
    }

    @Test("Concurrent verifications on several connections get each generation once")
    func concurrent() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        let generations = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<8 {
                group.addTask {
                    // All of them find no file, and create and migrate it at the same time.
                    let ledger = try await Ledger.open(path: path, options: .init(busyTimeout: .seconds(60)))
                    let sha = try GitSHA(parsing: String(repeating: "a", count: 39) + String(index))
                    return try await ledger.begin(LedgerFixtures.run("\(index)", sha: sha)).generation
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(generations.sorted() == Array(1...8))
    }

    // MARK: - The last inventory

    @Test("A refused inventory never becomes the baseline of the next one")
    func previousExpected() async throws {
        try await withLedger { ledger, _ in
            #expect(try await ledger.previousExpected(of: "canvas") == nil)
            let names = (0..<10).map { "h\($0)" }
            let first = LedgerFixtures.run("1", sha: try LedgerFixtures.sha("1"), hosts: names)
            _ = try await ledger.begin(first)
            #expect(try await ledger.previousExpected(of: "canvas") == nil)
            try await ledger.finish(try LedgerFixtures.report(first, generation: 1))
            #expect(try await ledger.previousExpected(of: "canvas") == 10)
            for (id, verdict) in [("2", Verdict.inventoryShrunk), ("3", .emptyInventory)] {
                let run = LedgerFixtures.run(id, sha: try LedgerFixtures.sha("2"), hosts: ["h0"])
                try await ledger.finish(try LedgerFixtures.report(run, generation: nil, verdict: verdict))
            }
            #expect(try await ledger.previousExpected(of: "canvas") == 10)
            #expect(try await ledger.previousExpected(of: "other") == nil)
        }
    }

    // MARK: - Interrupted verifications

    @Test("A verification whose process is gone is interrupted, keeps its transitions, and is never green")
    func cutOff() async throws {
        try await withLedger { ledger, _ in
            var gone = ProcessIdentity.current()
            // The same process id, reused by another process.
            gone.start = (gone.start ?? 1) - 1
            let start = try await ledger.begin(
                LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1")), process: gone)
            try await ledger.append(
                [
                    RecordedTransition(
                        host: 0, number: 0, transition: .init(seconds: 1, status: .soaking, reason: "soaks")),
                    RecordedTransition(
                        host: 0, number: 1, transition: .init(seconds: 2.5, status: .converged, reason: "done")),
                ], to: start.verification)
            let report = try await ledger.report(now: LedgerFixtures.now)
            #expect(report.verdict == .interrupted)
            #expect(report.exitCode == 130)
            // The order of every report: hosts that need attention last.
            #expect(report.hosts.map(\.name) == ["a", "b", "c"])
            #expect(report.hosts.first?.transitions.count == 2)
            #expect(report.summary.statuses == ["converged": 1, "pending": 2])
            #expect(report.verification.finishedAt == "2026-11-23T12:00:02.500Z")
            let entry = try await ledger.history(HistoryFilter(host: "a"), now: LedgerFixtures.now)
            #expect(entry.map(\.verdict) == [.interrupted])
            #expect(entry.first?.host?.reason == "done")
            #expect(try await ledger.previousExpected(of: "canvas") == nil)
        }
    }

    @Test("A verification of a living process is running, and has no report yet")
    func running() async throws {
        try await withLedger { ledger, path in
            _ = try await ledger.begin(LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1")))
            #expect(try await ledger.history(now: LedgerFixtures.now).map(\.state) == [.running])
            await #expect(throws: LedgerError.stillRunning(id: "one")) {
                try await ledger.report("one", now: LedgerFixtures.now)
            }
            await #expect(throws: LedgerError.noVerification(path: path)) {
                try await ledger.report(now: LedgerFixtures.now)
            }
            await #expect(throws: LedgerError.unknownVerification(id: "two", path: path)) {
                try await ledger.report("two", now: LedgerFixtures.now)
            }
        }
    }

    @Test("A verification in another container has until its deadline; one before the last boot has ended")
    func presence() async throws {
        try await withLedger { ledger, _ in
            var elsewhere = ProcessIdentity.current()
            elsewhere.namespace = "pid:[1]"
            _ = try await ledger.begin(LedgerFixtures.run("1", sha: try LedgerFixtures.sha("1")), process: elsewhere)
            var earlier = ProcessIdentity.current()
            earlier.boot = "earlier"
            _ = try await ledger.begin(LedgerFixtures.run("2", sha: try LedgerFixtures.sha("1")), process: earlier)
            // Ten minutes of deadline and five of grace.
            let soon = LedgerFixtures.now.addingTimeInterval(899)
            #expect(try await ledger.history(now: soon).map(\.state) == [.interrupted, .running])
            let later = LedgerFixtures.now.addingTimeInterval(901)
            #expect(try await ledger.history(now: later).map(\.state) == [.interrupted, .interrupted])
        }
    }

    @Test("A service's report counts as a proof here, under this ledger's number, and makes no promotion")
    func adopted() async throws {
        try await withLedger { ledger, _ in
            let (sha, digest) = (try LedgerFixtures.sha("1"), try LedgerFixtures.digest("d"))
            func report(_ id: String, generation: Int?, _ verdict: Verdict = .converged) throws -> Report {
                try LedgerFixtures.report(
                    LedgerFixtures.run(id, sha: sha, digest: digest), generation: generation, verdict: verdict)
            }
            // Nothing was promoted from here.
            try await ledger.adopt(report("before", generation: nil))
            #expect(try await ledger.promotions(of: "canvas").isEmpty)
            _ = try await ledger.begin(LedgerFixtures.run("local", sha: sha, digest: digest))
            func build() async throws -> ProvenBuild? {
                try await ledger.builds(of: "canvas", repository: "r", tag: "latest").last
            }
            try await ledger.adopt(report("red", generation: nil))
            try await ledger.adopt(report("red", generation: nil, .stragglers))
            #expect(try await build()?.verdict == .stragglers)
            #expect(try await build()?.provenAt == nil)
            try await ledger.adopt(report("green", generation: 1))
            #expect(try await build()?.provenAt != nil)
            #expect(try await ledger.promotions(of: "canvas").count == 1)
            #expect(try await ledger.report("green", now: LedgerFixtures.now) == report("green", generation: 1))
            // An interrupted run that knows no host is no list to compare later inventories with.
            var nothing = try report("nothing", generation: nil, .interrupted)
            (nothing.hosts, nothing.inventory.expected) = ([], 0)
            try await ledger.adopt(nothing)
            #expect(try await ledger.previousExpected(of: "canvas") == 3)
        }
    }

    @Test("In the service's own ledger, the service's record stays")
    func ownedByService() async throws {
        try await withLedger { ledger, _ in
            let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"))
            let service = ProcessIdentity(pid: 1, start: 1, namespace: nil, boot: nil)
            let start = try await ledger.begin(run, process: service)
            let theirs = try LedgerFixtures.report(run, generation: start.generation, verdict: .converged)
            try await ledger.finish(theirs, process: service)
            try await ledger.adopt(LedgerFixtures.report(run, generation: start.generation, verdict: .superseded))
            #expect(try await ledger.report("one", now: LedgerFixtures.now) == theirs)
        }
    }

    @Test("A cancelled task still writes its report")
    func cancelled() async throws {
        try await withLedger { ledger, _ in
            let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"))
            let report = try LedgerFixtures.report(run, generation: nil)
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await ledger.finish(report)
            }
            try await task.value
            #expect(try await ledger.report("one", now: LedgerFixtures.now) == report)
        }
    }

    @Test("The log is merged into the file while verifications are recorded and read")
    func log() async throws {
        try await withLedger { ledger, path in
            let names = (0..<1_000).map { "host-\($0)" }
            var longest = 0
            for number in 0..<40 {
                let run = LedgerFixtures.run("\(number)", sha: try LedgerFixtures.sha("1"), hosts: names)
                let start = try await ledger.begin(run)
                try await ledger.finish(try LedgerFixtures.report(run, generation: start.generation))
                _ = try await ledger.statistics(HistoryFilter(), by: .host, now: LedgerFixtures.now)
                let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)-wal")
                longest = max(longest, try #require(attributes[.size] as? Int))
            }
            // SQLite merges after 1,000 pages; a statement that stayed open would prevent it, and the log would have 40 MB.
            #expect(longest < 12_000_000)
        }
    }

    @Test("The recorder writes every transition in order, and reports a failing ledger")
    func recorder() async throws {
        try await withLedger { ledger, _ in
            let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"))
            var gone = ProcessIdentity.current()
            gone.boot = "earlier"
            let start = try await ledger.begin(run, process: gone)
            let recorder = LedgerRecorder(ledger: ledger, verification: start.verification)
            let verification = Verification(
                target: Target(service: "canvas", gitSHA: run.target.gitSHA), hosts: run.hosts, policy: Policy())
            for step in 0..<100 {
                let change = HostTracker.Transition(
                    at: .milliseconds(step), status: step % 2 == 0 ? .soaking : .flapping,
                    reason: .requestFailed(FailedRequest(.timeout, detail: "step\n\(step)")))
                recorder.turned([HostChange(host: step % 3, transition: change)], of: verification, at: .zero)
            }
            #expect(await recorder.drain() == nil)
            let hosts = try await ledger.report("one", now: LedgerFixtures.now).hosts
            #expect(
                hosts.first { $0.name == "b" }?.transitions.map(\.reason)
                    == stride(from: 1, to: 100, by: 3).map { "step \($0)" })
            let broken = LedgerRecorder(ledger: ledger, verification: 99)
            let change = HostTracker.Transition(at: .zero, status: .soaking, reason: .onTarget)
            broken.turned([HostChange(host: 0, transition: change)], of: verification, at: .zero)
            #expect(await broken.drain() != nil)
        }
    }
}
