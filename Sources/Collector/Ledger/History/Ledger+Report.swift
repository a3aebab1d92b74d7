import CollectorSupport
package import FoundationEssentials
import GRDB
package import Reports
import Shared
package import Verdict

extension Ledger {
    /// A verification's report: the stored one, or, if the collector was killed, one made from the recorded transitions.
    ///
    /// - Parameters:
    ///   - id: an id or its unambiguous beginning; nil for the last verification that has ended.
    ///   - service: without an id, only verifications of this service.
    ///   - environment: without an id, only verifications of this environment.
    ///   - now: the wall clock, for verifications whose process cannot be observed.
    /// - Throws: ``LedgerError/unknownVerification(id:path:)``, ``LedgerError/ambiguous(prefix:candidates:count:)``,
    ///   ``LedgerError/noVerification(path:service:environment:)``, ``LedgerError/stillRunning(id:)``.
    package func report(
        _ id: String? = nil, service: String? = nil, environment: EnvironmentName? = nil, now: Date
    ) async throws(LedgerError) -> Report {
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
                    SELECT * FROM verifications
                    WHERE (? IS NULL OR service_name = ?) AND (? IS NULL OR environment = ?)
                    ORDER BY number DESC
                    """,
                arguments: [service, service, environment?.description, environment?.description])
            while let row = try rows.next() {
                if LedgerState(row, observer: observer, now: now) != .running { return try Self.report(row.copy(), db) }
            }
            throw LedgerError.noVerification(path: path, service: service, environment: environment)
        }
    }

    /// The verification with this id, or else the only one whose id has this beginning.
    private static func row(_ id: String, path: String, _ db: Database) throws -> Row {
        if let row = try Row.fetchOne(db, sql: "SELECT * FROM verifications WHERE id = ?", arguments: [id]) {
            return row
        }
        // The upper bound sorts after every text with this beginning, and before all later ones.
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
        let hosts = try HostReader(verification: row["number"], isFinished: isFinished).read(db)
        let target: Report.PromotedTarget = try LedgerCoding.decode(row["target"])
        let inventory: Report.InventorySummary = try LedgerCoding.decode(row["inventory"])
        let policy: Report.PolicySummary = try LedgerCoding.decode(row["policy"])
        let collector = Report.Run.Collector(version: row["collector"])
        guard isFinished else {
            return interrupted(
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
            evidence: (row["evidence"] as String?).map(Report.EvidenceFile.init), promotion: outcome.promotion,
            origin: outcome.origin)
        // Older collectors stored advice that they gave before the verdict was known.
        report.settleAdvice()
        return report
    }

    /// The report of a verification whose collector was killed. It is never green, whatever was recorded.
    private static func interrupted(
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
            warnings: ["made from the transitions in the ledger: facts and numbers of attempts are missing"],
            summary: Report.Summary(
                expected: gated.count, proven: proven, waived: hosts.count - gated.count,
                statuses: Dictionary(hosts.map { ($0.status.rawValue, 1) }, uniquingKeysWith: +), secondsToConverge: nil
            ),
            hosts: hosts)
        report.settleAdvice()
        return report
    }
}

// MARK: - Hosts

/// Reads the hosts of one verification, in the report's order.
struct HostReader {
    let verification: Int64
    /// False if only the transitions recorded while it ran exist.
    let isFinished: Bool

    func read(_ db: Database) throws -> [Report.Host] {
        var transitions = try TransitionReader(verification: verification, db)
        let rows = try Row.fetchCursor(
            db, sql: "SELECT * FROM hosts WHERE verification = ? ORDER BY position", arguments: [verification])
        var cache = (labels: DecodingCache<[String: String]>(), details: DecodingCache<Details>())
        var hosts: [Report.Host] = []
        // Indexes of hosts, in the report's order.
        var order: [(rank: Int, index: Int)] = []
        while let row = try rows.next() {
            let changes = try transitions.next(of: row["position"])
            if isFinished {
                guard let rank: Int = row["rank"] else { continue }
                order.append((rank, hosts.count))
                hosts.append(try finished(row, changes, &cache.labels, &cache.details))
            } else {
                let host = try unfinished(row, changes, &cache.labels)
                // The report's order: worst last.
                order.append((-host.status.rank, hosts.count))
                hosts.append(host)
            }
        }
        return order.sorted { $0 < $1 }.map { hosts[$0.index] }
    }

    private func finished(
        _ row: Row, _ transitions: [Report.Host.Transition], _ labels: inout DecodingCache<[String: String]>,
        _ cache: inout DecodingCache<Details>
    ) throws -> Report.Host {
        let details = try cache.decode(row["details"])
        let reason: String = row["reason"]
        // Older collectors recorded a sentence alone.
        let parts = details?.reasonCode == nil ? ReasonText(recorded: reason) : details?.reasonParts
        var transitions = transitions
        for (index, code) in (details?.transitionCodes ?? []).enumerated() where index < transitions.count {
            transitions[index].reasonCode = code
        }
        var host = Report.Host(
            name: row["name"], url: row["url"], labels: try labels.decode(row["labels"]) ?? [:],
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
        host.agentVersion = details?.agentVersion
        return host
    }

    private func unfinished(
        _ row: Row, _ transitions: [Report.Host.Transition], _ labels: inout DecodingCache<[String: String]>
    ) throws -> Report.Host {
        Report.Host(
            name: row["name"], url: row["url"], labels: try labels.decode(row["labels"]) ?? [:],
            status: transitions.last?.status ?? .pending, waived: try waived(row),
            reason: transitions.last?.reason ?? Ledger.nothingRecorded, gitSHA: nil, digest: nil, facts: HostFacts(),
            attempts: 0, secondsToConverge: nil, lastAnswerAgeSeconds: nil, clockOffsetSeconds: nil,
            transitions: transitions)
    }

    private func waived(_ row: Row) throws -> Report.Host.Waived? {
        try (row["waived"] as String?).map { try LedgerCoding.decode($0) }
    }

    /// The parts of a host's report that have no column of their own.
    struct Details: Codable, Hashable {
        var warnings: [String]?
        var project: String?
        var instancesExpected: Int?
        var leftOut: [Report.Host.LeftOut]?
        var reasonCode: HostReason.Code?
        var reasonParts: ReasonText?
        var agentVersion: String?
        /// In the order of the transitions; nil for a host whose transitions were shortened.
        var transitionCodes: [HostReason.Code?]?

        /// A function and not an initializer, to which the host would be copied.
        static func of(_ host: Report.Host) -> Details {
            let isWhole = host.transitions.count < HostTracker.maximumTransitions
            return Details(
                warnings: host.warnings, project: host.project, instancesExpected: host.instancesExpected,
                leftOut: host.leftOut, reasonCode: host.reasonCode, reasonParts: host.reasonParts,
                agentVersion: host.agentVersion,
                transitionCodes: isWhole ? host.transitions.map(\.reasonCode) : nil)
        }
    }

    /// Decodes each distinct text once: most hosts share labels and details, and decoding JSON dominates the time.
    private struct DecodingCache<Value: Decodable> {
        /// The bound of the memory, for hosts that share nothing.
        private static var limit: Int { 1_000 }
        private var known: [String: Value] = [:]

        mutating func decode(_ text: String?) throws -> Value? {
            guard let text else { return nil }
            if let value = known[text] { return value }
            let value: Value = try LedgerCoding.decode(text)
            if known.count < Self.limit { known[text] = value }
            return value
        }
    }
}

/// Reads the transitions of a verification's hosts, one host after the other.
private struct TransitionReader {
    private let rows: RowCursor
    /// The first transition of a host whose turn has not come.
    private var pending: (host: Int, transition: Report.Host.Transition)?
    /// Reasons that were read, so that hosts share the memory of equal ones.
    private var reasons: Set<String> = []
    private static let maximumReasons = 1_000

    init(verification: Int64, _ db: Database) throws {
        rows = try Row.fetchCursor(
            db,
            sql: "SELECT host, seconds, status, reason FROM transitions WHERE verification = ? ORDER BY host, number",
            arguments: [verification])
        try advance()
    }

    /// - Parameter position: the host's position, in ascending order.
    mutating func next(of position: Int) throws -> [Report.Host.Transition] {
        var transitions: [Report.Host.Transition] = []
        while let (host, transition) = pending, host <= position {
            if host == position { transitions.append(transition) }
            try advance()
        }
        return transitions
    }

    private mutating func advance() throws {
        guard let row = try rows.next() else { return pending = nil }
        pending = (
            row[0],
            Report.Host.Transition(
                seconds: row[1], status: try LedgerCoding.value(row[2], of: "status"), reason: shared(row[3]))
        )
    }

    private mutating func shared(_ reason: String) -> String {
        if let known = reasons.firstIndex(of: reason) { return reasons[known] }
        if reasons.count < Self.maximumReasons { reasons.insert(reason) }
        return reason
    }
}
