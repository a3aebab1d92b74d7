import CollectorSupport
package import FoundationEssentials
import GRDB
import Reports
import Shared
import Verdict

extension Ledger {
    /// Past verifications, newest first.
    ///
    /// - Parameters:
    ///   - limit: 1 or more.
    ///   - now: the wall clock, for verifications whose process cannot be observed.
    package func history(
        _ filter: HistoryFilter = HistoryFilter(), limit: Int = 20, now: Date
    ) async throws(LedgerError) -> [HistoryEntry] {
        let observer = ProcessIdentity.current()
        return try await read { db in
            let rows = try Self.rows(filter, db)
            var entries: [HistoryEntry] = []
            var rollbacks = RollbackLinks.Cache()
            while entries.count < limit, let row = try rows.next() {
                let state = LedgerState(row, observer: observer, now: now)
                let verdict = try Self.verdict(row, state)
                guard filter.accepts(verdict) else { continue }
                var entry = try Self.entry(row.copy(), filter.host, state, verdict, db)
                if let generation = entry.generation {
                    let links = try rollbacks.links(of: row["service"], db)
                    entry.undid = links.undid[generation]
                    entry.undoneBy = links.undoneBy[generation]
                }
                entries.append(entry)
            }
            return entries
        }
    }

    /// The number of verifications that ``history(_:limit:now:)`` selects without a limit.
    package func historyCount(_ filter: HistoryFilter, now: Date) async throws(LedgerError) -> Int {
        let observer = ProcessIdentity.current()
        return try await read { db in
            let rows = try Self.rows(filter, db)
            var count = 0
            while let row = try rows.next() {
                let state = LedgerState(row, observer: observer, now: now)
                if filter.accepts(try Self.verdict(row, state)) { count += 1 }
            }
            return count
        }
    }

    private static func rows(_ filter: HistoryFilter, _ db: Database) throws -> RowCursor {
        let columns = """
            v.number, v.id, v.service, v.service_name, v.environment, v.generation, v.git_sha, v.digest, v.started_at,
            v.finished_at, v.state, v.verdict, v.exit_code, v.proven, v.expected, v.p50, v.p95, v.max, v.timeout, v.pid,
            v.process_start, v.pid_namespace, v.boot
            """
        let (conditions, arguments) = filter.conditions
        guard let host = filter.host else {
            return try Row.fetchCursor(
                db, sql: "SELECT \(columns) FROM verifications v WHERE \(conditions) ORDER BY v.number DESC",
                arguments: arguments)
        }
        return try Row.fetchCursor(
            db,
            sql: """
                SELECT \(columns), h.position, h.status AS host_status, h.reason AS host_reason,
                    h.seconds_to_converge AS host_seconds, h.git_sha AS host_git_sha, h.digest AS host_digest
                FROM hosts h JOIN verifications v ON v.number = h.verification
                WHERE h.name = ? AND \(conditions) ORDER BY h.verification DESC
                """,
            arguments: [host] + arguments)
    }

    /// The verdict of a recorded verification; nil while it runs.
    static func verdict(_ row: Row, _ state: LedgerState) throws -> Verdict? {
        switch state {
        case .running: nil
        case .interrupted: .interrupted
        case .finished: try row.value("verdict")
        }
    }

    private static func entry(
        _ row: Row, _ host: String?, _ state: LedgerState, _ verdict: Verdict?, _ db: Database
    ) throws -> HistoryEntry {
        var percentiles: Report.Summary.Percentiles?
        if let p50: Double = row["p50"], let p95: Double = row["p95"], let max: Double = row["max"] {
            percentiles = .init(p50: p50, p95: p95, max: max)
        }
        return HistoryEntry(
            id: row["id"], service: row["service_name"], environment: try row.deployedService().environment,
            generation: row["generation"], gitSHA: row.gitSHA, digest: row.digest, startedAt: row["started_at"],
            finishedAt: row["finished_at"], state: state, verdict: verdict, exitCode: row["exit_code"],
            proven: row["proven"], expected: row["expected"],
            secondsToConverge: percentiles,
            supersededBy: verdict == .superseded ? try successor(row["service"], row["generation"], db) : nil,
            host: try host.map { try hostOutcome($0, row, db) })
    }

