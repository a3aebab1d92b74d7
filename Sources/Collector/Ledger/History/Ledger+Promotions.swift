import GRDB
import Reports
import Shared
package import Verdict

extension Ledger {
    /// The service's promotions, oldest first; at most the last 1,000. Cheap enough to be called every few seconds.
    package func promotions(of service: DeployedService, limit: Int = 1_000) async throws(LedgerError) -> [Promotion] {
        try await read { try Self.promotions(of: service, limit: limit, $0) }
    }

    /// A warning if no environment was named, and the ledger has promotions of the service in others; nil otherwise. Hosts of
    /// another environment would be compared with the wrong build.
    package func environmentWarning(for target: Target) async throws(LedgerError) -> String? {
        guard target.environment.isStandard else { return nil }
        let others = try await read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT \(LedgerSchema.environment) FROM promotions
                    WHERE \(LedgerSchema.serviceName) = ? AND service != ? ORDER BY 1
                    """,
                arguments: [target.service, target.service])
        }
        guard !others.isEmpty else { return nil }
        return
            "no environment is named, and the ledger has promotions of \(target.service) in \(others.listed(limit: 4)): "
            + "give --environment if these hosts belong to one of them"
    }

    /// The number of hosts that the inventory listed for the service's last verified promotion; nil without one. Waived
    /// hosts and hosts outside a selection count, so that the whole fleet is never compared with a part of it.
    ///
    /// Refused inventories do not count: otherwise a list that shrank would be accepted the second time.
    ///
    /// - Parameter allowance: `--max-shrink`, in percent.
    package func previousExpected(
        of service: DeployedService, allowance: Double = InventoryBaseline.standardAllowance
    ) async throws(LedgerError) -> Int? {
        try await read { db in
            let baseline = Self.baseline(of: service)
            let sizes = try Int.fetchAll(
                db,
                sql: """
                    SELECT listed FROM verifications WHERE \(baseline.sql) AND generation IS (
                        SELECT generation FROM verifications WHERE \(baseline.sql) ORDER BY number DESC LIMIT 1)
                    ORDER BY number
                    """,
                arguments: baseline.arguments + baseline.arguments)
            return InventoryBaseline.of(sizes, allowance: allowance)
        }
    }

    /// The number of hosts, including waived ones, in the same selection when it was last verified; nil if it never was.
    ///
    /// A part of a fleet is compared only with the same part.
    ///
    /// - Parameter selected: as in ``Report/InventorySummary/selected``.
    package func previousSelected(
        of service: DeployedService, selected: [String], allowance: Double = InventoryBaseline.standardAllowance
    ) async throws(LedgerError) -> Int? {
        guard !selected.isEmpty else { return nil }
        return try await read { db in
            let baseline = Self.baseline(of: service)
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT generation, inventory FROM verifications
                    WHERE \(baseline.sql) AND inventory LIKE '%"selected"%' ORDER BY number DESC
                    """,
                arguments: baseline.arguments)
            var sizes: [Int] = []
            var promoted: Int??
            while let row = try rows.next() {
                let inventory: Report.InventorySummary = try LedgerCoding.decode(row["inventory"])
                guard inventory.selected == selected else { continue }
                let generation: Int? = row["generation"]
                guard generation == promoted ?? generation else { break }
                promoted = generation
                sizes.append(inventory.expected)
            }
            return InventoryBaseline.of(sizes.reversed(), allowance: allowance)
        }
    }

    /// The condition on the verifications that later inventories are compared with. A verification that was interrupted before
    /// its first request has no promotion, and no list to compare with.
    private static func baseline(of service: DeployedService) -> (sql: String, arguments: StatementArguments) {
        (
            "service = ? AND state = 'finished' AND generation IS NOT NULL AND verdict NOT IN (?, ?)",
            [service.ledgerKey, Verdict.emptyInventory.rawValue, Verdict.inventoryShrunk.rawValue]
        )
    }

    /// The hosts that converged on a promotion, each with its last verification in which it did.
    package func converged(on generation: Int, of service: DeployedService) async throws(LedgerError) -> [String:
        String]
    {
        try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT hosts.name, verifications.id FROM verifications JOIN hosts ON verification = verifications.number
                    WHERE service = ? AND generation = ? AND status = ? ORDER BY verifications.number
                    """,
                arguments: [service.ledgerKey, generation, HostStatus.converged.rawValue])
            return Dictionary(rows.map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
        }
    }

    static func promotions(of service: DeployedService, limit: Int = 1_000, _ db: Database) throws -> [Promotion] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT generation, git_sha, digest, at, \(change) FROM promotions
                WHERE service = ? ORDER BY generation DESC LIMIT ?
                """,
            arguments: [service.ledgerKey, limit])
        return try rows.reversed().map(promotion)
    }

    static func promotion(_ generation: Int, of service: DeployedService, _ db: Database) throws -> Promotion? {
        try Row.fetchOne(
            db,
            sql: """
                SELECT generation, git_sha, digest, at, \(change) FROM promotions WHERE service = ? AND generation = ?
                """,
            arguments: [service.ledgerKey, generation]
        ).map(promotion)
    }

    /// The change that made a promotion. If a tag was rolled back to the build that it still had, both kinds apply, and
    /// `rollback`, the greater word, is taken.
    private static let change = """
        (SELECT max(kind) FROM journal WHERE state = 'moved' AND journal.service = promotions.service
            AND journal.generation = promotions.generation) AS change
        """

    private static func promotion(_ row: Row) throws -> Promotion {
        Promotion(
            generation: row["generation"], gitSHA: row.gitSHA, digest: row.digest, at: row["at"],
            change: try (row["change"] as String?).map { _ in try row.value("change") })
    }
}
