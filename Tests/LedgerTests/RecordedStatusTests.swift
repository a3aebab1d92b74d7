import ArgumentParser
import Foundation
import GRDB
import Shared
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Ledger
@testable import Reports
@testable import Verdict

/// Sweeps that `status --record` keeps.
@Suite("Recorded statuses")
struct RecordedStatusTests {
    /// A sweep's report.
    private func sweep(
        minutesAgo minutes: Double, service: String = "canvas", target: Character? = "1",
        source: String = "fleet.yaml", hash: String = "sha256:00",
        hosts: [(name: String, status: HostStatus, served: Character?)]
    ) throws -> Report {
        var run = LedgerFixtures.run(
            "s", service: service, sha: try target.map(LedgerFixtures.sha), hosts: hosts.map(\.name))
        run.inventory = .init(source: source, hash: hash, expected: hosts.count)
        var report = try LedgerFixtures.report(run, generation: nil, verdict: .inconclusive)
        report.verification.finishedAt = LedgerFixtures.now.addingTimeInterval(-minutes * 60).rfc3339
        report.hosts = try hosts.map { host in
            let isSilent = host.status.category == .unproven
            var recorded = Report.Host(
                name: host.name, url: "http://\(host.name)", labels: [:], status: host.status,
                reason: "seen \(minutes) minutes ago", gitSHA: try host.served.map(LedgerFixtures.sha),
                facts: HostFacts(
                    reach: isSilent ? .timeout : .ok, identity: .expected, build: .unknown, runtime: .unknown),
                attempts: 1, transitions: [])
            recorded.sweep = host.status == .soaking ? .onTarget : isSilent ? .noAnswer : .behind
            return recorded
        }
        return report
    }

    private func count(_ ledger: Ledger, _ table: String) async throws -> Int? {
        try await ledger.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") }
    }

