import CollectorSupport
import FoundationEssentials
import GRDB
import Shared
import Verdict

/// A host's unchanged state in successive recorded sweeps.
package struct RecordedStatus: Codable, Hashable, Sendable {
    var service: String
    var environment: EnvironmentName
    var host: String
    /// The first and the last sweep that found the state, RFC 3339.
    var firstAt: String
    var lastAt: String
    /// The number of sweeps that found it and are still recorded.
    var sweeps: Int
    var status: HostStatus
    /// The word of the status command for it; nil if none is recorded.
    var sweep: SweepStatus?
    /// In the first sweep.
    var reason: String
    /// The build that the host served; both are nil if it gave no usable answer.
    @ExplicitNull var gitSHA: GitSHA?
    @ExplicitNull var digest: Digest?
    /// The build that the first sweep compared it with; all are nil if it had nothing to compare with.
    @ExplicitNull var targetGeneration: Int?
    @ExplicitNull var targetGitSHA: GitSHA?
    @ExplicitNull var targetDigest: Digest?

    enum CodingKeys: String, CodingKey {
        case service, environment, host, sweeps, status, sweep, reason, digest
        case firstAt = "first_at"
        case lastAt = "last_at"
        case gitSHA = "git_sha"
        case targetGeneration = "target_generation"
        case targetGitSHA = "target_git_sha"
        case targetDigest = "target_digest"
    }
}

extension Ledger {
    /// The recorded statuses of a host, newest first; empty if the filter selects verifications by their ending.
    ///
    /// - Parameter filter: names a host.
    package func statuses(_ filter: HistoryFilter) async throws(LedgerError) -> [RecordedStatus] {
        guard let host = filter.host, filter.ending == nil else { return [] }
        return try await read { db in
            var statuses: [RecordedStatus] = []
            for service in try Self.services(named: filter.service, in: filter.environment, db) {
                let rows = try Row.fetchAll(
                    db,
                    sql: """
                        WITH changes AS (
                            SELECT c.*, lead(c.at, 1, '~') OVER (PARTITION BY c.series ORDER BY c.at) AS next_at
                            FROM status_changes c JOIN status_series s ON s.number = c.series
                            WHERE s.service = ? AND c.host = ?),
                        spans AS (
                            SELECT changes.*, at AS first_at, coalesce((
                                SELECT max(w.at) FROM status_sweeps w
                                WHERE w.series = changes.series AND w.at >= changes.at AND w.at < next_at), at) AS last_at
                            FROM changes WHERE status IS NOT NULL)
                        SELECT spans.*, t.generation AS target_generation, t.git_sha AS target_git_sha,
                            t.digest AS target_digest, (
                                SELECT count(*) FROM status_sweeps w
                                WHERE w.series = spans.series AND w.at BETWEEN first_at AND last_at) AS sweeps
                        FROM spans LEFT JOIN status_sweeps w ON w.series = spans.series AND w.at = first_at
                        LEFT JOIN status_contexts t ON t.number = w.context
                        WHERE last_at >= ? AND first_at < ?
                        """,
                    arguments: [
                        service.ledgerKey, host, filter.since?.rfc3339 ?? "", filter.until?.rfc3339 ?? "~",
                    ])
                statuses += try rows.map { try Self.recordedStatus($0, host, of: service) }
            }
            return statuses.sorted { ($0.firstAt, $0.service) > ($1.firstAt, $1.service) }
        }
    }

    private static func recordedStatus(_ row: Row, _ host: String, of service: DeployedService) throws -> RecordedStatus
    {
        RecordedStatus(
            service: service.name, environment: service.environment, host: host, firstAt: row["first_at"],
            lastAt: row["last_at"], sweeps: row["sweeps"], status: try row.value("status"),
            sweep: try row.sweep(), reason: row["reason"] ?? "",
            gitSHA: row.gitSHA, digest: row.digest, targetGeneration: row["target_generation"],
            targetGitSHA: (row["target_git_sha"] as String?).flatMap(GitSHA.init(contractText:)),
            targetDigest: (row["target_digest"] as String?).flatMap(Digest.init(contractText:)))
    }
}
