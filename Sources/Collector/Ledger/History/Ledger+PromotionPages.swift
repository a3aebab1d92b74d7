package import CollectorSupport
import FoundationEssentials
import GRDB
import Reports
package import Shared
package import Verdict

/// One promotion with its outcome, as a line of a list.
package struct PromotionEntry: Codable, Hashable, Sendable {
    /// A build.
    package struct Build: Codable, Hashable, Sendable {
        @ExplicitNull package var gitSHA: GitSHA?
        @ExplicitNull package var digest: Digest?

        private enum CodingKeys: String, CodingKey {
            case digest
            case gitSHA = "git_sha"
        }
    }

    package var service: String
    package var environment: EnvironmentName
    package var generation: Int
    /// When the target was promoted, RFC 3339.
    package var at: String
    /// The person or job that promoted; nil if unrecorded.
    @ExplicitNull package var by: String?
    /// The build before; nil for the first one.
    @ExplicitNull package var from: Build?
    package var to: Build
    /// The promotion's last verification; nil if the ledger has none.
    @ExplicitNull package var verification: String?
    /// That verification's verdict; nil while it runs.
    @ExplicitNull package var verdict: Verdict?
    /// The time until all hosts had converged, in seconds; nil unless the whole fleet did.
    @ExplicitNull package var secondsToConverge: Double?
    /// True if this promotion is a rollback.
    package var isRollback: Bool

    private enum CodingKeys: String, CodingKey {
        case service, environment, generation, at, by, from, to, verification, verdict
        case secondsToConverge = "seconds_to_converge"
        case isRollback = "rollback"
    }
}

/// Where a page of promotions begins: after this entry of the page before.
package struct PromotionPlace: Hashable, Sendable {
    package var at: String
    package var service: String
    package var environment: String
    package var generation: Int

    package init(at: String, service: String, environment: String, generation: Int) {
        self.at = at
        self.service = service
        self.environment = environment
        self.generation = generation
    }
}

extension Ledger {
    /// Promotions, newest first.
    ///
    /// - Parameters:
    ///   - service: nil for all services.
    ///   - environment: nil for all environments.
    ///   - place: nil for the first page.
    package func promotionEntries(
        service: String? = nil, environment: EnvironmentName? = nil, after place: PromotionPlace? = nil, limit: Int
    ) async throws(LedgerError) -> [PromotionEntry] {
        let observer = ProcessIdentity.current()
        return try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT p.*, \(LedgerSchema.serviceName) AS service_name, \(LedgerSchema.environment) AS environment
                    FROM promotions p
                    WHERE (:service IS NULL OR \(LedgerSchema.serviceName) = :service)
                        AND (:environment IS NULL OR \(LedgerSchema.environment) = :environment)
                        AND (:at IS NULL OR (at, \(LedgerSchema.serviceName), \(LedgerSchema.environment), generation)
                            < (:at, :lastService, :lastEnvironment, :generation))
                    ORDER BY at DESC, service_name DESC, environment DESC, generation DESC LIMIT :limit
                    """,
                arguments: [
                    "service": service, "environment": environment?.description, "at": place?.at,
                    "lastService": place?.service, "lastEnvironment": place?.environment,
                    "generation": place?.generation, "limit": limit,
                ])
            return try rows.map { try Self.promotionEntry($0, observer, db) }
        }
    }

    private static func promotionEntry(
        _ row: Row, _ observer: ProcessIdentity, _ db: Database
    ) throws -> PromotionEntry {
        let deployed = try row.deployedService()
        let generation: Int = row["generation"]
        let former = try Row.fetchOne(
            db,
            sql: """
                SELECT git_sha, digest FROM promotions WHERE service = ? AND generation < ? ORDER BY generation DESC LIMIT 1
                """,
            arguments: [deployed.ledgerKey, generation])
        let last = try Row.fetchOne(
            db,
            sql: """
                SELECT id, state, verdict, max, outcome, started_at, timeout, pid, process_start, pid_namespace, boot
                FROM verifications WHERE service = ? AND generation = ? ORDER BY number DESC LIMIT 1
                """,
            arguments: [deployed.ledgerKey, generation])
        let promotion = try Self.promotion(generation, of: deployed, db)
        var entry = PromotionEntry(
            service: deployed.name, environment: deployed.environment, generation: generation, at: row["at"],
            by: nil, from: former.map { .init(gitSHA: $0.gitSHA, digest: $0.digest) },
            to: .init(gitSHA: row.gitSHA, digest: row.digest), verification: nil, verdict: nil, secondsToConverge: nil,
            isRollback: promotion?.change == .rollback)
        guard let last else { return entry }
        entry.verification = last["id"]
        entry.verdict = try Self.verdict(last, LedgerState(last, observer: observer, now: Date()))
        if entry.verdict == .converged { entry.secondsToConverge = last["max"] }
        if let text: String = last["outcome"] {
            let outcome: StoredOutcome = try LedgerCoding.decode(text)
            entry.by = outcome.promotion.map { Sanitizer.singleLine($0.actor, limit: 200) }
        }
        return entry
    }
}
