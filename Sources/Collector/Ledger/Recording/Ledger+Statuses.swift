import CollectorSupport
import FoundationEssentials
import GRDB
package import Reports
import Shared
import Verdict

extension Ledger {
    /// The result of ``record(status:)``.
    package enum StatusRecord: Hashable, Sendable {
        /// The number of hosts that differ from the last recorded sweep of the same inventory.
        case recorded(changes: Int)
        /// A sweep that ended later is already recorded.
        case outdated
    }

    /// Records a sweep: a row for it, and one for each host whose status, build or reach differs from the last sweep.
    ///
    /// It is in tables of its own, so that no query takes it for a verification: it has no generation, proves nothing, and
    /// no inventory is compared with it. Each inventory of a service (its source and selection) is a series, so that the
    /// sweeps of two inventories do not look like hosts that come and go.
    ///
    /// - Parameter report: of a sweep in which every host was asked.
    package func record(status report: Report) async throws(LedgerError) -> StatusRecord {
        try await write { db in
            try Self.requireSpelling(report.target.deployed, db)
            let at = report.verification.finishedAt
            let series = try Self.series(of: report, db)
            let last = try Row.fetchOne(
                db, sql: "SELECT at, context FROM status_sweeps WHERE series = ? ORDER BY at DESC LIMIT 1",
                arguments: [series])
            if let last, last["at"] >= at { return .outdated }
            let context = try Self.context(of: report, in: series, db)
            try db.execute(
                sql: "INSERT INTO status_sweeps (series, at, context) VALUES (?, ?, ?)",
                arguments: [series, at, context])
            var changes = 0
            for host in report.hosts where try Self.differs(host, in: series, db) {
                try Self.insert(host, at: at, in: series, db)
                changes += 1
            }
            // Only a new context can be of an inventory that lists other hosts.
            if last?["context"] != context as Int64? {
                changes += try Self.removeUnlisted(Set(report.hosts.map(\.name)), at: at, in: series, db)
            }
            return .recorded(changes: changes)
        }
    }

    private static func series(of report: Report, _ db: Database) throws -> Int64 {
        let values: StatementArguments = [
            report.target.deployed.ledgerKey, report.inventory.source,
            (report.inventory.selected ?? []).joined(separator: ", "),
        ]
        let known = try Int64.fetchOne(
            db, sql: "SELECT number FROM status_series WHERE service = ? AND source = ? AND selected = ?",
            arguments: values)
        if let known { return known }
        try db.execute(sql: "INSERT INTO status_series (service, source, selected) VALUES (?, ?, ?)", arguments: values)
        return db.lastInsertedRowID
    }

