import FoundationEssentials
import GRDB
import Shared

extension Ledger {
    /// Past verifications, newest first.
    ///
    /// - Parameters:
    ///   - service: nil for all services.
    ///   - host: only verifications of this host, with what they found of it.
    ///   - limit: 1 or more.
    ///   - now: the wall clock, for runs whose process cannot be looked at.
    func history(
        service: String? = nil, host: String? = nil, limit: Int = 20, now: Date
    ) async throws(LedgerError) -> [HistoryEntry] {
        let observer = ProcessIdentity.current()
        return try await read { db in
            let columns = """
                v.number, v.id, v.service, v.generation, v.git_sha, v.digest, v.started_at, v.finished_at, v.state,
                v.verdict, v.exit_code, v.proven, v.expected, v.p50, v.p95, v.max, v.timeout, v.pid, v.process_start,
                v.pid_namespace, v.boot
                """
            let rows: [Row]
            if let host {
                rows = try Row.fetchAll(
                    db,
                    sql: """
                        SELECT \(columns), h.position, h.label AS host_label, h.reason AS host_reason,
                            h.seconds_to_converge AS host_seconds
                        FROM hosts h JOIN verifications v ON v.number = h.verification
                        WHERE h.name = ? AND (? IS NULL OR v.service = ?)
                        ORDER BY h.verification DESC LIMIT ?
                        """,
                    arguments: [host, service, service, limit])
            } else if let service {
                rows = try Row.fetchAll(
                    db, sql: "SELECT \(columns) FROM verifications v WHERE service = ? ORDER BY number DESC LIMIT ?",
                    arguments: [service, limit])
            } else {
                rows = try Row.fetchAll(
                    db, sql: "SELECT \(columns) FROM verifications v ORDER BY number DESC LIMIT ?", arguments: [limit])
            }
            return try rows.map { row in
                try Self.entry(row, host: host, state: LedgerState(row, observer: observer, now: now), db)
            }
        }
    }

    private static func entry(_ row: Row, host: String?, state: LedgerState, _ db: Database) throws -> HistoryEntry {
        let verdict: Verdict? =
            switch state {
            case .running: nil
            case .interrupted: .interrupted
            case .finished: try row.value("verdict")
            }
        var percentiles: Report.Summary.Percentiles?
        if let p50: Double = row["p50"], let p95: Double = row["p95"], let max: Double = row["max"] {
            percentiles = .init(p50: p50, p95: p95, max: max)
        }
        return HistoryEntry(
            id: row["id"], service: row["service"], generation: row["generation"], gitSHA: row.gitSHA,
            digest: row.digest, startedAt: row["started_at"], finishedAt: row["finished_at"], state: state,
            verdict: verdict, exitCode: row["exit_code"], proven: row["proven"], expected: row["expected"],
            secondsToConverge: percentiles, host: try host.map { try hostOutcome($0, row, db) })
    }

    private static func hostOutcome(_ name: String, _ row: Row, _ db: Database) throws -> HistoryEntry.Host {
        guard row["host_label"] == nil as String? else {
            return HistoryEntry.Host(
                name: name, label: try row.value("host_label"), reason: row["host_reason"] ?? "",
                secondsToConverge: row["host_seconds"])
        }
        // The verification did not end: the last that was recorded of the host.
        let last = try Row.fetchOne(
            db,
            sql:
                "SELECT label, reason FROM transitions WHERE verification = ? AND host = ? ORDER BY number DESC LIMIT 1",
            arguments: [row["number"] as Int64?, row["position"] as Int?])
        return HistoryEntry.Host(
            name: name, label: try last?.value("label") ?? .pending, reason: last?["reason"] ?? Self.nothingRecorded,
            secondsToConverge: nil)
    }

    static let nothingRecorded = "nothing was recorded of the host"
}