    /// The next promotion, which is the first one that took over.
    private static func successor(
        _ service: String, _ generation: Int?, _ db: Database
    ) throws -> HistoryEntry.Successor? {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT generation, git_sha, digest, at FROM promotions
                WHERE service = ? AND generation > ? ORDER BY generation LIMIT 1
                """,
            arguments: [service, generation])
        return row.map {
            HistoryEntry.Successor(generation: $0["generation"], gitSHA: $0.gitSHA, digest: $0.digest, at: $0["at"])
        }
    }

    private static func hostOutcome(_ name: String, _ row: Row, _ db: Database) throws -> HistoryEntry.Host {
        guard row["host_status"] == nil as String? else {
            return HistoryEntry.Host(
                name: name, status: try row.value("host_status"), reason: row["host_reason"] ?? "",
                gitSHA: (row["host_git_sha"] as String?).flatMap(GitSHA.init(contractText:)),
                digest: (row["host_digest"] as String?).flatMap(Digest.init(contractText:)),
                secondsToConverge: row["host_seconds"])
        }
        // The verification did not end: take the host's last recorded transition.
        let last = try Row.fetchOne(
            db,
            sql:
                "SELECT status, reason FROM transitions WHERE verification = ? AND host = ? ORDER BY number DESC LIMIT 1",
            arguments: [row["number"] as Int64?, row["position"] as Int?])
        return HistoryEntry.Host(
            name: name, status: try last?.value("status") ?? .pending, reason: last?["reason"] ?? Self.nothingRecorded,
            gitSHA: nil, digest: nil, secondsToConverge: nil)
    }

    static let nothingRecorded = "nothing was recorded about this host"
}

// MARK: - Statistics

extension Ledger {
    /// Statistics over the selected verifications that have ended.
    ///
    /// - Parameter now: the wall clock, for verifications whose process cannot be observed.
    package func statistics(
        _ filter: HistoryFilter, by grouping: HistoryStatistics.Grouping, now: Date
    ) async throws(LedgerError) -> HistoryStatistics {
        let observer = ProcessIdentity.current()
        return try await read { db in
            var reader = OutcomeReader(HistoryStatistics(by: grouping), host: filter.host, db)
            for verification in try Self.ended(filter, observer: observer, now: now, db) {
                try reader.add(verification)
            }
            return reader.statistics
        }
    }

    private static func ended(
        _ filter: HistoryFilter, observer: ProcessIdentity, now: Date, _ db: Database
    ) throws -> [VerificationSummary] {
        let (conditions, arguments) = filter.conditions
        let ofHost = "EXISTS (SELECT 1 FROM hosts h WHERE h.name = ? AND h.verification = v.number)"
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT number, id, service, service_name, environment, generation, state, verdict, exit_code, p50,
                    started_at, timeout, pid, process_start, pid_namespace, boot,
                    json_extract(policy, '$.interval_seconds') AS interval, \(isCutShort) AS is_cut_short
                FROM verifications v WHERE \(conditions)\(filter.host == nil ? "" : " AND \(ofHost)") ORDER BY service, number
                """,
            arguments: arguments + (filter.host.map { [$0] } ?? []))
        var verifications: [VerificationSummary] = []
        var rollbacks = RollbackLinks.Cache()
        while let row = try rows.next() {
            let state = LedgerState(row, observer: observer, now: now)
            guard let verdict = try verdict(row, state) else { continue }
            let links = try rollbacks.links(of: row["service"], db)
            let isUndone = (row["generation"] as Int?).map { links.lastUndone[$0] == row["id"] } ?? false
            let service = try row.deployedService()
            verifications.append(
                VerificationSummary(
                    number: row["number"], service: service.name, environment: service.environment,
                    startedAt: Date(rfc3339: row["started_at"]) ?? .distantPast, verdict: verdict,
                    exitCode: row["exit_code"], median: row["p50"], interval: row["interval"] ?? 0,
                    isCutShort: row["is_cut_short"] ?? false, isRolledBack: verdict == .rolledBack || isUndone))
        }
        return verifications
    }

    /// True for a verification that a failure ended before its deadline.
    ///
    /// It ends early when too many hosts failed, and when nothing changes any more (`stalled`). Only in the latter case had the
    /// other hosts their time.
    private static let isCutShort = """
        (verdict IN ('failed_deploy', 'rolled_back', 'identity_conflict')
            AND (julianday(finished_at) - julianday(started_at)) * 86400 < timeout - 0.5
            AND instr(outcome, '"stalled"') = 0)
        """
}
