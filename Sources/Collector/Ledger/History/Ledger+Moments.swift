import CollectorSupport
package import FoundationEssentials
import GRDB
import Shared
package import Verdict

extension Ledger {
    /// What hosts served at a moment, as far as verifications, statuses and standing checks recorded it; sorted by service and host.
    ///
    /// - Parameters:
    ///   - host: nil for all hosts of the last inventory before the moment.
    ///   - service: nil for all services.
    ///   - environment: nil for all environments.
    package func moments(
        at moment: Date, host: String? = nil, service: String? = nil, environment: EnvironmentName? = nil
    ) async throws(LedgerError) -> [HostMoment] {
        try await read { db in
            var answers: [HostMoment] = []
            for service in try Self.services(named: service, in: environment, db) {
                let reader = try MomentReader(moment: moment, service: service, db)
                for name in try host.map({ [$0] }) ?? reader.hosts(db) {
                    if let answer = try reader.answer(for: name, db) { answers.append(answer) }
                }
            }
            return answers
        }
    }

    /// The services that are recorded, sorted.
    static func services(
        named name: String?, in environment: EnvironmentName?, _ db: Database
    ) throws -> [DeployedService] {
        // Steps from one service to the next in the index, whatever the number of verifications.
        let rows = try Row.fetchAll(
            db,
            sql: """
                WITH RECURSIVE keys (service) AS (
                    SELECT min(service) FROM verifications
                    UNION ALL
                    SELECT (SELECT min(service) FROM verifications WHERE service > keys.service) FROM keys
                    WHERE service IS NOT NULL)
                SELECT \(LedgerSchema.serviceName) AS service_name, \(LedgerSchema.environment) AS environment FROM (
                    SELECT service FROM keys WHERE service IS NOT NULL UNION SELECT service FROM status_series
                    UNION SELECT service FROM standing_fleets)
                ORDER BY service_name, environment
                """)
        return try rows.map { try $0.deployedService() }
            .filter { (name == nil || $0.name == name) && (environment == nil || $0.environment == environment) }
    }
}

/// Finds the observations of hosts of one service around a moment.
private struct MomentReader {
    private let moment: Date
    private let service: DeployedService
    /// The last verification that started up to the moment, of any service; 0 if there is none.
    private let pivot: Int64
    private let series: [StatusSeries]
    private let standing: StandingSpans?

    init(moment: Date, service: DeployedService, _ db: Database) throws {
        self.moment = moment
        self.service = service
        pivot =
            try Int64.fetchOne(
                db, sql: "SELECT number FROM verifications WHERE started_at <= ? ORDER BY started_at DESC LIMIT 1",
                arguments: [moment.rfc3339]) ?? 0
        series = try StatusSeries.all(of: service, around: moment, db)
        standing = try StandingSpans(of: service, around: moment, db)
    }

    // MARK: - Hosts

    /// The hosts that the last whole inventory before the moment listed, and those that were asked since; if there is none,
    /// the hosts of the first inventory after it.
    func hosts(_ db: Database) throws -> [String] {
        let whole = """
            SELECT number, started_at FROM verifications
            WHERE service = ? AND \(Self.isUsable) AND inventory NOT LIKE '%"selected"%'
            """
        let last = try Row.fetchOne(
            db, sql: "\(whole) AND number <= ? ORDER BY number DESC LIMIT 1", arguments: [service.ledgerKey, pivot])
        var names: Set<String> = []
        if let last {
            names = try Self.names(from: last["number"], through: pivot, of: service, db)
        }
        let listedAt: String? = last?["started_at"]
        for series in series {
            guard let at = series.last, listedAt.map({ $0 <= at }) ?? true else { continue }
            names.formUnion(try series.hosts(at: at, db))
        }
        if let standing { names.formUnion(try standing.hosts(db)) }
        if names.isEmpty {
            let next = try Int64.fetchOne(
                db, sql: "\(whole) AND number > ? ORDER BY number LIMIT 1", arguments: [service.ledgerKey, pivot])
            if let next { names = try Self.names(from: next, through: next, of: service, db) }
            for series in series {
                if let at = series.next { names.formUnion(try series.hosts(at: at, db)) }
            }
        }
        return names.sorted()
    }

