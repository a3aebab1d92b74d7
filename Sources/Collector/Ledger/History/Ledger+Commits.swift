package import CollectorSupport
import GRDB
package import Shared
package import Verdict

/// The hosts of one service and environment that were proven to serve a commit, as verifications recorded it.
package struct CommitSighting: Codable, Hashable, Sendable {
    package var gitSHA: GitSHA
    package var service: String
    package var environment: EnvironmentName
    /// The number of hosts that ever converged on it.
    package var hosts: Int
    /// The end of the first and of the last verification in which a host converged on it, RFC 3339; nil if none did.
    @ExplicitNull package var firstSeen: String?
    @ExplicitNull package var lastSeen: String?

    package enum CodingKeys: String, CodingKey {
        case service, environment, hosts
        case gitSHA = "git_sha"
        case firstSeen = "first_seen"
        case lastSeen = "last_seen"
    }
}

extension Ledger {
    /// Where the promoted commits with this beginning were proven, by service and environment.
    ///
    /// - Parameter prefix: hexadecimal digits in lower case.
    package func sightings(ofCommitsBeginningWith prefix: String) async throws(LedgerError) -> [CommitSighting] {
        try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT v.git_sha, v.service_name, v.environment,
                        count(DISTINCT h.name) AS hosts,
                        min(CASE WHEN h.name IS NOT NULL THEN v.finished_at END) AS first_seen,
                        max(CASE WHEN h.name IS NOT NULL THEN v.finished_at END) AS last_seen
                    FROM verifications v
                    LEFT JOIN hosts h ON h.verification = v.number AND h.status = ?
                    WHERE v.git_sha >= ? AND v.git_sha < ?
                    GROUP BY v.git_sha, v.service_name, v.environment ORDER BY v.service_name, v.environment
                    """,
                arguments: [HostStatus.converged.rawValue, prefix, prefix + "g"])
            return try rows.compactMap { row in
                guard let commit = row.gitSHA else { return nil }
                return CommitSighting(
                    gitSHA: commit, service: row["service_name"], environment: try row.deployedService().environment,
                    hosts: row["hosts"], firstSeen: row["first_seen"], lastSeen: row["last_seen"])
            }
        }
    }
}