    /// The target and the inventory, which many sweeps share.
    private static func context(of report: Report, in series: Int64, _ db: Database) throws -> Int64 {
        let target = report.target
        let values: StatementArguments = [
            series, report.inventory.hash, report.hosts.count, target.generation, target.gitSHA?.hex,
            target.digest?.description,
        ]
        let known = try Int64.fetchOne(
            db,
            sql: """
                SELECT number FROM status_contexts
                WHERE series = ? AND inventory_hash = ? AND hosts = ? AND generation IS ? AND git_sha IS ? AND digest IS ?
                """,
            arguments: values)
        if let known { return known }
        try db.execute(
            sql: """
                INSERT INTO status_contexts (series, inventory_hash, hosts, generation, git_sha, digest)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: values)
        return db.lastInsertedRowID
    }

    /// True if the host differs from the last sweep. The reason's sentence does not count: it contains times.
    private static func differs(_ host: Report.Host, in series: Int64, _ db: Database) throws -> Bool {
        let last = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT status, sweep, git_sha, digest, reach FROM status_changes
                    WHERE series = ? AND host = ? ORDER BY at DESC LIMIT 1
                    """),
            arguments: [series, host.name])
        guard let last else { return true }
        let values: [String?] = [
            host.status.rawValue, host.sweep?.rawValue, host.gitSHA?.hex, host.digest?.description,
            host.facts.reach.rawValue,
        ]
        return zip(["status", "sweep", "git_sha", "digest", "reach"], values).contains { last[$0] as String? != $1 }
    }

    private static func insert(_ host: Report.Host, at time: String, in series: Int64, _ db: Database) throws {
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO status_changes (series, host, at, status, sweep, reason, git_sha, digest, reach)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try insert.execute(arguments: [
            series, host.name, time, host.status.rawValue, host.sweep?.rawValue, host.reason, host.gitSHA?.hex,
            host.digest?.description, host.facts.reach.rawValue,
        ])
    }

    /// Records that hosts are no longer listed, so that they are not taken for unchanged.
    private static func removeUnlisted(
        _ listed: Set<String>, at time: String, in series: Int64, _ db: Database
    ) throws -> Int {
        let known = try String.fetchAll(
            db, sql: "SELECT DISTINCT host FROM status_changes WHERE series = ?", arguments: [series])
        var count = 0
        for host in known where !listed.contains(host) {
            let status = try String.fetchOne(
                db, sql: "SELECT status FROM status_changes WHERE series = ? AND host = ? ORDER BY at DESC LIMIT 1",
                arguments: [series, host])
            guard status != nil else { continue }
            try db.execute(
                sql: "INSERT INTO status_changes (series, host, at) VALUES (?, ?, ?)", arguments: [series, host, time])
            count += 1
        }
        return count
    }

    // MARK: - Pruning

    /// The number of sweeps that one transaction removes, so that others can record meanwhile.
    private static let sweepBatch = 20_000

    /// Removes recorded sweeps, and the changes that later ones do not rest on.
    ///
    /// The last sweep of each series is kept, as is the state of each host at the time of the oldest one that is kept.
    ///
    /// - Parameter cutoff: only sweeps before this time.
    /// - Returns: the number of sweeps that were removed.
    func pruneStatuses(before cutoff: Date) async throws(LedgerError) -> Int {
        let time = cutoff.rfc3339
        var count = 0
        for series in try await read({ try Int64.fetchAll($0, sql: "SELECT number FROM status_series") }) {
            while true {
                let removed = try await write { try Self.removeSweeps(of: series, before: time, $0) }
                count += removed
                if removed < Self.sweepBatch { break }
            }
        }
        try await write { db in
            try db.execute(
                sql: """
                    DELETE FROM status_changes AS c WHERE at < ? AND EXISTS (
                        SELECT 1 FROM status_changes n
                        WHERE n.series = c.series AND n.host = c.host AND n.at > c.at AND n.at <= (
                            SELECT min(at) FROM status_sweeps s WHERE s.series = c.series))
                    """,
                arguments: [time])
            try db.execute(
                sql: "DELETE FROM status_contexts WHERE number NOT IN (SELECT context FROM status_sweeps)")
        }
        return count
    }

    private static func removeSweeps(of series: Int64, before time: String, _ db: Database) throws -> Int {
        try db.execute(
            sql: """
                DELETE FROM status_sweeps WHERE series = ? AND at < ?
                    AND at < (SELECT max(at) FROM status_sweeps WHERE series = ?)
                    AND at < coalesce((SELECT at FROM status_sweeps WHERE series = ? ORDER BY at LIMIT 1 OFFSET ?), '~')
                """,
            arguments: [series, time, series, series, sweepBatch])
        return db.changesCount
    }

    /// The number of sweeps that ``pruneStatuses(before:)`` would remove.
    func pruneableStatuses(before cutoff: Date) async throws(LedgerError) -> Int {
        try await read { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM status_sweeps s WHERE at < ?
                        AND at < (SELECT max(at) FROM status_sweeps n WHERE n.series = s.series)
                    """,
                arguments: [cutoff.rfc3339]) ?? 0
        }
    }
}
