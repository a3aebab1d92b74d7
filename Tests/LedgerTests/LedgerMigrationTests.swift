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
    private func withOld(version: Int = 1, _ body: (String) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        try OldLedger.make(version: version, at: path)
        try await body(path)
    }

    @Test(
        "Reading and recording migrate a ledger of each version, and its contents stay the same",
        arguments: [true, false], 1..<LedgerSchema.version)
    func migrated(byReading: Bool, version: Int) async throws {
        try await withOld(version: version) { path in
            let ledger = try await Ledger.open(path: path, for: byReading ? .reading : .recording)
            #expect(try await ledger.read { try LedgerSchema.version($0) } == LedgerSchema.version)
            let report = try await ledger.report("v1-one", now: LedgerFixtures.now)
            #expect(report.verdict == .converged)
            #expect(report.schema == 2)
            #expect(report.summary.statuses == ["converged": 2])
            #expect(report.hosts.map(\.name) == ["a", "b"])
            #expect(report.hosts.map(\.transitions.count) == [2, 2])
            #expect(report.evidence == nil)
            let history = try await ledger.history(now: LedgerFixtures.now)
            #expect(history.map(\.verdict) == [.interrupted, .converged])
            #expect(try await ledger.promotions(of: "canvas").map(\.generation) == [1, 2])
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

    @Test("An upgrade that fills the disk changes nothing, and the next one completes")
    func fullDisk() async throws {
        try await withOld(version: 8) { path in
            let older = try DatabaseQueue(path: path)
            try await older.write { db in
                for position in 2..<5_000 {
                    try db.execute(
                        sql: """
                            INSERT INTO hosts (verification, position, rank, name, url, label, reason, attempts, reach,
                                seconds_to_converge) VALUES (1, ?, ?, ?, 'u', 'converged', 'r', 1, 'ok', ?)
                            """,
                        arguments: [position, position, "host-\(position)", Double(position) / 3])
                }
            }
            // The upgrade drops this index, and its pages would be enough.
            try await older.write { db in
                try db.execute(
                    sql: """
                        DROP INDEX hosts_by_outcome;
                        CREATE INDEX hosts_by_outcome ON hosts (verification) WHERE label IS NULL;
                        """)
            }
            try await older.vacuum()
            let pages = try await older.read { try Int.fetchOne($0, sql: "PRAGMA page_count") ?? 0 }
            try older.close()
            // The new tables fit, the outcomes do not.
            await #expect(throws: LedgerError.diskFull(path: path)) {
                try await Ledger.open(path: path, options: .init(maximumPages: pages + 12))
            }
            let (version, tables) = try await DatabaseQueue(path: path).read { db in
                (
                    try LedgerSchema.version(db),
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'host_outcomes%'")
                )
            }
            #expect((version, tables) == (8, 0))
            let ledger = try await Ledger.open(path: path, for: .reading)
            let statistics = try await ledger.statistics(HistoryFilter(), by: .host, now: LedgerFixtures.now)
            #expect(statistics.count == 5_000)
            #expect(try await ledger.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM host_outcomes") } == 1)
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

    @Test("An older collector neither sees nor numbers the promotions of other environments")
    func environments() async throws {
        try await withOld(version: 7) { path in
            let older = try DatabaseQueue(path: path)
            let lastGeneration = "SELECT generation FROM promotions WHERE service = ? ORDER BY generation DESC LIMIT 1"
            let insert = """
                INSERT INTO promotions (service, generation, git_sha, digest, at, verification)
                VALUES ('canvas', ?, 'c', NULL, 'now', 'v')
                """
            // The older collector's statements, prepared before the migration.
            let before = try await older.read { try Int.fetchOne($0, sql: lastGeneration, arguments: ["canvas"]) }
            #expect(before == 2)
            let ledger = try await Ledger.open(path: path)
            let production = DeployedService("canvas", in: try #require(EnvironmentName("production")))
            for number in 1...5 {
                var run = LedgerFixtures.run(
                    "p\(number)", sha: try LedgerFixtures.sha(number.isMultiple(of: 2) ? "1" : "2"))
                run.target.environment = production.environment
                #expect(try await ledger.begin(run).generation == number)
            }
            let after = try await older.write { db in
                let last = try Int.fetchOne(db, sql: lastGeneration, arguments: ["canvas"])
                try db.execute(sql: insert, arguments: [(last ?? 0) + 1])
                return last
            }
            #expect(after == 2)
            #expect(try await ledger.promotions(of: "canvas").map(\.generation) == [1, 2, 3])
            #expect(try await ledger.promotions(of: production).map(\.generation) == [1, 2, 3, 4, 5])
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
