import GRDB
import Shared
import Verdict

/// The rollbacks of one service in one environment, by the generations at both of their ends.
struct RollbackLinks {
    /// By the generation of a rollback: the promotion that it undid.
    private(set) var undid: [Int: HistoryEntry.Rollback] = [:]
    /// By the generation of a promotion: the last rollback that undid it.
    private(set) var undoneBy: [Int: HistoryEntry.Rollback] = [:]
    /// By the generation of a promotion that was undone: the id of its last verification before that.
    private(set) var lastUndone: [Int: String] = [:]

    /// - Parameter service: the key in the `service` columns.
    init(of service: String, _ db: Database) throws {
        let changes = try Row.fetchAll(
            db,
            sql: """
                SELECT generation, git_sha, digest, former_digest, settled_at FROM journal
                WHERE service = ? AND kind = ? AND state = 'moved' AND former_digest IS NOT digest ORDER BY number
                """,
            arguments: [service, JournalEntry.Kind.rollback.rawValue])
        for change in changes {
            let generation: Int = change["generation"]
            let promotion = try Row.fetchOne(
                db,
                sql: """
                    SELECT generation, git_sha, digest FROM promotions
                    WHERE service = ? AND generation < ? AND digest = ? ORDER BY generation DESC LIMIT 1
                    """,
                arguments: [service, generation, change["former_digest"] as String?])
            guard let promotion else { continue }
            let former: Int = promotion["generation"]
            let at: String = change["settled_at"] ?? ""
            let verification = try Self.verification(of: former, service, before: at, db)
            lastUndone[former] = verification
            undid[generation] = HistoryEntry.Rollback(
                generation: former, verification: verification, gitSHA: promotion.gitSHA, digest: promotion.digest,
                at: at)
            undoneBy[former] = HistoryEntry.Rollback(
                generation: generation, verification: try Self.verification(of: generation, service, after: at, db),
                gitSHA: change.gitSHA, digest: change.digest, at: at)
        }
    }

    /// The id of a promotion's last verification that started before a time; nil if none is recorded.
    private static func verification(
        of generation: Int, _ service: String, before time: String, _ db: Database
    ) throws -> String? {
        try String.fetchOne(
            db,
            sql: """
                SELECT id FROM verifications WHERE service = ? AND generation = ? AND +started_at < ?
                ORDER BY number DESC LIMIT 1
                """,
            arguments: [service, generation, time])
    }

    /// The id of a promotion's first verification that started after a time; nil if none is recorded.
    private static func verification(
        of generation: Int, _ service: String, after time: String, _ db: Database
    ) throws -> String? {
        try String.fetchOne(
            db,
            sql: """
                SELECT id FROM verifications WHERE service = ? AND generation = ? AND +started_at >= ?
                ORDER BY number LIMIT 1
                """,
            arguments: [service, generation, time])
    }

    /// The links of each service that was asked for, read once.
    struct Cache {
        private var known: [String: RollbackLinks] = [:]

        mutating func links(of service: String, _ db: Database) throws -> RollbackLinks {
            if let links = known[service] { return links }
            let links = try RollbackLinks(of: service, db)
            known[service] = links
            return links
        }
    }
}
