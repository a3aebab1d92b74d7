import Foundation
import GRDB
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

/// Statistics of random ledgers against a recomputation from the rows of `verifications` and `hosts` alone, which shares no
/// code with the collector's.
@Suite("Statistics against an oracle")
struct StatisticsOracleTests {
    /// One host's row with the facts of its verification.
    private struct Outcome {
        var verification: Int
        var service: String
        var day: String
        var host: String
        var zone: String?
        var status: String
        var seconds: Double?
        var isLate: Bool
        var isFailed: Bool
    }

    /// The figures of a group of outcomes, as one line.
    private static func figures(_ outcomes: [Outcome]) -> String {
        let times = outcomes.filter { $0.status == "converged" }.compactMap(\.seconds).sorted()
        func rank(_ percent: Int) -> Double { times[(times.count * percent + 99) / 100 - 1] }
        let percentiles = times.isEmpty ? "-" : "\(rank(50)) \(rank(95)) \(times[times.count - 1])"
        let statuses = Dictionary(grouping: outcomes, by: \.status).mapValues(\.count).sorted { $0.key < $1.key }
        return "converged \(outcomes.count { $0.status == "converged" }) "
            + "at once \(outcomes.count { $0.status == "converged" && $0.seconds == nil }) "
            + "late \(outcomes.count(where: \.isLate)) failed \(outcomes.count(where: \.isFailed)) \(statuses) \(percentiles)"
    }

    private static func figures(
        _ counts: HistoryStatistics.HostCounts, _ times: Report.Summary.Percentiles?
    ) -> String {
        let percentiles = times.map { "\($0.p50) \($0.p95) \($0.max)" } ?? "-"
        return "converged \(counts.converged) at once \(counts.servedFromStart) late \(counts.late) "
            + "failed \(counts.failed) \(counts.statuses.sorted { $0.key < $1.key }) \(percentiles)"
    }

