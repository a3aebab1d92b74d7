import CollectorSupport
import FoundationEssentials
import GRDB
import Shared
import Verdict

/// What standing checks saw of the hosts of one service around a moment.
///
/// A host is as its change says from that change on until it was last seen so. What lies between that and its next change is not
/// known.
struct StandingSpans {
    private let fleet: Int64
    private let moment: String

    /// - Returns: nil if no standing check recorded the service.
    init?(of service: DeployedService, around moment: Date, _ db: Database) throws {
        let fleet = try Int64.fetchOne(
            db, sql: "SELECT number FROM standing_fleets WHERE service = ?", arguments: [service.ledgerKey])
        guard let fleet else { return nil }
        (self.fleet, self.moment) = (fleet, moment.rfc3339)
    }

    /// The hosts that were listed at the moment.
    func hosts(_ db: Database) throws -> [String] {
        try String.fetchAll(
            db,
            sql: """
                SELECT host FROM standing_changes WHERE status IS NOT NULL AND number IN (
                    SELECT max(number) FROM standing_changes WHERE fleet = ? AND at <= ? GROUP BY host)
                """, arguments: [fleet, moment])
    }

    /// Adds the observations of a host around the moment.
    func take(_ host: String, into found: inout ObservationsAround, _ db: Database) throws {
        // The last change can be that the host is no longer listed, and the clock may have been set back between two.
        for query in [
            "at <= :moment ORDER BY number DESC LIMIT 2",
            "at <= :moment AND is_served ORDER BY number DESC LIMIT 1",
            "at > :moment AND status IS NOT NULL ORDER BY number LIMIT 1",
        ] {
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT standing.*, b.git_sha, b.digest, \(StandingChange.lastSeen) AS last_seen
                        FROM (SELECT * FROM standing_changes WHERE fleet = :fleet AND host = :host AND \(query)) standing
                        JOIN standing_fleets f ON f.number = standing.fleet
                        LEFT JOIN standing_builds b ON b.number = standing.build
                        LEFT JOIN standing_changes n ON n.number = \(StandingChange.next)
                        """), arguments: ["fleet": fleet, "host": host, "moment": moment])
            for row in rows { try Self.take(row, into: &found) }
        }
    }

    private static func take(_ row: Row, into found: inout ObservationsAround) throws {
        guard let status: String = row["status"], let from = Date(rfc3339: row["at"]),
            let to = Date(rfc3339: row["last_seen"])
        else { return }
        let isServed: Bool = row["is_served"]
        let observation = HostObservation(
            at: "", kind: .standingCheck, verification: nil, status: try LedgerCoding.value(status, of: "status"),
            reason: row["finding"], gitSHA: isServed ? row.gitSHA : nil, digest: isServed ? row.digest : nil)
        // It proves nothing in between, so that both ends are observations of their own.
        found.take(ObservedSpan(from: from, to: from, observation))
        found.take(ObservedSpan(from: to, to: to, observation))
    }
}

extension StandingChange {
    /// The number of the host's change after `standing`; NULL without one.
    static let next = """
        (SELECT min(m.number) FROM standing_changes m
            WHERE m.fleet = standing.fleet AND m.host = standing.host AND m.number > standing.number)
        """

    /// The last time at which the host was seen as the change `standing` of the fleet `f` says, if `n` is its next one.
    static let lastSeen =
        "max(standing.at, coalesce(CASE WHEN n.number IS NULL THEN f.seen_until ELSE n.not_before END, standing.at))"
}
