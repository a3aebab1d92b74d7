import CollectorSupport
package import FoundationEssentials
import GRDB
package import Reports
import Shared
import Verdict

extension Ledger {
    /// A verification's report: the very one that was stored, or, where the collector was killed, what had been recorded.
    ///
    /// - Parameters:
    ///   - id: an id, or the beginning of one only; nil for the last verification that is over.
    ///   - service: without an id, only verifications of this service.
    ///   - now: the wall clock, for runs whose process cannot be looked at.
    /// - Throws: ``LedgerError/unknownVerification(id:path:)``, ``LedgerError/ambiguous(prefix:candidates:count:)``,
    ///   ``LedgerError/noVerification(path:service:)``, ``LedgerError/stillRunning(id:)``.
    package func report(_ id: String? = nil, service: String? = nil, now: Date) async throws(LedgerError) -> Report {
        let observer = ProcessIdentity.current()
        let path = path
        return try await read { db in
            if let id {
                let row = try Self.row(id, path: path, db)
                let state = LedgerState(row, observer: observer, now: now)
                guard state != .running else { throw LedgerError.stillRunning(id: row["id"]) }
                return try Self.report(row, db)
            }
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT * FROM verifications \(service == nil ? "" : "WHERE service = ?") ORDER BY number DESC
                    """,
                arguments: service.map { [$0] } ?? [])
            while let row = try rows.next() {
                if LedgerState(row, observer: observer, now: now) != .running { return try Self.report(row.copy(), db) }
            }
            throw LedgerError.noVerification(path: path, service: service)
        }
    }

    /// The verification with this id, or else the only one whose id begins so.
    private static func row(_ id: String, path: String, _ db: Database) throws -> Row {
        if let row = try Row.fetchOne(db, sql: "SELECT * FROM verifications WHERE id = ?", arguments: [id]) {
            return row
        }
        // Compared byte by byte: behind every text that begins so, and before all others that come after it.
        let bounds: StatementArguments = [id, id + "\u{10FFFF}"]
        let range = "FROM verifications WHERE id >= ? AND id < ?"
        let count = try Int.fetchOne(db, sql: "SELECT count(*) \(range)", arguments: bounds) ?? 0
        guard !id.isEmpty, count > 0 else { throw LedgerError.unknownVerification(id: id, path: path) }
        let candidates = try Row.fetchAll(db, sql: "SELECT * \(range) ORDER BY number DESC LIMIT 5", arguments: bounds)
        guard count == 1, let only = candidates.first else {
            throw LedgerError.ambiguous(prefix: id, candidates: candidates.map { $0["id"] }, count: count)
        }
        return only
    }

    private static func report(_ row: Row, _ db: Database) throws -> Report {
        let isFinished = row["state"] == "finished"
        let hosts = try LedgerHosts(verification: row["number"], isFinished: isFinished).read(db)
        let target: Report.PromotedTarget = try LedgerCoding.decode(row["target"])
        let inventory: Report.InventorySummary = try LedgerCoding.decode(row["inventory"])
        let policy: Report.PolicySummary = try LedgerCoding.decode(row["policy"])
        let collector = Report.Run.Collector(version: row["collector"])
        guard isFinished else {
            return cutOff(
                id: row["id"], startedAt: row["started_at"], collector: collector, target: target, inventory: inventory,
                policy: policy, hosts: hosts)
        }
        let outcome: StoredOutcome = try LedgerCoding.decode(row["outcome"])
        var report = Report(
            verification: Report.Run(
                id: row["id"], startedAt: row["started_at"], finishedAt: row["finished_at"],
                durationSeconds: outcome.durationSeconds, collector: collector),
            target: target, inventory: inventory, policy: policy, successor: outcome.successor,
            verdict: try row.value("verdict"), exitCode: row["exit_code"], reasons: outcome.reasons,
            warnings: outcome.warnings, summary: outcome.summary, hosts: hosts,
            evidence: (row["evidence"] as String?).map(Report.EvidenceFile.init), promotion: outcome.promotion)
        // Older collectors recorded what they advised before the verdict was known.
        report.settleAdvice()
        return report
    }

    /// The report of a verification whose collector was killed. Never green, whatever was recorded.
    private static func cutOff(
        id: String, startedAt: String, collector: Report.Run.Collector, target: Report.PromotedTarget,
        inventory: Report.InventorySummary, policy: Report.PolicySummary, hosts: [Report.Host]
    ) -> Report {
        let duration = hosts.lazy.flatMap(\.transitions).map(\.seconds).max() ?? 0
        let start = Date(rfc3339: startedAt)
        let gated = hosts.filter { $0.waived.map(\.expired) ?? true }
        let proven = gated.count { $0.status == .converged }
        let reason = Reason(
            verdict: .interrupted, code: .collectorKilled, hosts: gated.count - proven,
            message: "the collector ended before its verification did: \(proven) of \(gated.count) hosts had converged")
        var report = Report(
            verification: Report.Run(
                id: id, startedAt: startedAt,
                finishedAt: start.map { $0.addingTimeInterval(duration).rfc3339 } ?? startedAt,
                durationSeconds: duration, collector: collector),
            target: target, inventory: inventory, policy: policy, verdict: .interrupted,
            exitCode: Verdict.interrupted.exitCode, reasons: [reason],
            warnings: ["made from the changes that the ledger had recorded: facts and counts of attempts are missing"],
            summary: Report.Summary(
                expected: gated.count, proven: proven, waived: hosts.count - gated.count,
                statuses: Dictionary(hosts.map { ($0.status.rawValue, 1) }, uniquingKeysWith: +), secondsToConverge: nil
            ),
            hosts: hosts)
        report.settleAdvice()
        return report
    }
}
