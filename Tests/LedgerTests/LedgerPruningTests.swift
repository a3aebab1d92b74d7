import ArgumentParser
import Foundation
import GRDB
import Shared
import Synchronization
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("Pruning the ledger")
struct LedgerPruningTests {
    private static let day = Duration.seconds(86_400)

    private func ids(_ ledger: Ledger) async throws -> [String] {
        try await ledger.history(limit: 1_000, now: LedgerFixtures.now).map(\.id)
    }

    private func prune(_ ledger: Ledger, days: Int, last: Int = 1) async throws -> PruneResult {
        try await ledger.prune(LedgerRetention(age: Self.day * days, last: last), now: LedgerFixtures.now)
    }

    @Test("Older verifications are removed with their hosts and transitions; younger ones stay whole")
    func age() async throws {
        try await withRecordedHistory { history, path in
            for days in [100.0, 90.5, 89.5, 10] {
                try await history.add(
                    daysAgo: days, verdict: .converged, hosts: [("a", .converged(1)), ("b", .converged(2))])
            }
            let kept = try await history.ledger.report("3", now: LedgerFixtures.now)
            let counted = try await history.ledger.pruneable(
                LedgerRetention(age: Self.day * 90), now: LedgerFixtures.now)
            #expect(
                counted == PruneResult(isDryRun: true, verifications: 2, hosts: 4, transitions: 4, kept: 2))
            #expect(try await ids(history.ledger) == ["4", "3", "2", "1"])
            let pruned = try await prune(history.ledger, days: 90)
            #expect((pruned.verifications, pruned.hosts, pruned.transitions, pruned.kept) == (2, 4, 4, 2))
            #expect(try await ids(history.ledger) == ["4", "3"])
            #expect(try await history.ledger.report("3", now: LedgerFixtures.now) == kept)
            let condition = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
            #expect(condition.isFine, "\(condition.text())")
            #expect(condition.counts?.hosts == 4)
            #expect(condition.counts?.transitions == 4)
            let again = try await prune(history.ledger, days: 90)
            #expect((again.verifications, again.kept) == (0, 2))
        }
    }

    @Test("The last verifications of each service stay, whatever their age")
    func last() async throws {
        try await withRecordedHistory { history, _ in
            for (service, count) in [("canvas", 4), ("web", 1), ("api", 3)] {
                for index in 0..<count {
                    try await history.add(daysAgo: Double(300 - index), service: service, verdict: .converged)
                }
            }
            _ = try await prune(history.ledger, days: 30, last: 2)
            #expect(try await ids(history.ledger) == ["8", "7", "5", "4", "3"])
            _ = try await prune(history.ledger, days: 30)
            #expect(try await ids(history.ledger) == ["8", "5", "4"])
        }
    }

    @Test("The last converged verification and the baseline of the next inventory stay")
    func needed() async throws {
        try await withRecordedHistory { history, _ in
            let ten = (0..<10).map { ("h\($0)", RecordedHistory.Result.converged(1)) }
            try await history.add(daysAgo: 300, verdict: .converged, hosts: ten)
            try await history.add(daysAgo: 299, verdict: .convergedTolerated, hosts: ten)
            try await history.add(daysAgo: 298, verdict: .stragglers, hosts: ten)
            try await history.add(daysAgo: 297, verdict: .stragglers, hosts: Array(ten.prefix(9)))
            try await history.add(daysAgo: 296, verdict: .inventoryShrunk)
            try await history.add(daysAgo: 295, verdict: nil)
            try await history.add(daysAgo: 294, verdict: .emptyInventory)
            _ = try await prune(history.ledger, days: 30)
            #expect(try await ids(history.ledger) == ["7", "4", "2"])
            #expect(try await history.ledger.previousExpected(of: "canvas") == 10)
        }
    }

    @Test("The proofs of the last five promotions stay, so that a tag can be rolled back to a proven build")
    func proofs() async throws {
        try await withRecordedHistory { history, _ in
            for build in "1234567" {
                try await history.add(daysAgo: 300, build: build, verdict: .converged)
                try await history.add(daysAgo: 299, build: build, verdict: .converged)
                try await history.add(daysAgo: 298, build: build, verdict: .failedDeploy)
            }
            _ = try await prune(history.ledger, days: 30)
            #expect(try await ids(history.ledger) == ["21", "20", "17", "14", "11", "8"])
        }
    }

    @Test("A running verification stays and continues; an interrupted one is removed")
    func running() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(daysAgo: 300, verdict: nil)
            var run = LedgerFixtures.run("r", sha: try LedgerFixtures.sha("1"))
            run.startedAt = "2026-01-01T00:00:00.000Z"
            let start = try await history.ledger.begin(run)
            try await history.add(daysAgo: 200, verdict: .converged)
            _ = try await prune(history.ledger, days: 0)
            #expect(try await ids(history.ledger) == ["2", "r"])
            let transition = Report.Host.Transition(seconds: 1, status: .pending, reason: "x")
            try await history.ledger.append([.init(host: 0, number: 0, transition: transition)], to: start.verification)
            try await history.ledger.finish(try LedgerFixtures.report(run, generation: start.generation))
        }
    }

    @Test("All promotions stay in order, and the next one is numbered after them")
    func promotions() async throws {
        try await withRecordedHistory { history, _ in
            for build in "123" { try await history.add(daysAgo: 300, build: build, verdict: .converged) }
            let before = try await history.ledger.promotions(of: "canvas")
            _ = try await prune(history.ledger, days: 1)
            #expect(try await ids(history.ledger) == ["3", "2", "1"])
            #expect(try await history.ledger.promotions(of: "canvas") == before)
            let start = try await history.ledger.begin(LedgerFixtures.run("n", sha: try LedgerFixtures.sha("4")))
            #expect(start.generation == 4)
        }
    }

    /// Verifications of many hosts, so that there are pages to release.
    private func fill(_ history: inout RecordedHistory, _ count: Int) async throws {
        let hosts = (0..<300).map { ("host-\($0)", RecordedHistory.Result.converged(1)) }
        for index in 0..<count {
            try await history.add(daysAgo: Double(200 - index), verdict: .converged, hosts: hosts)
        }
    }

    private func size(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    }

    @Test("The file becomes smaller by the reported size")
    func shrinks() async throws {
        try await withRecordedHistory { history, path in
            try await fill(&history, 16)
            _ = try await history.ledger.prune(LedgerRetention(age: Self.day * 500), now: LedgerFixtures.now)
            let before = try size(path)
            let pruned = try await prune(history.ledger, days: 30)
            #expect(pruned.bytesReusable == 0)
            #expect(try size(path) == before - (pruned.bytesFreed ?? 0))
            #expect(try size(path) < before / 4)
        }
    }

    @Test("An older collector's file keeps its size until it is rewritten")
    func olderFile() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        try OldLedger.makeVersion1(at: path)
        var history = RecordedHistory(ledger: try await Ledger.open(path: path))
        try await fill(&history, 6)
        let kept = try await prune(history.ledger, days: 30)
        #expect(kept.bytesFreed == 0)
        #expect(try #require(kept.bytesReusable) > 100_000)
        let retention = LedgerRetention(age: Self.day * 30)
        let rewritten = try await history.ledger.prune(retention, now: LedgerFixtures.now, rewrites: true)
        #expect(try #require(rewritten.bytesFreed) >= #require(kept.bytesReusable))
        #expect(rewritten.bytesReusable == 0)
        let mode = try await history.ledger.read { try Int.fetchOne($0, sql: "PRAGMA auto_vacuum") }
        #expect(mode == 2)
        let condition = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
        #expect(condition.isFine, "\(condition.text())")
    }

    @Test("A concurrent verification never finds the ledger locked")
    func besideAVerification() async throws {
        try await withRecordedHistory { history, path in
            try await fill(&history, 25)
            let recording = try await Ledger.open(path: path, options: .init(busyTimeout: .seconds(5)))
            let start = try await recording.begin(LedgerFixtures.run("r", sha: try LedgerFixtures.sha("1")))
            let isPruned = Mutex(false)
            let writing = Task {
                var count = 0
                repeat {
                    let transition = Report.Host.Transition(
                        seconds: Double(count), status: .flapping, reason: "change \(count)")
                    try await recording.append(
                        [.init(host: 1, number: count, transition: transition)], to: start.verification)
                    count += 1
                } while !isPruned.withLock { $0 }
                return count
            }
            let pruned = try await prune(history.ledger, days: 30)
            isPruned.withLock { $0 = true }
            let count = try await writing.value
            #expect(pruned.verifications == 24)
            #expect(count > 1)
            let rows = try await recording.read { db in
                try Int.fetchOne(
                    db, sql: "SELECT count(*) FROM transitions WHERE verification = ?", arguments: [start.verification])
            }
            #expect(rows == count)
        }
    }

    @Test("The prune command reports its result or plan, and refuses missing arguments")
    func command() async throws {
        try await withRecordedHistory { history, path in
            for days in [100.0, 50] { try await history.add(daysAgo: days, verdict: .converged) }
            func run(_ arguments: [String]) async throws -> String {
                let parsed = try LedgerPruneCommand.parseAsRoot(["--store", path] + arguments)
                let command = try #require(parsed as? LedgerPruneCommand)
                return try command.output(try await command.prune(environment: [:], now: LedgerFixtures.now))
            }
            #expect(
                try await run(["--keep", "10w", "--dry-run"])
                    == "would remove 1 verifications (1 hosts, 1 transitions); would keep 1 verifications and all promotions\n"
            )
            let json = try await run(["--keep", "10w", "--format", "json"])
            let pruned = try JSONDecoder().decode(PruneResult.self, from: Data(json.utf8))
            #expect((pruned.verifications, pruned.kept, pruned.isDryRun) == (1, 1, false))
            #expect(try await run(["--keep", "10w"]).hasPrefix("removed 0 verifications"))
            for arguments in [
                [], ["--keep", "10"], ["--keep", "10d", "--keep-last", "0"], ["--keep", "1d", "--store", "none"],
            ] {
                #expect(throws: (any Error).self) { try LedgerPruneCommand.parseAsRoot(arguments) }
            }
        }
    }

    @Test("Pruning creates no ledger")
    func absent() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/x.db"
        let command = try #require(
            try LedgerPruneCommand.parseAsRoot(["--store", path, "--keep", "1d"]) as? LedgerPruneCommand)
        await #expect(throws: LedgerError.absent(path: path)) {
            _ = try await command.prune(environment: [:], now: LedgerFixtures.now)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
