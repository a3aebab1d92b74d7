import CollectorSupport
import FoundationEssentials
import GRDB
import Shared
import Verdict

/// The recorded statuses of one inventory of a service: a row for each sweep, and one for each host whenever it changed.
struct StatusSeries {
    let number: Int64
    /// The last sweep up to the moment that the series was read for, and the first one after it, RFC 3339.
    let last: String?
    let next: String?

    /// The series of a service, with their sweeps around a moment.
    static func all(of service: DeployedService, around moment: Date, _ db: Database) throws -> [StatusSeries] {
        let numbers = try Int64.fetchAll(
            db, sql: "SELECT number FROM status_series WHERE service = ? ORDER BY number",
            arguments: [service.ledgerKey])
        return try numbers.map { number in
            StatusSeries(
                number: number,
                last: try String.fetchOne(
                    db, sql: "SELECT max(at) FROM status_sweeps WHERE series = ? AND at <= ?",
                    arguments: [number, moment.rfc3339]),
                next: try String.fetchOne(
                    db, sql: "SELECT min(at) FROM status_sweeps WHERE series = ? AND at > ?",
                    arguments: [number, moment.rfc3339]))
        }
    }

    /// The hosts that a sweep asked.
    func hosts(at sweep: String, _ db: Database) throws -> [String] {
        let names = try String.fetchAll(
            db, sql: "SELECT DISTINCT host FROM status_changes WHERE series = ?", arguments: [number])
        return try names.filter { try state(of: $0, at: sweep, db)?.status != nil }
    }

    /// Adds the observations of a host around the moment.
    func take(_ host: String, into found: inout ObservationsAround, _ db: Database) throws {
        if let last, let span = try observation(of: host, upTo: last, db) {
            found.take(span)
            if !span.observation.hasBuild, let served = try lastServed(host, before: last, db) { found.take(served) }
        }
        guard let next else { return }
        if let state = try state(of: host, at: next, db), let span = try state.span(at: next) {
            found.take(span)
        } else {
            let later = try Row.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT * FROM status_changes WHERE series = ? AND host = ? AND at > ? AND status IS NOT NULL
                        ORDER BY at LIMIT 1
                        """),
                arguments: [number, host, next])
            if let later, let span = try State(later).span(at: later["at"]) { found.take(span) }
        }
    }

    /// The host's state in a sweep; nil if no earlier one asked it.
    private func state(of host: String, at sweep: String, _ db: Database) throws -> State? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT * FROM status_changes WHERE series = ? AND host = ? AND at <= ? ORDER BY at DESC LIMIT 1"),
            arguments: [number, host, sweep]
        ).map(State.init)
    }

    /// The last observation of a host in a sweep or, if that did not ask it, in an earlier one.
    private func observation(of host: String, upTo sweep: String, _ db: Database) throws -> ObservedSpan? {
        guard let state = try state(of: host, at: sweep, db) else { return nil }
        if state.status != nil { return try state.span(at: sweep) }
        guard let earlier = try self.sweep(before: state.at, db) else { return nil }
        return try self.state(of: host, at: earlier, db)?.span(at: earlier)
    }

    /// The last observation that showed a build.
    private func lastServed(_ host: String, before sweep: String, _ db: Database) throws -> ObservedSpan? {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT c.*, (
                        SELECT min(n.at) FROM status_changes n
                        WHERE n.series = c.series AND n.host = c.host AND n.at > c.at) AS ended_at
                    FROM status_changes c
                    WHERE c.series = ? AND c.host = ? AND c.at <= ? AND (c.git_sha IS NOT NULL OR c.digest IS NOT NULL)
                    ORDER BY c.at DESC LIMIT 1
                    """),
            arguments: [number, host, sweep])
        guard let row else { return nil }
        let end = try (row["ended_at"] as String?).flatMap { try self.sweep(before: $0, db) }
        // The sweeps of its time might have been pruned.
        return try State(row).span(at: max(end ?? "", row["at"]))
    }

    private func sweep(before time: String, _ db: Database) throws -> String? {
        try String.fetchOne(
            db.cachedStatement(sql: "SELECT max(at) FROM status_sweeps WHERE series = ? AND at < ?"),
            arguments: [number, time])
    }

    /// A row of `status_changes`.
    private struct State {
        let at: String
        /// nil if the inventory no longer listed the host.
        let status: HostStatus?
        private let sweep: SweepStatus?
        private let reason: String
        private let gitSHA: GitSHA?
        private let digest: Digest?

        init(_ row: Row) throws {
            at = row["at"]
            status = try (row["status"] as String?).map { try LedgerCoding.value($0, of: "status") }
            sweep = try row.sweep()
            reason = row["reason"] ?? ""
            (gitSHA, digest) = (row.gitSHA, row.digest)
        }

        /// - Parameter time: RFC 3339.
        func span(at time: String) throws -> ObservedSpan? {
            guard let status, let date = Date(rfc3339: time) else { return nil }
            let observation = HostObservation(
                at: time, kind: .status, verification: nil, status: status, sweep: sweep, reason: reason,
                gitSHA: gitSHA, digest: digest)
            return ObservedSpan(from: date, to: date, observation)
        }
    }
}
