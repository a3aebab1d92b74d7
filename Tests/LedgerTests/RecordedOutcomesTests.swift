import Foundation
import GRDB
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("The outcomes of hosts that statistics read")
struct RecordedOutcomesTests {
    private func decoded(_ bytes: [UInt8]) throws -> [RecordedOutcome] {
        var outcomes: [RecordedOutcome] = []
        try bytes.withUnsafeBytes { bytes in
            try RecordedOutcomes.forEach(in: bytes) { index, outcome in
                #expect(index == outcomes.count)
                outcomes.append(outcome)
            }
        }
        return outcomes
    }

    /// Rows of `host_outcomes` and of `host_lists`.
    private func counts(_ ledger: Ledger) async throws -> [Int] {
        try await ledger.read { db in
            try ["host_outcomes", "host_lists"].map { try Int.fetchOne(db, sql: "SELECT count(*) FROM \($0)") ?? -1 }
        }
    }

    private func expectFine(_ path: String) async throws {
        let result = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
        #expect(result.isFine, "\(result.text())")
    }

    // MARK: - Form

    @Test("Every status has a number, and the numbers that ledgers contain stay")
    func numbers() {
        #expect(Set(RecordedOutcomes.statuses) == Set(HostStatus.allCases))
        #expect(RecordedOutcomes.statuses.count == HostStatus.allCases.count)
        #expect(RecordedOutcomes.statuses.count <= 32)
        #expect(
            RecordedOutcomes.statuses.prefix(15).map(\.rawValue) == [
                "converged", "straggler", "unreachable", "failed", "rolled_back", "conflict", "agent_error",
                "unverifiable", "missing", "mixed", "ahead", "pending", "starting", "flapping", "soaking",
            ])
    }

    private static let times: [Double?] = [
        nil, 0, 0.001, 0.127, 0.128, 1.1, 16.383, 16.384, 59.999, 86_400, 999_999_999.999, 1.1 * 3, 0.1 + 0.2, .pi, -1,
        -0.0, 1e300, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .infinity, 1e15,
    ]

    @Test("Every status and time is read as it was written, to the last bit")
    func exact() throws {
        var expected: [RecordedOutcome] = []
        var outcomes = RecordedOutcomes()
        for status in HostStatus.allCases {
            for seconds in Self.times {
                for isGated in [true, false] {
                    expected.append(RecordedOutcome(status: status, seconds: seconds, isGated: isGated))
                    outcomes.add("host-\(expected.count)", labels: nil, expected[expected.count - 1])
                }
            }
        }
        #expect(outcomes.isStorable)
        let actual = try decoded(outcomes.outcomes)
        #expect(actual == expected)
        #expect(actual.map(\.seconds?.bitPattern) == expected.map(\.seconds?.bitPattern))
    }

    @Test("Random times of all lengths are read as they were written", arguments: 0..<20)
    func random(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        var outcomes = RecordedOutcomes()
        let expected = (0..<500).map { number in
            let milliseconds = Double(random.next() >> UInt64(random.pick(1, 63)))
            let seconds = random.chance(80) ? milliseconds / 1_000 : Double(bitPattern: random.next())
            let outcome = RecordedOutcome(
                status: random.pick(from: HostStatus.allCases), seconds: seconds.isNaN ? nil : seconds,
                isGated: random.chance(50))
            outcomes.add("host-\(number)", labels: nil, outcome)
            return outcome
        }
        #expect(try decoded(outcomes.outcomes) == expected)
    }

    @Test("A time in milliseconds takes at most four bytes within half an hour")
    func size() throws {
        var outcomes = RecordedOutcomes()
        for number in 0..<1_800 {
            outcomes.add(
                "h", labels: nil, RecordedOutcome(status: .converged, seconds: Double(number) + 0.123, isGated: true))
        }
        #expect(outcomes.outcomes.count <= 1_800 * 4)
    }

    @Test("Outcomes that end early, or are of an unknown form, are damage and not a crash", arguments: 0..<20)
    func damaged(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        #expect(throws: DatabaseError.self) { try decoded([1 << 6]) }
        #expect(throws: DatabaseError.self) { try decoded([1 << 6, 0x80]) }
        #expect(throws: DatabaseError.self) { try decoded([1 << 7, 1, 2, 3, 4, 5, 6, 7]) }
        #expect(throws: DatabaseError.self) { try decoded([3 << 6, 1, 2, 3, 4, 5, 6, 7, 8]) }
        #expect(throws: DatabaseError.self) { try decoded([31]) }
        for _ in 0..<200 {
            let bytes = (0..<random.pick(0, 40)).map { _ in UInt8(random.pick(0, 255)) }
            // Whatever the bytes are, reading them ends.
            do { _ = try decoded(bytes) } catch let error as DatabaseError {
                #expect(error.resultCode == .SQLITE_CORRUPT)
            }
        }
    }

    @Test("A list keeps names and labels, and hosts without labels after hosts with some")
    func lists() {
        let hosts: [(String, String?)] = [
            ("a", nil), ("b", #"{"zone":"eu"}"#), ("c", #"{"zone":"eu"}"#), ("d", nil), ("{e}", #"{"zone":"ü"}"#),
        ]
        var outcomes = RecordedOutcomes()
        for (name, labels) in hosts {
            outcomes.add(name, labels: labels, RecordedOutcome(status: .converged, seconds: nil, isGated: true))
        }
        let list = HostList(String(decoding: outcomes.hosts, as: UTF8.self)).hosts
        #expect(list.map(\.name) == hosts.map(\.0))
        #expect(list.map(\.labels) == hosts.map(\.1))
    }

    @Test(
        "A name or label that is not on one line is not stored, but read from the rows",
        arguments: ["a\nb", "a\tb", ""])
    func unusual(name: String) async throws {
        try await withRecordedHistory { history, path in
            try await history.add(
                daysAgo: 1, verdict: .converged, hosts: [(name, .converged(2)), ("z", .converged(3))])
            #expect(try await counts(history.ledger) == [0, 0])
            let hosts = try await history.ledger.statistics(HistoryFilter(), by: .host, now: LedgerFixtures.now)
                .hosts(.time, limit: 9)
            #expect(hosts.map(\.host) == ["z", name])
            try await expectFine(path)
        }
    }

    // MARK: - In the ledger

    @Test("Verifications of the same hosts share their list; another host, order or label makes another list")
    func shared() async throws {
        try await withRecordedHistory { history, path in
            let hosts: [(String, RecordedHistory.Result)] = [("a", .converged(1)), ("b", .ended(.straggler))]
            try await history.add(daysAgo: 5, verdict: .stragglers, hosts: hosts)
            try await history.add(daysAgo: 4, service: "web", verdict: .converged, hosts: hosts)
            #expect(try await counts(history.ledger) == [2, 1])
            try await history.add(daysAgo: 3, verdict: .stragglers, hosts: hosts.reversed())
            #expect(try await counts(history.ledger) == [3, 2])
            var labelled = hosts
            labelled[0].1.labels = ["zone": "eu"]
            try await history.add(daysAgo: 2, verdict: .stragglers, hosts: labelled)
            #expect(try await counts(history.ledger) == [4, 3])
            try await expectFine(path)
        }
    }

    @Test("An end that is recorded again, with other results, replaces the outcomes")
    func again() async throws {
        try await withRecordedHistory { history, path in
            try await history.add(
                daysAgo: 1, verdict: .stragglers, hosts: [("a", .converged(1)), ("b", .ended(.failed))])
            var report = try await history.ledger.report("1", now: LedgerFixtures.now)
            for index in report.hosts.indices {
                report.hosts[index].status = .converged
                report.hosts[index].secondsToConverge = 7
            }
            try await history.ledger.finish(report)
            let hosts = try await history.ledger.statistics(HistoryFilter(), by: .host, now: LedgerFixtures.now)
                .hosts(.time, limit: 9)
            #expect(hosts.map(\.secondsToConverge?.max) == [7, 7])
            #expect(hosts.map(\.failed) == [0, 0])
            #expect(try await counts(history.ledger) == [1, 1])
            try await expectFine(path)
        }
    }

    @Test("If an end lacks a host that an earlier end had, statistics read the rows")
    func fewer() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(daysAgo: 1, verdict: .converged, hosts: [("a", .converged(1)), ("b", .converged(2))])
            var report = try await history.ledger.report("1", now: LedgerFixtures.now)
            report.hosts.removeLast()
            try await history.ledger.finish(report)
            #expect(try await counts(history.ledger)[0] == 0)
            let hosts = try await history.ledger.statistics(HistoryFilter(), by: .host, now: LedgerFixtures.now)
            #expect(hosts.count == 2)
        }
    }

    @Test("An older collector that records an end again leaves no outdated outcomes")
    func olderWriter() async throws {
        try await withRecordedHistory { history, path in
            try await history.add(daysAgo: 1, verdict: .converged, hosts: [("a", .converged(1))])
            #expect(try await counts(history.ledger) == [1, 1])
            // The statements of schema 8.
            let older = try DatabaseQueue(path: path)
            try await older.write { db in
                try db.execute(
                    sql: "UPDATE verifications SET state = 'finished', verdict = 'stragglers' WHERE number = 1")
                try db.execute(
                    sql: "UPDATE hosts SET label = 'straggler', seconds_to_converge = NULL WHERE verification = 1")
            }
            #expect(try await counts(history.ledger) == [0, 1])
            let hosts = try await history.ledger.statistics(HistoryFilter(), by: .host, now: LedgerFixtures.now)
                .hosts(.time, limit: 9)
            #expect(hosts.map(\.statuses) == [["straggler": 1]])
            try await expectFine(path)
        }
    }

    private static let changes = [
        "UPDATE hosts SET label = 'failed' WHERE verification = 2 AND name = 'b'",
        "UPDATE hosts SET seconds_to_converge = 1.0005 WHERE verification = 2 AND name = 'a'",
        "UPDATE hosts SET waived = NULL WHERE verification = 2 AND name = 'c'",
        "UPDATE hosts SET labels = NULL WHERE verification = 2 AND name = 'a'",
        "UPDATE hosts SET name = 'x' WHERE verification = 2 AND name = 'a'",
        "DELETE FROM hosts WHERE verification = 2 AND name = 'b'",
        "UPDATE host_outcomes SET outcomes = x'00' WHERE verification = 2",
        "UPDATE host_outcomes SET outcomes = outcomes || x'00' WHERE verification = 2",
        "UPDATE host_outcomes SET list = 1 WHERE verification = 2",
        "UPDATE host_lists SET hosts = hosts || 'd' || char(10) WHERE number = 2",
    ]

    @Test("'ledger check' finds outcomes that differ from the rows", arguments: changes)
    func check(change: String) async throws {
        try await withRecordedHistory { history, path in
            func labelled(_ result: RecordedHistory.Result) -> RecordedHistory.Result {
                var result = result
                result.labels = ["zone": "eu"]
                return result
            }
            try await history.add(daysAgo: 2, verdict: .converged, hosts: [("a", .converged(1))])
            try await history.add(
                daysAgo: 1, verdict: .stragglers,
                hosts: [
                    ("a", labelled(.converged(1))), ("b", .ended(.straggler)),
                    (
                        "c",
                        .init(
                            status: .unreachable,
                            waiver: .init(until: "2026-12-01T00:00:00Z", reason: "r", expired: false))
                    ),
                ])
            try await history.ledger.close()
            try await expectFine(path)
            try tamper(path, change)
            let result = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
            let finding = result.findings.first { $0.text.contains("statistics") }
            #expect(finding?.kind == .contradiction, "\(result.text())")
            #expect(finding?.text.hasSuffix(": 2") == true)
        }
    }

    @Test("Pruning removes the outcomes of removed verifications, and the lists that no other has")
    func pruned() async throws {
        try await withRecordedHistory { history, path in
            try await history.add(daysAgo: 100, verdict: .stragglers, hosts: [("old", .ended(.straggler))])
            try await history.add(daysAgo: 99, verdict: .stragglers, hosts: [("a", .converged(5))])
            try await history.add(daysAgo: 1, verdict: .converged, hosts: [("a", .converged(1))])
            #expect(try await counts(history.ledger) == [3, 2])
            _ = try await history.ledger.prune(LedgerRetention(age: .seconds(86_400) * 30), now: LedgerFixtures.now)
            #expect(try await counts(history.ledger) == [1, 1])
            let hosts = try await history.ledger.statistics(HistoryFilter(), by: .host, now: LedgerFixtures.now)
                .hosts(.time, limit: 9)
            #expect(hosts.map(\.host) == ["a"])
            #expect(hosts.map(\.secondsToConverge?.max) == [1])
            try await expectFine(path)
        }
    }

    @Test("A backup and a restored ledger have the same statistics")
    func backup() async throws {
        try await withRecordedHistory { history, path in
            for number in 0..<5 {
                try await history.add(
                    daysAgo: Double(number), verdict: .stragglers,
                    hosts: [("a", .converged(Double(number))), ("b", .ended(.straggler))])
            }
            func rows(_ ledger: Ledger) async throws -> [HistoryStatistics.Host] {
                try await ledger.statistics(HistoryFilter(), by: .host, now: LedgerFixtures.now).hosts(.late, limit: 9)
            }
            let expected = try await rows(history.ledger)
            _ = try await Ledger.backUp(path: path, to: path + ".copy", replaces: false, now: LedgerFixtures.now)
            let copy = try await Ledger.open(path: path + ".copy", for: .reading)
            #expect(try await rows(copy) == expected)
            #expect(try await counts(copy) == [5, 1])
            try await expectFine(path + ".copy")
        }
    }

    @Test("A ledger of each older schema has the outcomes of all its ends after the upgrade", arguments: 1..<9)
    func upgraded(version: Int) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        try OldLedger.make(version: version, at: path)
        let ledger = try await Ledger.open(path: path, for: .reading)
        let missing = try await ledger.read { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM verifications
                    WHERE state = 'finished' AND number NOT IN (SELECT verification FROM host_outcomes)
                    """)
        }
        #expect(missing == 0)
        #expect(try await counts(ledger) == [1, 1])
        let hosts = try await ledger.statistics(HistoryFilter(), by: .host, now: LedgerFixtures.now).hosts(
            .time, limit: 5)
        #expect(hosts.map(\.secondsToConverge?.max) == [2.5, 1.5])
        try await expectFine(path)
    }
}
