import ArgumentParser
import CollectorSupport
import Foundation
import Shared
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

/// The question "what did this host serve then?".
@Suite("What hosts served at a moment")
struct HostMomentTests {
    /// - Parameter daysAgo: before ``LedgerFixtures/now``, which is 2026-11-23T12:00:00Z.
    private func moments(
        _ history: RecordedHistory, daysAgo: Double, host: String? = "a", service: String? = nil,
        environment: EnvironmentName? = nil
    ) async throws -> [HostMoment] {
        try await history.ledger.moments(
            at: LedgerFixtures.now.addingTimeInterval(-daysAgo * 86_400), host: host, service: service,
            environment: environment)
    }

    private func text(_ path: String, _ arguments: String...) async throws -> String {
        let command = try #require(
            try HistoryCommand.parseAsRoot(["--store", path] + arguments) as? HistoryCommand)
        return try await command.output(environment: [:], now: LedgerFixtures.now)
    }

    @Test("Within a proof, the build is proven; between two that agree, it was seen before and after")
    func proven() async throws {
        try await withRecordedHistory { history, path in
            let hosts: [(String, RecordedHistory.Result)] = [("a", .converged(60))]
            try await history.add(daysAgo: 3, build: "1", verdict: .converged, took: 600, hosts: hosts)
            try await history.add(daysAgo: 2, build: "1", verdict: .converged, took: 600, hosts: hosts)
            let within = try #require(try await moments(history, daysAgo: 3 - 300 / 86_400).first)
            #expect(within.finding == .proven)
            #expect(within.gitSHA == (try LedgerFixtures.sha("1")))
            #expect(within.before?.at == "2026-11-20T12:01:00.000Z")
            #expect(within.after?.at == "2026-11-20T12:09:59.000Z")
            let between = try #require(try await moments(history, daysAgo: 2.5).first)
            #expect(between.finding == .unchanged)
            #expect(between.gitSHA == (try LedgerFixtures.sha("1")))
            #expect(
                try await text(path, "--host", "a", "--at", "2026-11-20T12:05Z") == """
                    a (canvas) at 2026-11-20 12:05:00Z: served 111111111111, proven by verification 1
                      before       2026-11-20 12:01:00Z, 4m 0s earlier: served 111111111111, converged, verification 1
                      after        2026-11-20 12:09:59Z, 4m 59s later: served 111111111111, converged, verification 1

                    """)
        }
    }

    @Test("Before its time to converge, a host was not on the target yet")
    func converging() async throws {
        try await withRecordedHistory { history, path in
            try await history.add(
                daysAgo: 3, build: "1", verdict: .converged, took: 600, hosts: [("a", .servedFromStart)])
            try await history.add(
                daysAgo: 2, build: "2", verdict: .converged, took: 600, hosts: [("a", .converged(120))])
            let early = try #require(try await moments(history, daysAgo: 2 - 60 / 86_400).first)
            #expect(early.finding == .changed)
            #expect(early.gitSHA == nil)
            #expect(early.before?.gitSHA == (try LedgerFixtures.sha("1")))
            #expect(early.after?.at == "2026-11-21T12:02:00.000Z")
            // A host that served the target from the start was proven to from the start.
            let start = try #require(try await moments(history, daysAgo: 3 - 1 / 86_400).first)
            #expect(start.finding == .proven)
            #expect(
                try await text(path, "--host", "a", "--at", "saturday 12:01Z") == """
                    a (canvas) at 2026-11-21 12:01:00Z: unknown: nothing was recorded between 2026-11-20 12:09:59Z and \
                    2026-11-21 12:02:00Z
                      before       2026-11-20 12:09:59Z, 23h 51m earlier: served 111111111111, converged, verification 1
                      after        2026-11-21 12:02:00Z, 1m 0s later: served 222222222222, converged, verification 2

                    """)
        }
    }

    @Test(
        "What standing checks saw holds until a host was last seen so, and nothing is known from then to its next change"
    )
    func standing() async throws {
        try await withRecordedHistory { history, path in
            func time(_ minutesAgo: Double) -> String {
                LedgerFixtures.now.addingTimeInterval(-minutesAgo * 60).rfc3339
            }
            func change(
                _ minutesAgo: Double, after: Double?, _ status: HostStatus?, _ build: Character, isServed: Bool = true
            ) throws -> StandingChange {
                StandingChange(
                    service: "canvas", host: "a", at: time(minutesAgo), notBefore: after.map(time), status: status,
                    finding: "f", gitSHA: try LedgerFixtures.sha(build), isServed: isServed)
            }
            try await history.ledger.record(
                [
                    change(100, after: nil, .converged, "1"), change(60, after: 80, .converged, "2"),
                    change(40, after: 41, .unreachable, "2", isServed: false), change(20, after: 21, .converged, "2"),
                    change(5, after: 6, nil, "2", isServed: false),
                ], seen: ["canvas": time(1)])
            func moment(_ minutesAgo: Double, host: String? = "a") async throws -> HostMoment? {
                try await moments(history, daysAgo: minutesAgo / 1_440, host: host).first
            }
            let within = try #require(try await moment(90))
            #expect(within.finding == .unchanged)
            #expect(within.gitSHA == (try LedgerFixtures.sha("1")))
            #expect(within.before?.at == time(100) && within.after?.at == time(80))
            // The service did not run.
            let between = try #require(try await moment(70))
            #expect(between.finding == .changed && between.gitSHA == nil)
            #expect(between.before?.at == time(80) && between.after?.at == time(60))
            let silent = try #require(try await moment(30))
            #expect(silent.gitSHA == nil && silent.before?.hasBuild == false)
            #expect(silent.lastServed?.at == time(41))
            let removed = try #require(try await moment(2))
            #expect(removed.finding == .lastKnown && removed.before?.at == time(6))
            #expect(try await moment(110)?.finding == .firstKnown)
            #expect(try await moment(50, host: nil)?.host == "a")
            #expect(try await moment(2, host: nil) == nil, "it is not listed then")
            #expect(
                try await text(path, "--host", "a", "--at", "2026-11-23T10:30Z") == """
                    a (canvas) at 2026-11-23 10:30:00Z: served 111111111111, seen before and after
                      before       2026-11-23 10:20:00Z, 10m 0s earlier: served 111111111111, converged, standing check
                      after        2026-11-23 10:40:00Z, 10m 0s later: served 111111111111, converged, standing check

                    """)
        }
    }

    @Test("At the edges of what is recorded, the answer says so")
    func edges() async throws {
        try await withRecordedHistory { history, path in
            try await history.add(
                daysAgo: 3, build: "1", verdict: .stragglers, took: 60,
                hosts: [("a", .init(status: .straggler, served: "9"))])
            let before = try #require(try await moments(history, daysAgo: 4).first)
            #expect(before.finding == .firstKnown)
            #expect(before.gitSHA == nil && before.before == nil)
            let after = try #require(try await moments(history, daysAgo: 1).first)
            #expect(after.finding == .lastKnown)
            // What it served, not what it should have served.
            #expect(after.gitSHA == (try LedgerFixtures.sha("9")))
            #expect(try await moments(history, daysAgo: 1, host: "b").isEmpty)
            #expect(
                try await text(path, "--host", "b", "--at", "1d")
                    == "no verification with host 'b' or status is recorded\n")
            let last = try await text(path, "--host", "a", "--at", "1d")
            #expect(
                last.hasPrefix(
                    "a (canvas) at 2026-11-22 12:00:00Z: served 999999999999 when last seen; nothing was recorded"))
            let first = try await text(path, "--host", "a", "--at", "4d")
            #expect(
                first.hasPrefix(
                    "a (canvas) at 2026-11-19 12:00:00Z: unknown: nothing was recorded before that\n  after "))
        }
    }

    @Test("A host that gave no answer is not taken to have served what it served before")
    func silent() async throws {
        try await withRecordedHistory { history, path in
            try await history.add(daysAgo: 4, build: "1", verdict: .converged, took: 60, hosts: [("a", .converged(5))])
            try await history.add(
                daysAgo: 3, build: "1", verdict: .unreachable, took: 60, hosts: [("a", .ended(.unreachable))])
            try await history.add(daysAgo: 2, build: "1", verdict: .converged, took: 60, hosts: [("a", .converged(5))])
            let moment = try #require(try await moments(history, daysAgo: 2.5).first)
            #expect(moment.finding == .changed)
            #expect(moment.gitSHA == nil)
            #expect(moment.before?.status == .unreachable)
            #expect(moment.lastServed?.verification == "1")
            #expect(
                try await text(path, "--host", "a", "--at", "60h").contains("\n  last answer  2026-11-19 12:00:59Z"))
        }
    }

    @Test("The build of a host that fell silent is of its last answer")
    func fellSilent() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(
                daysAgo: 3, build: "1", verdict: .unreachable, took: 60,
                hosts: [("a", .init(status: .unreachable, served: "8"))])
            let moment = try #require(try await moments(history, daysAgo: 2).first)
            #expect(moment.finding == .lastKnown)
            #expect(moment.before?.at == "2026-11-20T12:01:00.000Z")
            #expect(moment.before?.gitSHA == nil)
            #expect(moment.lastServed?.at == "2026-11-20T12:00:55.000Z")
            #expect(moment.lastServed?.gitSHA == (try LedgerFixtures.sha("8")))
        }
    }

    @Test("A verification that started earlier can be the one that ended last")
    func overlapping() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(
                daysAgo: 3, build: "1", verdict: .stragglers, took: 7_200, hosts: [("a", .ended(.straggler))])
            try await history.add(
                daysAgo: 3, build: "2", verdict: .stragglers, took: 60, hosts: [("a", .ended(.straggler))])
            let moment = try #require(try await moments(history, daysAgo: 2.5).first)
            #expect(moment.before?.verification == "1")
            let during = try #require(try await moments(history, daysAgo: 3 - 3_600 / 86_400).first)
            #expect(during.before?.verification == "2")
            #expect(during.after?.verification == "1")
        }
    }

    @Test("All hosts of the last whole inventory before the moment answer, by service and environment")
    func fleet() async throws {
        try await withRecordedHistory { history, path in
            let production = try #require(EnvironmentName("production"))
            try await history.add(
                daysAgo: 9, build: "1", verdict: .converged, took: 60,
                hosts: [("retired", .converged(1)), ("a", .converged(1))])
            try await history.add(
                daysAgo: 5, build: "2", verdict: .converged, took: 60,
                hosts: [("a", .converged(1)), ("b", .converged(1))])
            try await history.add(
                daysAgo: 5, environment: production, build: "3", verdict: .converged, took: 60,
                hosts: [("p", .converged(1))])
            try await history.add(
                daysAgo: 1, build: "2", verdict: .converged, took: 60,
                hosts: [("a", .converged(1)), ("b", .converged(1)), ("new", .converged(1))])
            #expect(try await moments(history, daysAgo: 2, host: nil).map(\.host) == ["a", "b", "p"])
            #expect(try await moments(history, daysAgo: 8, host: nil).map(\.host) == ["a", "retired", "p"])
            #expect(
                try await moments(history, daysAgo: 2, host: nil, environment: production).map(\.host) == ["p"])
            #expect(try await moments(history, daysAgo: 2, host: nil, service: "web").isEmpty)
            // Before the first inventory, its hosts are asked for.
            #expect(
                try await moments(history, daysAgo: 30, host: nil).map(\.finding) == [
                    .firstKnown, .firstKnown, .firstKnown,
                ])
            let table = try await text(path, "--at", "2d")
            #expect(
                table == """
                    at 2026-11-21 12:00:00Z: 222222222222 on 2 hosts, 333333333333 on 1 host
                    HOST  ENVIRONMENT  SERVED        BEFORE                                  AFTER
                    a     default      222222222222  222222222222 2d 23h earlier, converged  222222222222 1d 0h later, converged
                    b     default      222222222222  222222222222 2d 23h earlier, converged  222222222222 1d 0h later, converged
                    p     production   333333333333  333333333333 2d 23h earlier, converged  nothing recorded

                    """)
        }
    }

    @Test("Interrupted and refused verifications, and hosts outside of a selection, observed nothing")
    func unobserved() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(daysAgo: 4, build: "1", verdict: .converged, took: 60)
            try await history.add(daysAgo: 3, build: "2", verdict: nil)
            try await history.add(daysAgo: 2, build: "3", verdict: .inventoryShrunk, took: 1)
            let moment = try #require(try await moments(history, daysAgo: 1).first)
            #expect(moment.before?.verification == "1")
        }
    }

    @Test("As JSON and comma-separated values, the finding is a word and what is unknown is null or empty")
    func formats() async throws {
        try await withRecordedHistory { history, path in
            try await history.add(daysAgo: 4, build: "1", verdict: .converged, took: 60, hosts: [("=a", .converged(1))])
            let json = try await text(path, "--host", "=a", "--at", "1d", "--format", "json")
            #expect(json.contains(#""finding" : "last_known""#))
            #expect(json.contains(#""after" : null"#))
            #expect(json.contains(#""at" : "2026-11-22T12:00:00.000Z""#))
            let csv = try await text(path, "--at", "1d", "--format", "csv").split(separator: "\r\n")
            #expect(csv.count == 2)
            #expect(csv.last?.hasPrefix("'=a,canvas,default,2026-11-22T12:00:00.000Z,last_known,1111") == true)
            let columns = csv.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }
            #expect(Set(columns).count == 1)
        }
    }
}
