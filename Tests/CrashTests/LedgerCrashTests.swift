import Foundation
import GRDB
import Glibc
import Shared
import Testing

/// Processes that record to a ledger and are killed with SIGKILL at random moments. Acknowledged records must be there
/// afterwards, and the ledger consistent.
///
/// Repeat with another seed: `BUILDINFO_CRASH_SEED=7 swift test --filter LedgerCrashTests`; more kills:
/// `BUILDINFO_CRASH_KILLS=2000`.
@Suite("A ledger whose writer is killed", .timeLimit(.minutes(10)))
struct LedgerCrashTests {
    @Test("No record is lost or incomplete, whenever the process is killed")
    func killed() async throws {
        let environment = ProcessInfo.processInfo.environment
        let seed = environment["BUILDINFO_CRASH_SEED"].flatMap(UInt64.init) ?? .random(in: 0...999_999)
        let kills = environment["BUILDINFO_CRASH_KILLS"].flatMap(Int.init) ?? 200
        print("BUILDINFO_CRASH_SEED=\(seed)")
        let lanes = 4
        let moments = try await withThrowingTaskGroup(of: CrashLane.Moments.self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    var lane = try CrashLane(seed: seed &+ UInt64(lane))
                    for _ in 0..<(kills + lanes - 1) / lanes { try await lane.killOnce() }
                    try await lane.checkAll()
                    return lane.moments
                }
            }
            return try await group.reduce(into: CrashLane.Moments()) { $0.add($1) }
        }
        print(
            "killed before anything was recorded \(moments.early), while recording \(moments.recording), "
                + "after an end and before the next start \(moments.between); acknowledged \(moments.acknowledged)")
        // Without kills, nothing was tested.
        #expect(moments.early > 0)
        #expect(moments.recording > kills / 10)
        #expect(moments.acknowledged > kills)
    }
}
