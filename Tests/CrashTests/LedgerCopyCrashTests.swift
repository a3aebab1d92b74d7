import Foundation
import GRDB
import Glibc
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

/// Kills backups and restores with SIGKILL at random moments.
///
/// Repeat with another seed: `BUILDINFO_CRASH_SEED=7 swift test --filter LedgerCopyCrashTests`.
@Suite("A backup or restore that is killed", .timeLimit(.minutes(10)))
struct LedgerCopyCrashTests {
    private enum Work: String, CaseIterable, Sendable { case backup, overwrite, replace }

    @Test("The file is there whole or as it was before, whenever the process is killed", arguments: Work.allCases)
    private func killed(work: Work) async throws {
        let environment = ProcessInfo.processInfo.environment
        let seed = environment["BUILDINFO_CRASH_SEED"].flatMap(UInt64.init) ?? .random(in: 0...999_999)
        print("BUILDINFO_CRASH_SEED=\(seed)")
        var random = SplitMix64(seed: seed)
        let folder = try TemporaryFolder()
        let (former, latter) = (folder.path("former.db"), folder.path("latter.db"))
        try await make(former, verifications: 40)
        try await make(latter, verifications: 60)
        let start = ContinuousClock.now
        _ = try await Ledger.backUp(path: latter, to: folder.path("timed.db"), replaces: false, now: Date())
        // A new process takes longer at first, and a restore writes more than a backup.
        var longest = Int((ContinuousClock.now - start) / .microseconds(1)) * 4
        var (changed, unchanged) = (0, 0)
        for round in 0..<40 {
            let target = folder.path("\(round).db")
            try FileManager.default.copyItem(atPath: former, toPath: target)
            if work == .replace { try FileHandle(forUpdating: URL(fileURLWithPath: target)).scribble() }
            let (delay, name) = (random.pick(0, longest), work.rawValue)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [target = target as String, latter = latter as String, delay = delay as Int, name = name as String] in
                DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(delay)) { kill(getpid(), SIGKILL) }
                if name == "backup" {
                    _ = try await Ledger.backUp(path: latter, to: target, replaces: true, now: Date())
                } else {
                    _ = try await Ledger.restore(path: target, from: latter, now: Date())
                }
                // It was faster than the kill.
                while true { pause() }
            }
            let count = try await verifications(target)
            #expect([40, 60].contains(count) || (work == .replace && count == nil), "round \(round): \(count as Any)")
            if count == 60 { changed += 1 } else { unchanged += 1 }
            // The machine may be faster or slower by now: half of the kills are to come before the end.
            longest = max(1_000, count == 60 ? longest * 7 / 8 : longest * 9 / 8)
            // The next attempt works, and removes what was left behind.
            let result =
                work == .backup
                ? try await Ledger.backUp(path: latter, to: target, replaces: true, now: Date()).counts
                : try await Ledger.restore(path: target, from: latter, now: Date()).counts
            #expect(result.verifications == 60)
            #expect(try await verifications(target) == 60)
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path("")).filter {
                $0.hasPrefix("\(round).db.") && $0.hasSuffix(".partial")
            }
            #expect(left.isEmpty, "\(left)")
        }
        print("\(work.rawValue): killed before \(unchanged), after \(changed)")
        #expect(changed > 0)
        #expect(unchanged > 0)
    }

    /// The number of verifications in a ledger that is fine; nil for one that is damaged, or missing.
    private func verifications(_ path: String) async throws -> Int? {
        do {
            let condition = try await Ledger.inspect(path: path, now: Date())
            guard condition.isFine else { return nil }
            return condition.counts?.verifications
        } catch LedgerError.notADatabase, LedgerError.absent {
            return nil
        }
    }

    private func make(_ path: String, verifications: Int) async throws {
        let ledger = try await Ledger.open(path: path)
        for number in 0..<verifications {
            let run = LedgerFixtures.run(
                "\(number)", sha: try LedgerFixtures.sha("1"), hosts: (0..<100).map { "host-\($0)" })
            let start = try await ledger.begin(run)
            try await ledger.finish(LedgerFixtures.report(run, generation: start.generation))
        }
        try await ledger.close()
    }
}

extension FileHandle {
    /// Overwrites the header of a database.
    fileprivate func scribble() throws {
        try write(contentsOf: Data(repeating: 0x58, count: 100))
        try close()
    }
}
