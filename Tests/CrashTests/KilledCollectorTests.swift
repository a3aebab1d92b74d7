import Foundation
import GRDB
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

/// Kills the collector with SIGKILL repeatedly. Everything that a concurrent reader had seen in the ledger is there afterwards,
/// and the ledger keeps all its invariants.
///
/// To repeat a run: `BUILDINFO_CRASH_SEED=7 swift test --filter KilledCollectorTests`; more: `BUILDINFO_CRASH_KILLS=2000`.
@Suite("End to end: killed collector", .timeLimit(.minutes(10)))
struct KilledCollectorTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["BUILDINFO_CRASH_SEED"].flatMap(UInt64.init) ?? .random(in: 0...999_999)
    private static let kills = environment["BUILDINFO_CRASH_KILLS"].flatMap(Int.init) ?? 200

    @Test(
        "A collector killed at any moment keeps everything it recorded, and the run reads as interrupted")
    func verification() async throws {
        print("BUILDINFO_CRASH_SEED=\(Self.seed)")
        let fleet = try await FlappingFleet.start()
        let folder = try TemporaryFolder()
        // Two share a ledger and write to it at the same time; two get a new one each time.
        let shared = folder.path("shared.db")
        var lanes = [
            KilledVerifications(fleet: fleet, service: "a", place: .shared(shared), seed: Self.seed),
            KilledVerifications(fleet: fleet, service: "b", place: .shared(shared), seed: Self.seed &+ 1),
            KilledVerifications(fleet: fleet, service: "c", place: .new(in: folder), seed: Self.seed &+ 2),
            KilledVerifications(fleet: fleet, service: "canvas", place: .new(in: folder), seed: Self.seed &+ 3),
        ]
        let rounds = (Self.kills + lanes.count - 1) / lanes.count
        lanes = try await withThrowingTaskGroup(of: KilledVerifications.self) { group in
            for lane in lanes {
                group.addTask {
                    var lane = lane
                    for _ in 0..<rounds { try await lane.killOnce() }
                    try await lane.checkAll()
                    return lane
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let moments = lanes.reduce(into: KilledVerifications.Moments()) { $0.add($1.moments) }
        print(
            "killed \(moments.all): before it was recorded \(moments.early), running \(moments.running), at its end "
                + "\(moments.ended); changes seen before kills \(moments.changes)")
        #expect(moments.all >= Self.kills)
        // Otherwise the test has proven nothing.
        #expect(moments.early > 0)
        #expect(moments.running > Self.kills / 10)
        #expect(moments.changes > Self.kills)
        await fleet.host.stop()
    }

    @Test("A killed prune has removed verifications entirely or not at all, and none that it keeps")
    func pruning() async throws {
        print("BUILDINFO_CRASH_SEED=\(Self.seed)")
        var random = SplitMix64(seed: Self.seed)
        let folder = try TemporaryFolder()
        let collector = try Program.collector()
        try LedgerRows.makeVersion1(at: folder.path("full.db"))
        try await collector.succeed(["history", "--store", folder.path("full.db")])
        try LedgerRows.write(folder.path("full.db"), Self.manyVerifications)
        var (path, files, partly) = ("", 0, 0)
        for _ in 0..<max(20, Self.kills / 10) {
            let rest = path.isEmpty ? 0 : try await verifications(path)
            if rest <= Self.kept {
                files += 1
                path = folder.path("\(files).db")
                try FileManager.default.copyItem(atPath: folder.path("full.db"), toPath: path)
            }
            let before = try await verifications(path)
            let running = try collector.start(["ledger", "prune", "--keep", "0s", "--keep-last", "3", "--store", path])
            try await Task.sleep(for: .milliseconds(random.pick(60, 900)))
            running.signal(SIGKILL)
            _ = try await running.wait()

            try await collector.succeed(["ledger", "check", "--store", path])
            let rows = LedgerRows(path: path)
            let halves = try await rows.read { db in
                try String.fetchAll(
                    db,
                    sql: """
                        SELECT id FROM verifications v WHERE id LIKE 'copy-%' AND NOT (
                            (SELECT count(*) FROM hosts WHERE verification = v.number) = 40
                            AND (SELECT count(*) FROM transitions WHERE verification = v.number) = 80)
                        """)
            }
            #expect(halves == [])
            let last = try await rows.read { db in
                try String.fetchAll(db, sql: "SELECT id FROM verifications ORDER BY number DESC LIMIT 3")
            }
            #expect(last == ["copy-802", "copy-801", "copy-800"])
            let promotions = try await rows.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM promotions") ?? 0 }
            #expect(promotions == 2)
            let after = try await verifications(path)
            if after < before, after > Self.kept { partly += 1 }
        }
        print("killed with some removed and some not: \(partly)")
        #expect(partly > 0)
    }

    private static let kept = 3

    private func verifications(_ path: String) async throws -> Int {
        try await LedgerRows(path: path).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM verifications") ?? 0 }
            ?? 0
    }

    /// 800 copies of the converged verification, 40 hosts each.
    private static let manyVerifications = """
        CREATE TEMP TABLE many AS WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 802)
            SELECT i FROM n;
        CREATE TEMP TABLE forty AS WITH RECURSIVE n(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM n WHERE j < 39)
            SELECT j FROM n;
        INSERT INTO verifications (number, id, service, generation, git_sha, digest, started_at, finished_at, state, verdict,
                exit_code, inventory_hash, listed, expected, proven, p50, p95, max, collector, timeout, target, policy,
                inventory, outcome)
            SELECT i, 'copy-' || i, service, generation, git_sha, digest, started_at, finished_at, state, verdict, exit_code,
                inventory_hash, 40, 40, 40, p50, p95, max, collector, timeout, target, policy,
                json_set(inventory, '$.expected', 40), outcome
            FROM verifications, many WHERE number = 1;
        INSERT INTO hosts SELECT i, j, j, 'host-' || j, url, labels, waived, label, reason, git_sha, digest, reach, identity,
                build, runtime, attempts, seconds_to_converge, last_answer_age, clock_offset, details
            FROM hosts, many, forty WHERE verification = 1 AND position = 0;
        INSERT INTO transitions SELECT i, j, number, seconds, label, reason
            FROM transitions, many, forty WHERE verification = 1 AND host = 0;
        """
}
