import CollectorSupport
package import FoundationEssentials
import GRDB
package import Registry
package import Shared
package import Verdict

extension Ledger {
    /// The service's promotions that a tag can be rolled back to, oldest first; at most the last 1,000.
    ///
    /// - Parameters:
    ///   - repository: registry and path.
    ///   - tag: promotions that moved only other tags, or tags of other repositories, are left out.
    package func builds(
        of service: DeployedService, repository: String, tag: String
    ) async throws(LedgerError) -> [ProvenBuild] {
        try await read { db in
            let proofs = try Self.proofs(of: service, db)
            let changes = try Row.fetchAll(
                db,
                sql: """
                    SELECT generation, kind, repository, tag, former_digest FROM journal
                    WHERE service = ? AND state = 'moved' ORDER BY number
                    """,
                arguments: [service.ledgerKey])
            return try Self.promotions(of: service, db).compactMap { promotion in
                let own = changes.filter { $0["generation"] == promotion.generation }
                let isElsewhere = !own.isEmpty && !own.contains { $0["repository"] == repository && $0["tag"] == tag }
                guard let digest = promotion.digest, !isElsewhere else { return nil }
                let isWithdrawn = changes.contains { row in
                    row["kind"] == JournalEntry.Kind.rollback.rawValue && row["former_digest"] == digest.description
                        && row["repository"] == repository && row["tag"] == tag
                        && (row["generation"] as Int) > promotion.generation
                }
                let known = proofs[promotion.generation]
                return ProvenBuild(
                    generation: promotion.generation, digest: digest, gitSHA: promotion.gitSHA, at: promotion.at,
                    isRollback: promotion.change == .rollback, verdict: known?.verdict, provenAt: known?.provenAt,
                    isWithdrawn: isWithdrawn)
            }
        }
    }

    /// Each generation's last verdict, and the last time at which the whole fleet converged on it.
    private static func proofs(
        of service: DeployedService, _ db: Database
    ) throws -> [Int: (verdict: Verdict, provenAt: String?)] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT generation, verdict, finished_at, inventory LIKE '%"selected"%' AS is_part FROM verifications
                WHERE service = ? AND state = 'finished' AND generation IS NOT NULL ORDER BY number
                """,
            arguments: [service.ledgerKey])
        var proofs: [Int: (verdict: Verdict, provenAt: String?)] = [:]
        while let row = try rows.next() {
            let verdict: Verdict = try row.value("verdict")
            let generation: Int = row["generation"]
            // A part of the fleet proves nothing about the rest.
            let isProof = (verdict == .converged || verdict == .convergedTolerated) && row["is_part"] == false
            let provenAt: String? = isProof ? row["finished_at"] : nil
            proofs[generation] = (verdict, provenAt ?? proofs[generation]?.provenAt)
        }
        return proofs
    }

    // MARK: - Manifests

    /// The limits on the number of stored manifests and on their total size.
    static let keptManifests = 512
    static let keptBytes = 64 << 20

    /// Stores an image's manifests in case the registry deletes them, and removes the oldest ones beyond the limits.
    package func keep(_ image: KeptImage, at moment: Date) async throws(LedgerError) {
        try await write { db in
            for manifest in image.manifests {
                try db.execute(
                    sql: """
                        INSERT INTO manifests (digest, media_type, bytes, kept_at) VALUES (?, ?, ?, ?)
                        ON CONFLICT (digest) DO UPDATE SET kept_at = excluded.kept_at
                        """,
                    arguments: [
                        manifest.digest.description, manifest.mediaType.rawValue, Data(manifest.bytes), moment.rfc3339,
                    ])
            }
            try db.execute(
                sql: """
                    DELETE FROM manifests WHERE digest IN (
                        SELECT digest FROM (
                            SELECT digest, row_number() OVER newest AS place, sum(length(bytes)) OVER newest AS bytes
                            FROM manifests WINDOW newest AS (ORDER BY kept_at DESC, rowid DESC))
                        WHERE place > ? OR bytes > ?)
                    """,
                arguments: [Self.keptManifests, Self.keptBytes])
        }
    }

    /// A stored manifest, checked as when it was read from the registry; nil if none is stored.
    package func keptManifest(_ digest: Digest) async throws(LedgerError) -> RegistryManifest? {
        let row = try await read { db in
            try Row.fetchOne(
                db, sql: "SELECT media_type, bytes FROM manifests WHERE digest = ?", arguments: [digest.description]
            ).map { ($0["media_type"] as String, $0["bytes"] as Data) }
        }
        guard let (mediaType, bytes) = row else { return nil }
        do throws(ManifestError) {
            return try RegistryManifest(bytes: Array(bytes), contentType: mediaType, stated: nil, wanted: digest)
        } catch {
            // A damaged row counts as missing: what is pushed must hash to what was promoted.
            return nil
        }
    }
}
