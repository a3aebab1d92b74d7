package import GRDB
import Shared
package import Verdict

extension Ledger {
    /// The service's promotions, oldest first; at most the last 1,000. Cheap enough for every few seconds.
    package func promotions(service: String, limit: Int = 1_000) async throws(LedgerError) -> [Promotion] {
        try await read { try Self.promotions(of: service, limit: limit, $0) }
    }

    /// How many hosts, waived ones too, the inventory listed for the last promotion of the service that was verified; nil
    /// where none was. Those that a selection left out are among them, so that a part of a fleet never becomes the measure
    /// of the whole.
    ///
    /// Refused inventories do not count: else a list that shrank would be fine the second time it is tried.
    ///
    /// - Parameter allowance: `--max-shrink`, in percent.
    package func previousExpected(
        service: String, allowance: Double = InventoryBaseline.standardAllowance
    ) async throws(LedgerError) -> Int? {
        try await read { db in
            // One that was interrupted before it asked anybody is of no promotion, and no measure.
            let counted =
                "service = ? AND state = 'finished' AND generation IS NOT NULL AND verdict NOT IN (?, ?)"
            let terms: StatementArguments = [
                service, Verdict.emptyInventory.rawValue, Verdict.inventoryShrunk.rawValue,
            ]
            let sizes = try Int.fetchAll(
                db,
                sql: """
                    SELECT listed FROM verifications WHERE \(counted) AND generation IS (
                        SELECT generation FROM verifications WHERE \(counted) ORDER BY number DESC LIMIT 1)
                    ORDER BY number
                    """,
                arguments: terms + terms)
            return InventoryBaseline.of(sizes, allowance: allowance)
        }
    }

    /// The hosts that converged on a promotion, with the last verification in which they did.
    package func converged(service: String, generation: Int) async throws(LedgerError) -> [String: String] {
        try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT hosts.name, verifications.id FROM verifications JOIN hosts ON verification = verifications.number
                    WHERE service = ? AND generation = ? AND status = ? ORDER BY verifications.number
                    """,
                arguments: [service, generation, HostStatus.converged.rawValue])
            return Dictionary(rows.map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
        }
    }

    package static func promotions(of service: String, limit: Int = 1_000, _ db: Database) throws -> [Promotion] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT generation, git_sha, digest, at, \(change) FROM promotions
                WHERE service = ? ORDER BY generation DESC LIMIT ?
                """,
            arguments: [service, limit])
        return try rows.reversed().map(promotion)
    }

    package static func promotion(_ generation: Int, of service: String, _ db: Database) throws -> Promotion? {
        try Row.fetchOne(
            db,
            sql: """
                SELECT generation, git_sha, digest, at, \(change) FROM promotions WHERE service = ? AND generation = ?
                """,
            arguments: [service, generation]
        ).map(promotion)
    }

    /// The greatest of both words is the rollback: where a tag was put back to what it had not left, either is true.
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
