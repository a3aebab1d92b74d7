import CollectorSupport
package import FoundationEssentials
import GRDB
package import Registry
package import Shared
import Verdict

extension Ledger {
    /// The service's promotions as far as a tag can be put back to them, oldest first; at most the last 1,000.
    ///
    /// - Parameters:
    ///   - repository: registry and path.
    ///   - tag: what was moved to another tag, or in another repository, is left out.
    package func builds(service: String, repository: String, tag: String) async throws(LedgerError) -> [ProvenBuild] {
        try await read { db in
            let proofs = try Self.proofs(of: service, db)
            let changes = try Row.fetchAll(
                db,
                sql: """
                    SELECT generation, kind, repository, tag, former_digest FROM journal
                    WHERE service = ? AND state = 'moved' ORDER BY number
                    """,
                arguments: [service])
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

    /// For each generation how its last verification ended, and when the whole fleet last converged on it.
    private static func proofs(
        of service: String, _ db: Database
    ) throws -> [Int: (verdict: Verdict, provenAt: String?)] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT generation, verdict, finished_at, inventory LIKE '%"selected"%' AS is_part FROM verifications
                WHERE service = ? AND state = 'finished' AND generation IS NOT NULL ORDER BY number
                """,
            arguments: [service])
        var proofs: [Int: (verdict: Verdict, provenAt: String?)] = [:]
        while let row = try rows.next() {
            let verdict: Verdict = try row.value("verdict")
            let generation: Int = row["generation"]
            // A part of the fleet proves nothing about the rest of it.
            let isProof = (verdict == .converged || verdict == .convergedTolerated) && row["is_part"] == false
            let provenAt: String? = isProof ? row["finished_at"] : nil
            proofs[generation] = (verdict, provenAt ?? proofs[generation]?.provenAt)
        }
        return proofs
    }

    // MARK: - Manifests

    /// So many manifests are kept, those of the last changes, and so many bytes of them.
    static let keptManifests = 512
    static let keptBytes = 64 << 20

    /// Keeps an image's manifests, for the day on which the registry has removed them; what was kept longest ago makes room.
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

    /// A manifest that was kept; nil where none was. It passes the checks that it passed when it was read.
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
            // A row that was damaged is as good as none: what is put must hash to what was promoted.
            return nil
        }
    }
}
