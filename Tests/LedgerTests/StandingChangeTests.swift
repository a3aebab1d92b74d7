import CollectorSupport
import Foundation
import GRDB
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Verdict

@Suite("Changes of hosts that standing checks saw")
struct StandingChangeTests {
    private static let canvas = DeployedService.canvas(in: "production")
    private static let day = Duration.seconds(86_400)

    private static func time(_ minutesAgo: Double) -> String {
        LedgerFixtures.now.addingTimeInterval(-minutesAgo * 60).rfc3339
    }

    /// A change of a host that serves a build, made of one digit.
    private static func change(
        _ minutesAgo: Double, of host: String = "a", after: Double? = nil, _ status: HostStatus? = .converged,
        serves build: Character = "1", isServed: Bool = true, in service: DeployedService = canvas
    ) throws -> StandingChange {
        StandingChange(
            service: service, host: host, at: time(minutesAgo), notBefore: after.map(time), status: status,
            finding: "serves \(build)", gitSHA: try LedgerFixtures.sha(build), digest: try LedgerFixtures.digest(build),
            isServed: isServed, isNewBuild: false, isRestart: true, instances: -7)
    }

    private func withLedger(_ body: (Ledger, String) async throws -> Void) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("ledger.db")
        let ledger = try await Ledger.open(path: path)
        try await body(ledger, path)
        let check = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
        #expect(check.isFine, "\(check.text())")
    }

    private func rows(_ ledger: Ledger, _ table: String) async throws -> Int {
        try await ledger.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") ?? 0 }
    }

    @Test("They are read as they were recorded, latest first, a page at a time, whatever the clock did")
    func read() async throws {
        try await withLedger { ledger, path in
            // The clock was set back before the last one.
            let changes = try [
                Self.change(50, serves: "1"), Self.change(40, after: 41, .unreachable, isServed: false),
                Self.change(30, .converged, serves: "2", in: "web"), Self.change(45, .soaking, serves: "2"),
            ]
            try await ledger.record(Array(changes.prefix(2)), seen: [Self.canvas: Self.time(39)])
            try await ledger.record(Array(changes.suffix(2)) + [try Self.change(1, of: "b")])
            try await ledger.close()
            let ledger = try await Ledger.open(path: path, for: .reading)
            let all = try await ledger.standingChanges(of: "a", limit: 10)
            #expect(all.changes == changes.reversed())
            #expect(all.next == nil)
            let first = try await ledger.standingChanges(of: "a", limit: 3)
            #expect(first.changes == Array(changes.reversed().prefix(3)))
            let rest = try await ledger.standingChanges(of: "a", limit: 3, after: first.next)
            #expect(rest.changes == [changes[0]] && rest.next == nil)
            let record = try await ledger.standingRecord(of: Self.canvas)
            #expect(record.hosts == ["a": changes[3], "b": try Self.change(1, of: "b")])
            #expect(record.seenUntil == Self.time(39))
            #expect(try await ledger.standingRecord(of: "web").hosts.keys.sorted() == ["a"])
            #expect(try await ledger.standingRecord(of: "other").hosts.isEmpty)
            try await ledger.close()
        }
    }

    @Test("A host that was removed from the inventory is not gone on with, and its end is in no list")
    func removed() async throws {
        try await withLedger { ledger, _ in
            try await ledger.record([
                Self.change(50), Self.change(40, after: 41, nil, isServed: false), Self.change(40, of: "b"),
            ])
            #expect(try await ledger.standingRecord(of: Self.canvas).hosts.keys.sorted() == ["b"])
            #expect(try await ledger.standingChanges(of: "a", limit: 10).changes.map(\.status) == [.converged])
        }
    }

    @Test("The last hundred of each host in each fleet are kept, so that a host that flaps displaces no other's")
    func bounded() async throws {
        try await withLedger { ledger, _ in
            try await ledger.record([Self.change(9_000, of: "quiet"), Self.change(9_000, in: "web")])
            for round in 0..<3 {
                try await ledger.record(
                    try (0..<70).map { index in
                        try Self.change(5_000 - Double(round * 70 + index), index % 2 == 0 ? .failed : .soaking)
                    })
            }
            let kept = try await ledger.standingChanges(of: "a", limit: 1_000).changes
            #expect(kept.count { $0.service == Self.canvas } == Ledger.standingChangesOfHost)
            #expect(kept.first?.at == Self.time(5_000 - 209))
            #expect(kept.contains { $0.service == "web" })
            #expect(try await ledger.standingChanges(of: "quiet", limit: 10).changes.count == 1)
        }
    }

    // MARK: - Pruning

    @Test("Old ones are removed, but not the last of a host that is still checked")
    func pruned() async throws {
        try await withLedger { ledger, path in
            let days = 1_440.0
            try await ledger.record(
                [
                    Self.change(200 * days, of: "old", serves: "3"), Self.change(150 * days, of: "old", serves: "4"),
                    Self.change(200 * days, of: "mixed"), Self.change(10 * days, of: "mixed"),
                    // The clock was set back after the first.
                    Self.change(10 * days, of: "back"), Self.change(200 * days, of: "back"),
                    Self.change(200 * days, of: "gone"), Self.change(150 * days, of: "gone", nil, isServed: false),
                    Self.change(200 * days, of: "other", in: "unchecked"),
                    Self.change(150 * days, of: "other", in: "unchecked"),
                ], seen: [Self.canvas: Self.time(days), "unchecked": Self.time(100 * days)])
            let retention = LedgerRetention(age: Self.day * 90)
            #expect(try await ledger.pruneable(retention, now: LedgerFixtures.now).changes == 6)
            let pruned = try await ledger.prune(retention, now: LedgerFixtures.now)
            #expect(pruned.changes == 6)
            #expect(pruned.text().contains(" and 6 changes of hosts"))
            let kept = try await ledger.read {
                try String.fetchAll($0, sql: "SELECT host FROM standing_changes ORDER BY number")
            }
            #expect(kept == ["old", "mixed", "back", "back"])
            #expect(try await rows(ledger, "standing_builds") == 2)
            #expect(try await ledger.standingRecord(of: Self.canvas).hosts["old"]?.gitSHA == LedgerFixtures.sha("4"))
            #expect(try await ledger.prune(retention, now: LedgerFixtures.now).changes == 0)
            let check = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
            #expect(check.text().contains("changes of hosts 4"))
        }
    }

    @Test("A host's last change is kept by its number, not by its time")
    func lastByNumber() async throws {
        try await withLedger { ledger, _ in
            let days = 1_440.0
            try await ledger.record(
                [Self.change(100 * days, serves: "1"), Self.change(200 * days, serves: "2")],
                seen: [Self.canvas: Self.time(1)])
            _ = try await ledger.prune(LedgerRetention(age: Self.day * 90), now: LedgerFixtures.now)
            #expect(
                try await ledger.standingChanges(of: "a", limit: 9).changes.map(\.gitSHA) == [LedgerFixtures.sha("2")])
        }
    }

    // MARK: - Commits

    @Test("A commit was seen from a host's first change to it until its next change, or until the fleet was last seen")
    func sightings() async throws {
        try await withLedger { ledger, _ in
            try await ledger.record(
                [
                    Self.change(50, of: "a", serves: "1"), Self.change(30, of: "a", after: 35, .straggler, serves: "2"),
                    // It answered last 26 minutes ago. What it served before that is not what it serves now.
                    Self.change(45, of: "b", serves: "1"),
                    Self.change(25, of: "b", after: 26, .unreachable, serves: "1", isServed: false),
                    Self.change(10, of: "b", after: 12, nil, serves: "1", isServed: false),
                    Self.change(20, of: "c", serves: "2"), Self.change(20, of: "d", serves: "3", in: "web"),
                ], seen: [Self.canvas: Self.time(5)])
            func observed(_ digit: String) async throws -> [CommitSighting.Observed?] {
                try await ledger.sightings(ofCommitsBeginningWith: String(repeating: digit, count: 7)).map(\.observed)
            }
            #expect(try await observed("1") == [.init(hosts: 2, firstSeen: Self.time(50), lastSeen: Self.time(26))])
            #expect(try await observed("2") == [.init(hosts: 2, firstSeen: Self.time(30), lastSeen: Self.time(5))])
            #expect(try await observed("3") == [.init(hosts: 1, firstSeen: Self.time(20), lastSeen: Self.time(20))])
            #expect(try await observed("4") == [])
        }
    }

    @Test("What was seen is apart from what was proven")
    func proven() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(daysAgo: 1, build: "1", verdict: .converged, hosts: [("a", .converged(1))])
            let before = try #require(try await history.ledger.sightings(ofCommitsBeginningWith: "1111111").first)
            #expect(before.observed == nil)
            try await history.ledger.record([
                try Self.change(10, of: "z", serves: "1", in: "canvas"),
                try Self.change(5, of: "z", serves: "1", in: "web"),
            ])
            let after = try await history.ledger.sightings(ofCommitsBeginningWith: "1111111")
            #expect(after.map(\.service) == ["canvas", "web"])
            #expect(after[0].hosts == before.hosts && after[0].lastSeen == before.lastSeen)
            #expect(after[0].observed?.hosts == 1)
            #expect(after[1].hosts == 0 && after[1].firstSeen == nil && after[1].observed?.hosts == 1)
        }
    }

    // MARK: - The file

    @Test("A transaction that fills the disk leaves nothing of itself, and recording goes on once there is space")
    func fullDisk() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("ledger.db")
        let ledger = try await Ledger.open(path: path, options: .init(maximumPages: 70))
        try await ledger.record([try Self.change(10, of: "first")])
        let many = try (0..<5_000).map { try Self.change(5, of: "host-\($0)") }
        await #expect(throws: LedgerError.diskFull(path: path)) { try await ledger.record(many) }
        #expect(try await rows(ledger, "standing_changes") == 1)
        try await ledger.record([try Self.change(4, of: "second")])
        #expect(try await rows(ledger, "standing_changes") == 2)
        try await ledger.close()
        let check = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
        #expect(check.isFine, "\(check.text())")
    }

    @Test("A backup has them, and a restored ledger goes on with them")
    func backup() async throws {
        try await withLedger { ledger, path in
            let change = try Self.change(10)
            try await ledger.record([change], seen: [Self.canvas: Self.time(3)])
            let backup = "\(path).backup"
            _ = try await Ledger.backUp(path: path, to: backup, replaces: false, now: LedgerFixtures.now)
            try await ledger.record([try Self.change(5, .failed)])
            try await ledger.close()
            _ = try await Ledger.restore(path: path, from: backup, now: LedgerFixtures.now)
            let restored = try await Ledger.open(path: path)
            #expect(try await restored.standingRecord(of: Self.canvas).hosts == ["a": change])
            #expect(try await restored.standingRecord(of: Self.canvas).seenUntil == Self.time(3))
            try await restored.close()
        }
    }

    @Test("An upgraded ledger has none, and takes them")
    func migrated() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("ledger.db")
        try OldLedger.make(version: 10, at: path)
        let before = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
        #expect(before.isFine && before.version == 10, "\(before.text())")
        let ledger = try await Ledger.open(path: path)
        #expect(try await ledger.standingRecord(of: "canvas").hosts.isEmpty)
        try await ledger.record([try Self.change(10)])
        #expect(try await ledger.standingChanges(of: "a", limit: 5).changes.count == 1)
        try await ledger.close()
    }

    @Test("A host's changes and a commit are found by index")
    func plans() async throws {
        try await withLedger { ledger, _ in
            try await ledger.record(try (0..<50).map { try Self.change(5, of: "host-\($0)") })
            let plans = try await ledger.read { db in
                var plans: [String] = []
                for sql in [
                    "SELECT * FROM standing_changes WHERE fleet IN (SELECT number FROM standing_fleets) AND host = 'a'",
                    "SELECT * FROM standing_builds b JOIN standing_changes c ON c.build = b.number WHERE b.git_sha >= 'a'",
                ] {
                    plans += try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] as String }
                }
                return plans
            }
            #expect(plans.contains { $0.contains("standing_changes_by_host (fleet=? AND host=?)") }, "\(plans)")
            #expect(plans.contains { $0.contains("standing_changes_by_build (build=?)") }, "\(plans)")
            #expect(!plans.contains { $0.hasPrefix("SCAN standing_changes") || $0.hasPrefix("SCAN c") }, "\(plans)")
        }
    }
}
