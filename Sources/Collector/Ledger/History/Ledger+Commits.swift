package import CollectorSupport
import GRDB
package import Shared
package import Verdict

/// The hosts of one service and environment that served a commit: those that verifications proved, and those that standing
/// checks saw.
package struct CommitSighting: Codable, Hashable, Sendable {
    /// What standing checks saw, which proves nothing.
    package struct Observed: Codable, Hashable, Sendable {
        /// The number of hosts that were seen to serve it.
        package var hosts: Int
        /// RFC 3339.
        package var firstSeen: String
        package var lastSeen: String

        package enum CodingKeys: String, CodingKey {
            case hosts
            case firstSeen = "first_seen"
            case lastSeen = "last_seen"
        }
    }

    package var gitSHA: GitSHA
    package var service: String
    package var environment: EnvironmentName
    /// The number of hosts that ever converged on it.
    package var hosts: Int
    /// The end of the first and of the last verification in which a host converged on it, RFC 3339; nil if none did.
    @ExplicitNull package var firstSeen: String?
    @ExplicitNull package var lastSeen: String?
    /// nil if no standing check saw it, or its changes are no longer kept.
    @ExplicitNull package var observed: Observed?

    package enum CodingKeys: String, CodingKey {
        case service, environment, hosts
        case gitSHA = "git_sha"
        case firstSeen = "first_seen"
        case lastSeen = "last_seen"
        case observed = "standing_check"
    }
}

extension Ledger {
    /// Where the commits with this beginning were promoted, proven or seen, by service and environment.
    ///
    /// - Parameter prefix: hexadecimal digits in lower case.
    package func sightings(ofCommitsBeginningWith prefix: String) async throws(LedgerError) -> [CommitSighting] {
        let commits: StatementArguments = [prefix, prefix + "g"]
        return try await read { db in
            let proven = try Row.fetchAll(
                db,
                sql: """
                    SELECT v.git_sha, v.service_name, v.environment,
                        count(DISTINCT h.name) AS hosts,
                        min(CASE WHEN h.name IS NOT NULL THEN v.finished_at END) AS first_seen,
                        max(CASE WHEN h.name IS NOT NULL THEN v.finished_at END) AS last_seen
                    FROM verifications v
                    LEFT JOIN hosts h ON h.verification = v.number AND h.status = ?
                    WHERE v.git_sha >= ? AND v.git_sha < ?
                    GROUP BY v.git_sha, v.service_name, v.environment
                    """,
                arguments: [HostStatus.converged.rawValue] + commits)
            // A host served a build until it was last seen before its next change.
            let observed = try Row.fetchAll(
                db,
                sql: """
                    SELECT b.git_sha, \(LedgerSchema.serviceName) AS service_name, \(LedgerSchema.environment) AS environment,
                        count(DISTINCT standing.host) AS hosts, min(standing.at) AS first_seen,
                        max(\(StandingChange.lastSeen)) AS last_seen
                    FROM standing_builds b
                    JOIN standing_changes standing ON standing.build = b.number AND standing.is_served
                    JOIN standing_fleets f ON f.number = standing.fleet
                    LEFT JOIN standing_changes n ON n.number = \(StandingChange.next)
                    WHERE b.git_sha >= ? AND b.git_sha < ?
                    GROUP BY b.git_sha, f.number
                    """,
                arguments: commits)
            return try Self.merged(proven, observed)
        }
    }

    private static func merged(_ proven: [Row], _ observed: [Row]) throws -> [CommitSighting] {
        var sightings = try proven.compactMap { row in
            try row.gitSHA.map {
                CommitSighting(
                    gitSHA: $0, service: row["service_name"], environment: try row.deployedService().environment,
                    hosts: row["hosts"], firstSeen: row["first_seen"], lastSeen: row["last_seen"])
            }
        }
        for row in observed {
            guard let commit = row.gitSHA else { continue }
            let deployed = try row.deployedService()
            let seen = CommitSighting.Observed(
                hosts: row["hosts"], firstSeen: row["first_seen"], lastSeen: row["last_seen"])
            let place = sightings.firstIndex {
                $0.gitSHA == commit && $0.service == deployed.name && $0.environment == deployed.environment
            }
            if let place {
                sightings[place].observed = seen
            } else {
                sightings.append(
                    CommitSighting(
                        gitSHA: commit, service: deployed.name, environment: deployed.environment, hosts: 0,
                        observed: seen))
            }
        }
        return sightings.sorted {
            ($0.service, "\($0.environment)", $0.gitSHA.hex) < ($1.service, "\($1.environment)", $1.gitSHA.hex)
        }
    }
}
