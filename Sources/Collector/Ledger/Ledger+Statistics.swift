package import FoundationEssentials
import GRDB
import Reports
import Shared
import Verdict

extension Ledger {
    /// What became of services or hosts in the verifications that are over and that are asked for.
    ///
    /// - Parameter now: the wall clock, for runs whose process cannot be looked at.
    package func statistics(
        _ filter: HistoryFilter, by grouping: HistoryStatistics.Grouping, now: Date
    ) async throws(LedgerError) -> HistoryStatistics {
        let observer = ProcessIdentity.current()
        return try await read { db in
            var statistics = HistoryStatistics(by: grouping)
            for verification in try Self.ended(filter, observer: observer, now: now, db) {
                statistics.add(verification)
                try Self.addHosts(of: verification, named: filter.host, to: &statistics, db)
            }
            return statistics
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
                SELECT number, service, state, verdict, exit_code, p50, started_at, timeout, pid, process_start,
                    pid_namespace, boot
                FROM verifications v WHERE \(conditions)\(filter.host == nil ? "" : " AND \(ofHost)") ORDER BY service, number
                """,
            arguments: arguments + (filter.host.map { [$0] } ?? []))
        var verifications: [VerificationSummary] = []
        while let row = try rows.next() {
            let state = LedgerState(row, observer: observer, now: now)
            guard let verdict = try verdict(row, state) else { continue }
            verifications.append(
                VerificationSummary(
                    number: row["number"], service: row["service"], verdict: verdict, exitCode: row["exit_code"],
                    median: row["p50"]))
        }
        return verifications
    }

    private static func addHosts(
        of verification: VerificationSummary, named host: String?, to statistics: inout HistoryStatistics,
        _ db: Database
    ) throws {
        let statement = try db.cachedStatement(
            sql: """
                SELECT name, label, seconds_to_converge, waived FROM hosts INDEXED BY hosts_by_outcome
                WHERE verification = ? AND label IS NOT NULL\(host == nil ? "" : " AND name = ?")
                """)
        let rows = try Row.fetchCursor(
            statement, arguments: [verification.number] + (host.map { [$0] } ?? []))
        while let row = try rows.next() {
            // The gate is not about a host that was excused, and its times are in no other figure either.
            if let text: String = row[3] {
                let waived: Report.Host.Waived = try LedgerCoding.decode(text)
                guard waived.expired else { continue }
            }
            statistics.addHost(row[0], try status(row[1]), seconds: row[2])
        }
    }

    /// Nearly all are converged, and to ask for that first is quicker than to look through all labels.
    private static func status(_ text: String) throws -> HostStatus {
        text == "converged" ? .converged : try LedgerCoding.value(text, of: "status")
    }
}