    private static func names(
        from first: Int64, through last: Int64, of service: DeployedService, _ db: Database
    ) throws -> Set<String> {
        try String.fetchSet(
            db,
            sql: """
                SELECT name FROM hosts WHERE verification IN (
                    SELECT number FROM verifications
                    WHERE service = ? AND number BETWEEN ? AND ? AND \(isUsable))
                """,
            arguments: [service.ledgerKey, first, last])
    }

    /// Verifications that ended and queried hosts.
    private static let isUsable = """
        state = 'finished' AND verdict NOT IN ('empty_inventory', 'inventory_shrunk')
        """

    // MARK: - Observations

    func answer(for host: String, _ db: Database) throws -> HostMoment? {
        var found = ObservationsAround(moment)
        try takeVerifications(of: host, into: &found, db)
        for series in series { try series.take(host, into: &found, db) }
        try standing?.take(host, into: &found, db)
        return found.answer(host: host, of: service)
    }

    /// Verifications can overlap: the one that started last need not be the one that ended last.
    private static let overlapping = 4
    /// The number of verifications that are searched for a build that the host served.
    private static let patience = 1_000

    private func takeVerifications(
        of host: String, into found: inout ObservationsAround, _ db: Database
    ) throws {
        let columns = """
            SELECT v.id, v.started_at, v.finished_at, h.status, h.reason, h.git_sha, h.digest, h.reach,
                h.seconds_to_converge, h.last_answer_age
            FROM hosts h JOIN verifications v ON v.number = h.verification
            WHERE h.name = ? AND v.service = ? AND \(Self.isUsable) AND h.label IS NOT NULL
            """
        let earlier = try Row.fetchCursor(
            db.cachedStatement(sql: "\(columns) AND h.verification <= ? ORDER BY h.verification DESC"),
            arguments: [host, service.ledgerKey, pivot])
        var (count, rest) = (0, Self.overlapping)
        while count < Self.patience, rest > 0, let row = try earlier.next() {
            for span in try Self.spans(row) { found.take(span) }
            count += 1
            if found.lastServed != nil { rest -= 1 }
        }
        let later = try Row.fetchCursor(
            db.cachedStatement(sql: "\(columns) AND h.verification > ? ORDER BY h.verification"),
            arguments: [host, service.ledgerKey, pivot])
        rest = Self.overlapping
        while rest > 0, let row = try later.next() {
            for span in try Self.spans(row) { found.take(span) }
            rest -= 1
        }
    }

    /// The observations that a host's result stands for.
    private static func spans(_ row: Row) throws -> [ObservedSpan] {
        guard let started = Date(rfc3339: row["started_at"]), let finished = Date(rfc3339: row["finished_at"] ?? "")
        else { return [] }
        var observation = HostObservation(
            at: "", kind: .verification, verification: row["id"], status: try row.value("status"),
            reason: row["reason"] ?? "", gitSHA: row.gitSHA, digest: row.digest)
        let answered = (row["last_answer_age"] as Double?).map { finished.addingTimeInterval(-$0) }
        if observation.status == .converged, let answered {
            // The proof is unbroken from the first answer that showed the target to the last one.
            let since = started.addingTimeInterval(row["seconds_to_converge"] ?? 0)
            return [ObservedSpan(from: since, to: answered, observation)]
        }
        guard row["reach"] as String? == "ok" else {
            // The build is of the last answer, and the silence of the end.
            var spans: [ObservedSpan] = []
            if observation.hasBuild, let answered {
                spans.append(ObservedSpan(from: answered, to: answered, observation))
            }
            (observation.gitSHA, observation.digest) = (nil, nil)
            return spans + [ObservedSpan(from: finished, to: finished, observation)]
        }
        let at = answered ?? finished
        return [ObservedSpan(from: at, to: at, observation)]
    }
}
