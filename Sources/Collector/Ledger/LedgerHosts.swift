import GRDB
import Reports
import Shared
import Verdict

/// Reads the hosts of one verification, in the report's order.
struct LedgerHosts {
    let verification: Int64
    /// Otherwise only what was recorded while it ran is there.
    let isFinished: Bool

    func read(_ db: Database) throws -> [Report.Host] {
        var transitions = try transitions(db)
        let rows = try Row.fetchCursor(
            db, sql: "SELECT * FROM hosts WHERE verification = ? ORDER BY position", arguments: [verification])
        var labels = LabelCache()
        var hosts: [(order: Int, host: Report.Host)] = []
        while let row = try rows.next() {
            let changes = transitions.removeValue(forKey: row["position"]) ?? []
            if isFinished {
                guard let rank: Int = row["rank"] else { continue }
                hosts.append((rank, try finished(row, changes, &labels)))
            } else {
                let host = try unfinished(row, changes, &labels)
                // As a report orders them: worst last.
                hosts.append((-host.status.rank, host))
            }
        }
        return hosts.enumerated().sorted { ($0.element.order, $0.offset) < ($1.element.order, $1.offset) }
            .map(\.element.host)
    }

    private func transitions(_ db: Database) throws -> [Int: [Report.Host.Transition]] {
        var transitions: [Int: [Report.Host.Transition]] = [:]
        let rows = try Row.fetchCursor(
            db,
            sql: "SELECT host, seconds, status, reason FROM transitions WHERE verification = ? ORDER BY host, number",
            arguments: [verification])
        while let row = try rows.next() {
            transitions[row[0], default: []].append(
                Report.Host.Transition(seconds: row[1], status: try row.value("status"), reason: row[3]))
        }
        return transitions
    }

    private func finished(
        _ row: Row, _ transitions: [Report.Host.Transition], _ labels: inout LabelCache
    ) throws -> Report.Host {
        let details: Details? = try (row["details"] as String?).map { try LedgerCoding.decode($0) }
        let reason: String = row["reason"]
        // Older collectors recorded a sentence alone.
        let parts = details?.reasonCode == nil ? ReasonText(recorded: reason) : details?.reasonParts
        var transitions = transitions
        for (index, code) in (details?.transitionCodes ?? []).enumerated() where index < transitions.count {
            transitions[index].reasonCode = code
        }
        return Report.Host(
            name: row["name"], url: row["url"], labels: try labels.decode(row["labels"]),
            status: try row.value("status"),
            waived: try waived(row), reason: reason, reasonCode: details?.reasonCode,
            reasonParts: parts.flatMap { $0.isDivided ? $0 : nil }, gitSHA: row.gitSHA, digest: row.digest,
            facts: HostFacts(
                reach: try row.value("reach"), identity: try row.value("identity"), build: try row.value("build"),
                runtime: try row.value("runtime")),
            attempts: row["attempts"], secondsToConverge: row["seconds_to_converge"],
            lastAnswerAgeSeconds: row["last_answer_age"], clockOffsetSeconds: row["clock_offset"],
            transitions: transitions, warnings: details?.warnings, project: details?.project,
            instancesExpected: details?.instancesExpected, leftOut: details?.leftOut)
    }

    private func unfinished(
        _ row: Row, _ transitions: [Report.Host.Transition], _ labels: inout LabelCache
    ) throws -> Report.Host {
        Report.Host(
            name: row["name"], url: row["url"], labels: try labels.decode(row["labels"]),
            status: transitions.last?.status ?? .pending, waived: try waived(row),
            reason: transitions.last?.reason ?? Ledger.nothingRecorded, gitSHA: nil, digest: nil, facts: HostFacts(),
            attempts: 0, secondsToConverge: nil, lastAnswerAgeSeconds: nil, clockOffsetSeconds: nil,
            transitions: transitions)
    }

    private func waived(_ row: Row) throws -> Report.Host.Waived? {
        try (row["waived"] as String?).map { try LedgerCoding.decode($0) }
    }

    /// What a report shows of a host beyond the columns that are asked for.
    struct Details: Codable {
        var warnings: [String]?
        var project: String?
        var instancesExpected: Int?
        var leftOut: [Report.Host.LeftOut]?
        var reasonCode: HostReason.Code?
        var reasonParts: ReasonText?
        /// In the order of the transitions, as far as their number tells them apart.
        var transitionCodes: [HostReason.Code?]?

        init(_ host: Report.Host) {
            (warnings, project) = (host.warnings, host.project)
            (instancesExpected, leftOut) = (host.instancesExpected, host.leftOut)
            (reasonCode, reasonParts) = (host.reasonCode, host.reasonParts)
            if host.transitions.count < HostTracker.maximumTransitions {
                transitionCodes = host.transitions.map(\.reasonCode)
            }
        }
    }

    /// Many hosts have the same labels, and decoding JSON is what takes the time.
    private struct LabelCache {
        private var known: [String: [String: String]] = [:]

        mutating func decode(_ text: String?) throws -> [String: String] {
            guard let text else { return [:] }
            if let labels = known[text] { return labels }
            let labels: [String: String] = try LedgerCoding.decode(text)
            known[text] = labels
            return labels
        }
    }
}
