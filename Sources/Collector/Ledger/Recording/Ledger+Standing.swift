import GRDB
import Shared
package import Verdict

extension Ledger {
    /// The most changes that are kept of a host in a fleet: a month of daily deploys with three changes each. A host that
    /// flaps for weeks takes 20 KB, and 10,000 such hosts less than 200 MB.
    package static let standingChangesOfHost = 100

    /// Records changes in one transaction, and drops the oldest ones of hosts that have too many.
    ///
    /// - Parameters:
    ///   - changes: each host's in the order in which they were seen.
    ///   - seen: for fleets of which nothing else is left to record, when every host was last seen as its last change says,
    ///     RFC 3339.
    package func record(
        _ changes: [StandingChange], seen: [DeployedService: String] = [:]
    ) async throws(LedgerError) {
        guard !changes.isEmpty || !seen.isEmpty else { return }
        try await write { db in
            var writer = StandingWriter(db)
            for change in changes { try writer.insert(change) }
            try writer.trim(changes)
            for (service, until) in seen { try writer.update(service, until) }
        }
    }

    /// What is recorded of the hosts of a fleet.
    package func standingRecord(of service: DeployedService) async throws(LedgerError) -> StandingRecord {
        try await read { db in
            var record = StandingRecord()
            let fleet = try Row.fetchOne(
                db, sql: "SELECT number, seen_until FROM standing_fleets WHERE service = ?",
                arguments: [service.ledgerKey])
            guard let fleet else { return record }
            record.seenUntil = fleet["seen_until"]
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    \(StandingChange.columns) WHERE c.status IS NOT NULL AND c.number IN (
                        SELECT max(number) FROM standing_changes WHERE fleet = ? GROUP BY host)
                    """, arguments: [fleet["number"] as Int64])
            while let row = try rows.next() {
                let change = try StandingChange(row)
                record.hosts[change.host] = change
            }
            return record
        }
    }

    /// The changes of a host in every fleet, latest first.
    ///
    /// - Parameters:
    ///   - limit: the most changes.
    ///   - place: ``StandingPage/next`` of the page before; nil for the first page.
    package func standingChanges(
        of host: String, limit: Int, after place: Int64? = nil
    ) async throws(LedgerError) -> StandingPage {
        try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    \(StandingChange.columns)
                    WHERE c.fleet IN (SELECT number FROM standing_fleets) AND c.host = ? AND c.number < ?
                        AND c.status IS NOT NULL
                    ORDER BY c.number DESC LIMIT ?
                    """, arguments: [host, place ?? .max, limit + 1])
            return StandingPage(
                changes: try rows.prefix(limit).map(StandingChange.init),
                next: rows.count > limit ? rows[limit - 1]["number"] : nil)
        }
    }
}

extension StandingChange {
    fileprivate static let columns = """
        SELECT c.*, b.git_sha, b.digest, f.service_name, f.environment
        FROM standing_changes c
        JOIN (
            SELECT number, \(LedgerSchema.serviceName) AS service_name, \(LedgerSchema.environment) AS environment
            FROM standing_fleets) f ON f.number = c.fleet
        LEFT JOIN standing_builds b ON b.number = c.build
        """

    fileprivate init(_ row: Row) throws {
        self.init(
            service: try row.deployedService(), host: row["host"], at: row["at"], notBefore: row["not_before"],
            status: try (row["status"] as String?).map { try LedgerCoding.value($0, of: "status") },
            finding: row["finding"], gitSHA: row.gitSHA, digest: row.digest, isServed: row["is_served"],
            isNewBuild: row["is_new_build"], isRestart: row["is_restart"], instances: row["instances"])
    }
}

/// Writes changes of hosts inside the caller's transaction.
private struct StandingWriter {
    private struct Build: Hashable {
        let gitSHA: String?
        let digest: String?
    }

    private struct Host: Hashable {
        let fleet: Int64
        let name: String
    }

    private let db: Database
    private var fleets: [DeployedService: Int64] = [:]
    private var builds: [Build: Int64] = [:]

    init(_ db: Database) { self.db = db }

    mutating func insert(_ change: StandingChange) throws {
        let (fleet, build) = (try fleet(change.service), try build(change))
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO standing_changes (
                    fleet, host, at, not_before, status, finding, build, is_served, is_new_build, is_restart, instances)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try insert.execute(arguments: [
            fleet, change.host, change.at, change.notBefore, change.status?.rawValue, change.finding, build,
            change.isServed, change.isNewBuild, change.isRestart, change.instances,
        ])
    }

    mutating func trim(_ changes: [StandingChange]) throws {
        let delete = try db.cachedStatement(
            sql: """
                DELETE FROM standing_changes WHERE fleet = ? AND host = ? AND number <= (
                    SELECT number FROM standing_changes WHERE fleet = ? AND host = ? ORDER BY number DESC
                    LIMIT 1 OFFSET ?)
                """)
        var hosts: Set<Host> = []
        for change in changes {
            let host = Host(fleet: try fleet(change.service), name: change.host)
            guard hosts.insert(host).inserted else { continue }
            try delete.execute(arguments: [
                host.fleet, host.name, host.fleet, host.name, Ledger.standingChangesOfHost,
            ])
        }
    }

    mutating func update(_ service: DeployedService, _ seenUntil: String) throws {
        try db.execute(
            sql: "UPDATE standing_fleets SET seen_until = ? WHERE number = ?",
            arguments: [seenUntil, try fleet(service)])
    }

    private mutating func fleet(_ service: DeployedService) throws -> Int64 {
        if let known = fleets[service] { return known }
        let key = service.ledgerKey
        var number = try Int64.fetchOne(
            db, sql: "SELECT number FROM standing_fleets WHERE service = ?", arguments: [key])
        if number == nil {
            try db.execute(sql: "INSERT INTO standing_fleets (service) VALUES (?)", arguments: [key])
            number = db.lastInsertedRowID
        }
        fleets[service] = number
        return number ?? 0
    }

    private mutating func build(_ change: StandingChange) throws -> Int64? {
        let build = Build(gitSHA: change.gitSHA?.hex, digest: change.digest?.description)
        guard build.gitSHA != nil || build.digest != nil else { return nil }
        if let known = builds[build] { return known }
        let values: StatementArguments = [build.gitSHA, build.digest]
        var number = try Int64.fetchOne(
            db, sql: "SELECT number FROM standing_builds WHERE git_sha IS ? AND digest IS ?", arguments: values)
        if number == nil {
            try db.execute(sql: "INSERT INTO standing_builds (git_sha, digest) VALUES (?, ?)", arguments: values)
            number = db.lastInsertedRowID
        }
        builds[build] = number
        return number
    }
}