    /// The outcomes that count, from the rows.
    private func outcomes(_ ledger: Ledger) async throws -> [Outcome] {
        let behind: Set = ["straggler", "pending", "starting", "soaking", "flapping", "mixed"]
        let harmless: Set = ["converged", "ahead"]
        let doubtful: Set = ["superseded", "interrupted", "inconclusive", "empty_inventory", "inventory_shrunk"]
        let early: Set = ["failed_deploy", "rolled_back", "identity_conflict"]
        return try await ledger.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT v.number, v.service, v.started_at, v.verdict, v.p50, h.name, h.labels, h.label,
                        h.seconds_to_converge, h.waived, v.timeout, v.outcome,
                        strftime('%s', v.finished_at) - strftime('%s', v.started_at) AS took,
                        json_extract(v.policy, '$.interval_seconds') AS interval
                    FROM hosts h JOIN verifications v ON v.number = h.verification
                    WHERE v.state = 'finished' AND h.label IS NOT NULL
                    """
            ).compactMap { row in
                if let waived: String = row["waived"], !waived.contains("\"expired\":true") { return nil }
                let (status, verdict): (String, String) = (row["label"], row["verdict"])
                let seconds: Double? = row["seconds_to_converge"]
                var outcome = Outcome(
                    verification: row["number"], service: row["service"],
                    day: String((row["started_at"] as String).prefix(10)),
                    host: row["name"], zone: nil, status: status, seconds: seconds, isLate: false, isFailed: false)
                if let labels: String = row["labels"] {
                    outcome.zone = try JSONDecoder().decode([String: String].self, from: Data(labels.utf8))["zone"]
                }
                if status == "converged" {
                    if let seconds, let median: Double = row["p50"] {
                        outcome.isLate = seconds > 2 * median && seconds - median > max(1, row["interval"])
                    }
                    return outcome
                }
                if doubtful.contains(verdict) { return nil }
                if behind.contains(status) {
                    let isStalled = (row["outcome"] as String).contains("\"stalled\"")
                    let took: Double = row["took"]
                    if early.contains(verdict), !isStalled, took < (row["timeout"] as Double) - 0.5 { return nil }
                    outcome.isLate = true
                } else {
                    outcome.isFailed = !harmless.contains(status)
                }
                return outcome
            }
        }
    }

    /// Compares the statistics of every grouping with the oracle.
    private func expectEqual(_ ledger: Ledger) async throws {
        let outcomes = try await outcomes(ledger)
        func statistics(_ grouping: HistoryStatistics.Grouping) async throws -> HistoryStatistics {
            try await ledger.statistics(HistoryFilter(), by: grouping, now: LedgerFixtures.now)
        }
        let hosts = try await statistics(.host).hosts(.failed, limit: .max)
        #expect(
            Dictionary(
                uniqueKeysWithValues: hosts.map {
                    (
                        $0.host,
                        Self.figures(
                            .init(
                                converged: $0.converged, servedFromStart: $0.servedFromStart, late: $0.late,
                                failed: $0.failed, statuses: $0.statuses), $0.secondsToConverge)
                    )
                }) == Dictionary(grouping: outcomes, by: \.host).mapValues(Self.figures))
        let labels = try await statistics(.label("zone")).labels(.failed, limit: .max)
        #expect(
            Dictionary(uniqueKeysWithValues: labels.map { ($0.value, Self.figures($0.outcomes, $0.secondsToConverge)) })
                == Dictionary(grouping: outcomes, by: \.zone).mapValues(Self.figures))
        for label in labels {
            let verifications = Set(outcomes.filter { $0.zone == label.value }.map(\.verification))
            #expect(label.verifications == verifications.count)
        }
        let services = try await statistics(.service).services(.failed, limit: .max)
        let byService = Dictionary(grouping: outcomes, by: \.service)
        for service in services {
            #expect(
                Self.figures(service.hosts, service.secondsToConverge) == Self.figures(byService[service.service] ?? [])
            )
        }
        #expect(Set(byService.keys).isSubset(of: services.map(\.service)))
        let days = try await statistics(.day).periods(limit: .max)
        let byDay = Dictionary(grouping: outcomes, by: \.day)
        for day in days {
            #expect(Self.figures(day.hosts, day.secondsToConverge) == Self.figures(byDay[day.period] ?? []))
        }
        #expect(Set(byDay.keys).isSubset(of: days.map(\.period)))
    }

    private func seconds(_ random: inout SplitMix64) -> Double? {
        if random.chance(15) { return nil }
        // Former collectors did not round.
        return random.chance(80) ? Double(random.pick(0, 90_000)) / 1_000 : Double(random.pick(0, 999_999)) / 31_337
    }

    private func hosts(_ random: inout SplitMix64) -> [(String, RecordedHistory.Result)] {
        let isAlike = random.chance(60)
        return (0..<12).filter { _ in isAlike || random.chance(70) }.map { number in
            let status: HostStatus = random.chance(60) ? .converged : random.pick(from: HostStatus.allCases)
            var result = RecordedHistory.Result(
                status: status, seconds: status == .converged ? seconds(&random) : nil,
                waiver: random.chance(10)
                    ? .init(until: "2026-12-01T00:00:00Z", reason: "r", expired: random.chance(50)) : nil)
            if number % 3 > 0 { result.labels = ["zone": "z\(number % 3)", "rack": "\(number / 2)"] }
            if !isAlike, random.chance(30) { result.labels = ["zone": "other"] }
            return ("host-\(number)", result)
        }
    }

    @Test("Every figure of a random ledger is that of its rows", arguments: 0..<25)
    func ledgers(seed: Int) async throws {
        var random = SplitMix64(seed: UInt64(seed))
        try await withRecordedHistory { history, path in
            for _ in 0..<random.pick(1, 25) {
                var hosts = hosts(&random)
                if random.chance(30) { hosts.shuffle(using: &random) }
                let verdict = random.chance(90) ? random.pick(from: Verdict.allCases) : nil
                try await history.add(
                    daysAgo: Double(random.pick(1, 20)) / 2, service: random.pick(from: ["canvas", "web"]),
                    verdict: verdict, took: Double(random.pick(1, 700)), stalled: random.chance(20), hosts: hosts)
                // An older collector's end has no outcomes beside its rows.
                if random.chance(15) {
                    try tamper(path, "DELETE FROM host_outcomes WHERE verification = \(history.count)")
                }
            }
            try await expectEqual(history.ledger)
            let check = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
            #expect(!check.findings.contains { $0.text.contains("statistics") }, "\(check.text())")
            _ = try await history.ledger.prune(
                LedgerRetention(age: .seconds(43_200) * random.pick(1, 20)), now: LedgerFixtures.now)
            try await expectEqual(history.ledger)
        }
    }
}
