import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("Statistics of services and hosts")
struct HistoryStatisticsTests {
    private func hosts(
        _ history: RecordedHistory, _ filter: HistoryFilter = HistoryFilter(), order: HistoryStatistics.Order = .failed
    ) async throws -> [HistoryStatistics.Host] {
        try await history.ledger.statistics(filter, by: .host, now: LedgerFixtures.now).hosts(order, limit: 100)
    }

    private func services(
        _ history: RecordedHistory, _ filter: HistoryFilter = HistoryFilter(), order: HistoryStatistics.Order = .failed
    ) async throws -> [HistoryStatistics.Service] {
        try await history.ledger.statistics(filter, by: .service, now: LedgerFixtures.now).services(order, limit: 100)
    }

    @Test("A service's percentiles cover every convergence of every host, by nearest rank")
    func percentiles() async throws {
        try await withRecordedHistory { history, _ in
            // 1, 2, … 20 seconds, ten hosts each in two verifications.
            for round in 0..<2 {
                let hosts = (1...10).map { ("h\($0)", RecordedHistory.Result.converged(Double(round * 10 + $0))) }
                try await history.add(daysAgo: 2, verdict: .converged, hosts: hosts)
            }
            let service = try #require(try await services(history).first)
            #expect(service.verifications == 2)
            #expect(service.secondsToConverge == .init(p50: 10, p95: 19, max: 20))
            #expect(service.hosts.converged == 20)
            let host = try #require(try await hosts(history).first { $0.host == "h3" })
            #expect(host.secondsToConverge == .init(p50: 3, p95: 13, max: 13))
        }
    }