    private func history(_ path: String, _ arguments: String...) async throws -> String {
        let command = try #require(
            try HistoryCommand.parseAsRoot(["--store", path] + arguments) as? HistoryCommand)
        return try await command.output(environment: [:], now: LedgerFixtures.now)
    }

    @Test("Only changes are stored, and each sweep")
    func changes() async throws {
        try await withRecordedHistory { history, _ in
            let ledger = history.ledger
            for minute in stride(from: 60.0, to: 0, by: -1) {
                let report = try sweep(
                    minutesAgo: minute,
                    hosts: [("a", .soaking, "1"), ("b", minute > 30 ? .pending : .soaking, minute > 30 ? "9" : "1")])
                let expected = minute == 60 ? 2 : minute == 30 ? 1 : 0
                #expect(try await ledger.record(status: report) == .recorded(changes: expected))
            }
            #expect(try await count(ledger, "status_sweeps") == 60)
            #expect(try await count(ledger, "status_changes") == 3)
            #expect(try await count(ledger, "status_contexts") == 1)
        }
    }

    @Test("The history of a host has one row for each state, with the sweeps that found it")
    func listed() async throws {
        try await withRecordedHistory { recorded, path in
            try await recorded.add(daysAgo: 0.03, build: "1", verdict: .converged, took: 20)
            for minute in [30.0, 20, 10] {
                let report = try sweep(
                    minutesAgo: minute, hosts: [("a", minute > 15 ? .soaking : .pending, minute > 15 ? "1" : "9")])
                _ = try await recorded.ledger.record(status: report)
            }
            #expect(
                try await history(path, "--host", "a") == """
                    ID               STARTED               ENDED                 SERVICE  VERDICT    STATUS     SERVED        TARGET            REASON
                    status           2026-11-23 11:50:00Z  2026-11-23 11:50:00Z  canvas   -          behind     999999999999  111111111111      seen 10.0 minutes ago
                    status, 2 times  2026-11-23 11:30:00Z  2026-11-23 11:40:00Z  canvas   -          on target  111111111111  111111111111      seen 30.0 minutes ago
                    1                2026-11-23 11:16:48Z  2026-11-23 11:17:08Z  canvas   converged  converged  111111111111  111111111111 (1)  it did

                    """)
            let limited = try await history(path, "--host", "a", "--limit", "2")
            #expect(limited.split(separator: "\n").count == 4)
            #expect(limited.contains("… and 1 more verifications and statuses"))
            let csv = try await history(path, "--host", "a", "--format", "csv").split(separator: "\r\n")
            let columns = csv.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }
            #expect(csv.count == 4 && Set(columns).count == 1)
            let since = try await history(path, "--host", "a", "--since", "15m", "--format", "json")
            #expect(since.contains(#""sweeps" : 1"#) && !since.contains(#""sweeps" : 2"#))
            #expect(since.contains(#""left_out" : 0"#))
            // Both words, for programs.
            #expect(since.contains(#""status" : "pending""#) && since.contains(#""sweep" : "behind""#))
            #expect(
                csv.map { String($0.split(separator: ",", omittingEmptySubsequences: false).last ?? "") }
                    == ["host_sweep", "behind", "on_target", ""])
        }
    }

    @Test("A host of which only the command's word changed has a new row")
    func words() async throws {
        try await withRecordedHistory { recorded, path in
            for (minute, word) in [(30.0, SweepStatus.starting), (20, .onTarget), (10, .onTarget)] {
                var report = try sweep(minutesAgo: minute, hosts: [("a", .soaking, "1")])
                report.hosts[0].sweep = word
                _ = try await recorded.ledger.record(status: report)
            }
            let rows = try await history(path, "--host", "a").split(separator: "\n").dropFirst()
            #expect(rows.count == 2)
            #expect(rows.first?.contains("on target") == true && rows.last?.contains("starting") == true)
            #expect(!rows.joined().contains("soaking"))
        }
    }

    @Test("A moment is answered by the sweeps around it")
    func moment() async throws {
        try await withRecordedHistory { recorded, path in
            for minute in [30.0, 29, 28, 10] {
                let report = try sweep(
                    minutesAgo: minute, hosts: [("a", minute > 20 ? .soaking : .pending, minute > 20 ? "1" : "9")])
                _ = try await recorded.ledger.record(status: report)
            }
            #expect(
                try await history(path, "--host", "a", "--at", "today 11:31:30Z") == """
                    a (canvas) at 2026-11-23 11:31:30Z: served 111111111111, seen before and after
                      before       2026-11-23 11:31:00Z, 30s earlier: served 111111111111, on target, recorded status
                      after        2026-11-23 11:32:00Z, 30s later: served 111111111111, on target, recorded status

                    """)
            let gap = try await history(path, "--host", "a", "--at", "today 11:40Z")
            #expect(
                gap.hasPrefix(
                    "a (canvas) at 2026-11-23 11:40:00Z: unknown: nothing was recorded between 2026-11-23 11:32:00Z and "
                        + "2026-11-23 11:50:00Z\n"))
            // To the moment: an observation at it is one before.
            let exact = try await history(path, "--host", "a", "--at", "today 11:32Z", "--format", "json")
            #expect(exact.contains(#""at" : "2026-11-23T11:32:00.000Z""#))
            #expect(exact.contains(#""sweep" : "on_target""#) && exact.contains(#""status" : "soaking""#))
            let csv = try await history(path, "--at", "today 11:32Z", "--format", "csv")
            #expect(csv.contains("before_sweep,after_sweep\r\n") && csv.hasSuffix(",on_target,behind\r\n"), "\(csv)")
            #expect(try await history(path, "--at", "10m").contains("a     999999999999"))
            #expect(
                try await history(path, "--at", "now", "--host", "a").contains("served 999999999999 when last seen"))
        }
    }

    @Test("A host that leaves the inventory, or that another inventory lists, is not taken for unchanged")
    func left() async throws {
        try await withRecordedHistory { recorded, _ in
            let ledger = recorded.ledger
            let both: [(String, HostStatus, Character?)] = [("a", .soaking, "1"), ("b", .soaking, "1")]
            _ = try await ledger.record(status: try sweep(minutesAgo: 40, hosts: both))
            let one = try sweep(minutesAgo: 30, hash: "sha256:01", hosts: [("a", .soaking, "1")])
            #expect(try await ledger.record(status: one) == .recorded(changes: 1))
            // Another inventory of the service is a series of its own.
            let other = try sweep(minutesAgo: 20, source: "other.yaml", hosts: [("c", .soaking, "2")])
            #expect(try await ledger.record(status: other) == .recorded(changes: 1))
            let moment = LedgerFixtures.now.addingTimeInterval(-15 * 60)
            let answers = try await ledger.moments(at: moment)
            #expect(answers.map(\.host) == ["a", "c"])
            let gone = try #require(try await ledger.moments(at: moment, host: "b").first)
            #expect(gone.finding == .lastKnown)
            #expect(gone.before?.at == LedgerFixtures.now.addingTimeInterval(-40 * 60).rfc3339)
            // It comes back.
            _ = try await ledger.record(status: try sweep(minutesAgo: 10, hosts: both))
            let back = try #require(try await ledger.moments(at: moment, host: "b").first)
            #expect(back.finding == .unchanged)
            #expect(back.after?.at == LedgerFixtures.now.addingTimeInterval(-10 * 60).rfc3339)
        }
    }

    @Test("A host without an answer has no build, and its last one is named")
    func silent() async throws {
        try await withRecordedHistory { recorded, _ in
            for (minute, status, served) in [
                (30.0, HostStatus.soaking, "1" as Character?), (20, .soaking, "1"), (10, .unreachable, nil),
            ] {
                _ = try await recorded.ledger.record(
                    status: try sweep(minutesAgo: minute, hosts: [("a", status, served)]))
            }
            let answer = try #require(
                try await recorded.ledger.moments(at: LedgerFixtures.now, host: "a").first)
            #expect(answer.finding == .lastKnown)
            #expect(answer.gitSHA == nil)
            #expect(answer.lastServed?.at == LedgerFixtures.now.addingTimeInterval(-20 * 60).rfc3339)
        }
    }

    @Test("A sweep that ended before the last recorded one is left out")
    func outdated() async throws {
        try await withRecordedHistory { recorded, _ in
            _ = try await recorded.ledger.record(status: try sweep(minutesAgo: 10, hosts: [("a", .soaking, "1")]))
            let late = try sweep(minutesAgo: 11, hosts: [("a", .pending, "9")])
            #expect(try await recorded.ledger.record(status: late) == .outdated)
            #expect(try await count(recorded.ledger, "status_changes") == 1)
        }
    }

    @Test("A status is no verification, no promotion, no proof, and no inventory to compare with")
    func nothingElse() async throws {
        try await withRecordedHistory { recorded, path in
            let ledger = recorded.ledger
            try await recorded.add(
                daysAgo: 1, verdict: .converged, hosts: [("a", .converged(1)), ("b", .converged(1))])
            let before = try await ledger.history(now: LedgerFixtures.now)
            _ = try await ledger.record(
                status: try sweep(minutesAgo: 5, target: "7", hosts: [("a", .soaking, "7")]))
            #expect(try await ledger.history(now: LedgerFixtures.now) == before)
            #expect(try await ledger.promotions(of: "canvas").map(\.generation) == [1])
            #expect(try await ledger.previousExpected(of: "canvas") == 2)
            #expect(try await ledger.converged(on: 1, of: "canvas").count == 2)
            let statistics = try await ledger.statistics(HistoryFilter(), by: .service, now: LedgerFixtures.now)
            #expect(statistics.verifications == 1)
            #expect(
                try await history(path, "--host", "a", "--failed")
                    == "no failed verification with host 'a' is recorded\n")
            let check = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
            #expect(check.isFine, "\(check.text())")
        }
    }

    @Test("Pruning removes old sweeps, and keeps the states that later ones rest on")
    func pruned() async throws {
        try await withRecordedHistory { recorded, path in
            let ledger = recorded.ledger
            for minute in stride(from: 100.0, through: 10, by: -10) {
                let served: Character = minute > 75 ? "1" : minute > 45 ? "2" : "3"
                _ = try await ledger.record(
                    status: try sweep(minutesAgo: minute, hosts: [("a", .soaking, served), ("b", .soaking, "1")]))
            }
            let retention = LedgerRetention(age: .seconds(35 * 60))
            #expect(try await ledger.pruneable(retention, now: LedgerFixtures.now).statuses == 7)
            let pruned = try await ledger.prune(retention, now: LedgerFixtures.now)
            #expect(pruned.statuses == 7)
            #expect(pruned.text().contains("and 7 recorded statuses"))
            #expect(try await count(ledger, "status_sweeps") == 3)
            // One state of each host.
            #expect(try await count(ledger, "status_changes") == 2)
            let answer = try #require(
                try await ledger.moments(at: LedgerFixtures.now.addingTimeInterval(-25 * 60), host: "b").first)
            #expect(answer.finding == .unchanged)
            // The last sweep stays at any age.
            _ = try await ledger.prune(LedgerRetention(age: .zero), now: LedgerFixtures.now)
            #expect(try await count(ledger, "status_sweeps") == 1)
            #expect(
                try await ledger.moments(at: LedgerFixtures.now, host: "a").first?.gitSHA == LedgerFixtures.sha("3"))
            let check = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
            #expect(check.isFine, "\(check.text())")
        }
    }

    @Test("A day of sweeps each minute stays small, and a sweep takes no longer at its end")
    func growth() async throws {
        try await withRecordedHistory { recorded, path in
            let names = (0..<40).map { "host-\($0)" }
            for minute in stride(from: 1_440.0, to: 0, by: -1) {
                // Ten deploys a day, which every host serves within the minute.
                let served: Character = Int(minute / 144) % 2 == 0 ? "1" : "2"
                _ = try await recorded.ledger.record(
                    status: try sweep(minutesAgo: minute, hosts: names.map { ($0, .soaking, served) }))
            }
            #expect(try await count(recorded.ledger, "status_sweeps") == 1_440)
            let changes = try #require(try await count(recorded.ledger, "status_changes"))
            #expect(changes <= 11 * names.count)
            try await recorded.ledger.close()
            let bytes = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            #expect(bytes < 1 << 20, "\(bytes)")
        }
    }
}
