import Foundation
import GRDB
import Shared
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("A ledger of an older collector")
struct LedgerMigrationTests {
    private func withOld(_ body: (String) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        try OldLedger.makeVersion1(at: path)
        try await body(path)
    }

    @Test("Reading and recording migrate it, and its contents stay the same", arguments: [true, false])
    func migrated(byReading: Bool) async throws {
        try await withOld { path in
            let ledger = try await Ledger.open(path: path, for: byReading ? .reading : .recording)
            let version = try await ledger.read { try Int.fetchOne($0, sql: "PRAGMA user_version") }
            #expect(version == LedgerSchema.version)
            let report = try await ledger.report("v1-one", now: LedgerFixtures.now)
            #expect(report.verdict == .converged)
            #expect(report.schema == 2)
            #expect(report.summary.statuses == ["converged": 2])
            #expect(report.hosts.map(\.name) == ["a", "b"])
            #expect(report.hosts.map(\.transitions.count) == [2, 2])
            #expect(report.evidence == nil)
            let history = try await ledger.history(now: LedgerFixtures.now)
            #expect(history.map(\.verdict) == [.interrupted, .converged])
            #expect(try await ledger.promotions(service: "canvas").map(\.generation) == [1, 2])
            let condition = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
            #expect(condition.isFine, "\(condition.text())")
        }
    }

    @Test("Statistics include what was recorded before the migration")
    func statistics() async throws {
        try await withOld { path in
            let ledger = try await Ledger.open(path: path, for: .reading)
            let statistics = try await ledger.statistics(HistoryFilter(), by: .host, now: LedgerFixtures.now)
            let hosts = statistics.hosts(.time, limit: 5)
            #expect(hosts.map(\.host) == ["b", "a"])
            #expect(hosts.map(\.secondsToConverge?.max) == [2.5, 1.5])
        }
    }

    @Test("An older collector that is recording meanwhile continues, and its rows are in the new indexes")
    func olderWriter() async throws {
        try await withOld { path in
            let older = try DatabaseQueue(path: path)
            let insert = """
                INSERT INTO hosts (verification, position, rank, name, url, label, reason, attempts, reach,
                    seconds_to_converge) VALUES (2, ?, ?, ?, 'u', 'converged', 'r', 1, 'ok', 7.5)
                """
            let change = """
                INSERT INTO transitions (verification, host, number, seconds, label, reason) VALUES (2, 3, 0, 1, ?, 'r')
                ON CONFLICT (verification, host, number) DO UPDATE SET label = excluded.label
                """
            try await older.write { try $0.execute(sql: insert, arguments: [2, 2, "c"]) }
            let ledger = try await Ledger.open(path: path)
            try await older.write { try $0.execute(sql: insert, arguments: [3, 3, "d"]) }
            for status in ["pending", "converged"] {
                try await older.write { try $0.execute(sql: change, arguments: [status]) }
            }
            let statuses = try await ledger.read { db in
                try String.fetchAll(
                    db,
                    sql: """
                        SELECT status FROM hosts WHERE position > 1 AND verification = 2
                        UNION ALL SELECT status FROM transitions WHERE verification = 2 AND host = 3
                        """)
            }
            #expect(statuses == ["converged", "converged", "converged"])
            let statistics = try await ledger.statistics(HistoryFilter(), by: .host, now: LedgerFixtures.now)
            #expect(statistics.hosts(.time, limit: 2).map(\.host) == ["c", "d"])
        }
    }

    @Test("Checking it changes nothing, and mentions its schema")
    func checked() async throws {
        try await withOld { path in
            let condition = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
            #expect(condition.version == 1)
            #expect(condition.isFine, "\(condition.text())")
            #expect(condition.findings.contains { $0.text.contains("older collector") })
            #expect(condition.counts?.transitions == 5)
            let version = try await DatabaseQueue(path: path).read { try Int.fetchOne($0, sql: "PRAGMA user_version") }
            #expect(version == 1)
        }
    }
}