    @Test("Verdicts are counted, and verifications that did not end with 0 have failed")
    func verdicts() async throws {
        try await withRecordedHistory { history, _ in
            for verdict in [Verdict.converged, .converged, .convergedTolerated, .stragglers, .superseded] {
                try await history.add(daysAgo: 1, verdict: verdict)
            }
            try await history.add(daysAgo: 1, verdict: nil)
            let running = LedgerFixtures.run("r", sha: try LedgerFixtures.sha("1"))
            _ = try await history.ledger.begin(running)
            let service = try #require(try await services(history).first)
            #expect(
                service.verdicts == [
                    "converged": 2, "converged_tolerated": 1, "stragglers": 1, "superseded": 1, "interrupted": 1,
                ])
            #expect(service.verifications == 6)
            #expect(service.failed == 3)
        }
    }

    @Test("A host is late if it did not converge, or did so after twice the median and a second")
    func late() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(
                daysAgo: 1, verdict: .stragglers,
                hosts: [
                    ("a", .converged(10)), ("b", .converged(10)), ("c", .converged(20)), ("d", .converged(20.1)),
                    ("e", .ended(.straggler)), ("f", .ended(.unreachable)), ("g", .converged(4)),
                ])
            #expect(try await hosts(history).filter { $0.late > 0 }.map(\.host) == ["d", "e"])
            // Differences below a second come from polling.
            try await history.add(
                daysAgo: 1, service: "quick", verdict: .converged,
                hosts: [("x", .converged(0.1)), ("y", .converged(0.1)), ("z", .converged(1.05))])
            #expect(try await hosts(history, HistoryFilter(service: "quick")).allSatisfy { $0.late == 0 })
        }
    }

    @Test("A host that served the target from the start counts as converged, and in no time")
    func servedFromStart() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(
                daysAgo: 1, verdict: .converged,
                hosts: [("a", .converged(30)), ("b", .servedFromStart), ("c", .servedFromStart), ("d", .converged(40))])
            let service = try #require(try await services(history).first)
            #expect(service.secondsToConverge == .init(p50: 30, p95: 40, max: 40))
            #expect(service.hosts.converged == 4)
            #expect(service.hosts.servedFromStart == 2)
            let found = try await hosts(history)
            #expect(found.filter { $0.servedFromStart == 1 }.map(\.host) == ["b", "c"])
            #expect(found.allSatisfy { $0.late == 0 && $0.converged == 1 })
        }
    }

    @Test("The polling interval makes no host late")
    func interval() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(
                daysAgo: 1, verdict: .converged,
                hosts: [("a", .converged(0.5)), ("b", .converged(0.5)), ("c", .converged(2.5)), ("d", .converged(2.6))])
            #expect(try await hosts(history).filter { $0.late > 0 }.map(\.host) == ["d"])
        }
    }

    /// Verdicts, the time that the verification took, whether it stalled, and whether hosts that were behind were late.
    private static let endings: [(Verdict, took: Double, stalled: Bool, late: Int)] = [
        (.failedDeploy, 7, false, 0), (.failedDeploy, 599, false, 0), (.failedDeploy, 600, false, 1),
        (.failedDeploy, 200, true, 1), (.rolledBack, 7, false, 0), (.rolledBack, 600.1, false, 1),
        (.identityConflict, 7, false, 0), (.stragglers, 600, false, 1), (.stalled, 200, true, 1),
    ]

    @Test(
        "A host that a failure cut off before the deadline is not late; one that had all its time is",
        arguments: endings)
    func cutOff(ending: (verdict: Verdict, took: Double, stalled: Bool, late: Int)) async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(
                daysAgo: 1, verdict: ending.verdict, took: ending.took, stalled: ending.stalled,
                hosts: [
                    ("a", .ended(.failed)), ("b", .ended(.pending)), ("c", .ended(.soaking)),
                    ("d", .ended(.unreachable)),
                ])
            let found = Dictionary(uniqueKeysWithValues: try await hosts(history).map { ($0.host, $0) })
            #expect(found["a"]?.failed == 1)
            #expect(found["b"]?.late ?? 0 == ending.late)
            #expect(found["c"]?.late ?? 0 == ending.late)
            // Silence is a failure however early it ended.
            #expect(found["d"]?.failed == 1)
        }
    }

    private static let statuses: [(HostStatus, late: Int, failed: Int)] = HostStatus.allCases.map { status in
        switch status {
        case .straggler, .pending, .starting, .soaking, .flapping, .mixed: (status, 1, 0)
        case .conflict, .failed, .rolledBack, .unreachable, .agentError, .unverifiable, .missing: (status, 0, 1)
        case .ahead, .converged: (status, 0, 0)
        }
    }

    @Test("Each final status makes a host late, failed or neither", arguments: statuses)
    func status(status: HostStatus, late: Int, failed: Int) async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(daysAgo: 1, verdict: .stragglers, hosts: [("a", .ended(status))])
            let host = try #require(try await hosts(history).first)
            #expect(host.statuses == [status.rawValue: 1])
            #expect((host.late, host.failed) == (late, failed))
        }
    }

    @Test(
        "A verification that was cut short or is inconclusive counts against no host",
        arguments: [Verdict.superseded, .interrupted, .inconclusive, .emptyInventory, .inventoryShrunk])
    func cutShort(verdict: Verdict) async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(
                daysAgo: 1, verdict: verdict,
                hosts: [("a", .converged(3)), ("b", .ended(.pending)), ("c", .ended(.unreachable))])
            let found = try await hosts(history)
            #expect(found.map(\.host) == ["a"])
            #expect(found.first?.secondsToConverge?.max == 3)
            #expect(try await services(history).first?.verdicts == [verdict.rawValue: 1])
        }
    }

    @Test("A waived host is in no figure; one with an expired waiver is")
    func waived() async throws {
        try await withRecordedHistory { history, _ in
            func waiver(expired: Bool) -> Report.Host.Waived {
                .init(until: "2026-12-01T00:00:00Z", reason: "disk", by: nil, expired: expired)
            }
            try await history.add(
                daysAgo: 1, verdict: .stragglers,
                hosts: [
                    ("a", .converged(1)), ("b", .init(status: .unreachable, waiver: waiver(expired: false))),
                    ("c", .init(status: .unreachable, waiver: waiver(expired: true))),
                ])
            #expect(try await hosts(history).map(\.host) == ["c", "a"])
        }
    }

    @Test("Period, service, host and ending select the verifications")
    func filters() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(daysAgo: 40, verdict: .converged, hosts: [("a", .converged(40))])
            try await history.add(
                daysAgo: 5, verdict: .stragglers, hosts: [("a", .converged(5)), ("b", .converged(6))])
            try await history.add(daysAgo: 1, service: "web", verdict: .converged, hosts: [("a", .converged(1))])
            func times(_ filter: HistoryFilter) async throws -> [String: Double] {
                let found = try await hosts(history, filter)
                return Dictionary(uniqueKeysWithValues: found.map { ($0.host, $0.secondsToConverge?.max ?? -1) })
            }
            let month = LedgerFixtures.now.addingTimeInterval(-30 * 86_400)
            #expect(try await times(HistoryFilter()) == ["a": 40, "b": 6])
            #expect(try await times(HistoryFilter(since: month)) == ["a": 5, "b": 6])
            #expect(try await times(HistoryFilter(service: "web")) == ["a": 1])
            #expect(try await times(HistoryFilter(host: "b")) == ["b": 6])
            #expect(try await times(HistoryFilter(ending: .failed)) == ["a": 5, "b": 6])
            #expect(try await times(HistoryFilter(since: month, ending: .verdict(.converged))) == ["a": 1])
            #expect(try await services(history, HistoryFilter(host: "b")).map(\.verifications) == [1])
        }
    }

    @Test("The worst come first in the requested order, and equal ones by name")
    func order() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(
                daysAgo: 2, verdict: .failedDeploy,
                hosts: [
                    ("slow", .converged(90)), ("late", .ended(.straggler)), ("broken", .ended(.failed)),
                    ("b", .converged(60)), ("a", .converged(60)),
                ])
            try await history.add(
                daysAgo: 1, verdict: .stragglers, hosts: [("late", .ended(.straggler)), ("broken", .converged(1))])
            #expect(try await hosts(history).map(\.host) == ["broken", "late", "slow", "a", "b"])
            #expect(try await hosts(history, order: .late).map(\.host) == ["late", "broken", "slow", "a", "b"])
            #expect(try await hosts(history, order: .time).map(\.host) == ["slow", "a", "b", "broken", "late"])
        }
    }
}
