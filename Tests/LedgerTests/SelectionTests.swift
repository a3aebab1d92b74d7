import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("The ledger with selections and older jobs")
struct SelectionTests {
    private func withLedger(_ body: (Ledger) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await body(try await Ledger.open(path: "\(folder.path)/ledger.db"))
    }

    private func record(_ id: String, _ hosts: Int, of listed: Int?, selected: [String]?, in ledger: Ledger)
        async throws
    {
        var run = LedgerFixtures.run(
            id, sha: try LedgerFixtures.sha("1"), hosts: (0..<hosts).map { "h\($0)" })
        run.inventory.listed = listed
        run.inventory.selected = selected
        let start = try await ledger.begin(run)
        try await ledger.finish(try LedgerFixtures.report(run, generation: start.generation))
    }

    @Test("A selection is compared with the same selection, the whole fleet with the listed total")
    func baselines() async throws {
        try await withLedger { ledger in
            #expect(try await ledger.previousSelected(of: "canvas", selected: ["a=b"]) == nil)
            try await record("1", 20, of: nil, selected: nil, in: ledger)
            #expect(try await ledger.previousExpected(of: "canvas") == 20)
            #expect(try await ledger.previousSelected(of: "canvas", selected: []) == nil)
            try await record("2", 4, of: 20, selected: ["a=b"], in: ledger)
            #expect(
                try await ledger.previousExpected(of: "canvas") == 20,
                "the whole fleet is not compared with a part")
            #expect(try await ledger.previousSelected(of: "canvas", selected: ["a=b"]) == 4)
            try await record("3", 6, of: 21, selected: ["a=b", "c=d"], in: ledger)
            #expect(try await ledger.previousExpected(of: "canvas") == 21)
            #expect(try await ledger.previousSelected(of: "canvas", selected: ["a=b"]) == 4)
            #expect(try await ledger.previousSelected(of: "canvas", selected: ["a=b", "c=d"]) == 6)
            #expect(try await ledger.previousSelected(of: "canvas", selected: ["c=d"]) == nil)
            #expect(try await ledger.previousSelected(of: "other", selected: ["a=b"]) == nil)
        }
    }

    @Test("A refused selection never becomes the baseline of the next one")
    func refused() async throws {
        try await withLedger { ledger in
            try await record("1", 4, of: 20, selected: ["a=b"], in: ledger)
            var run = LedgerFixtures.run("2", sha: try LedgerFixtures.sha("1"), hosts: ["h"])
            (run.inventory.listed, run.inventory.selected) = (20, ["a=b"])
            try await ledger.finish(try LedgerFixtures.report(run, generation: nil, verdict: .inventoryShrunk))
            #expect(try await ledger.previousSelected(of: "canvas", selected: ["a=b"]) == 4)
        }
    }

    @Test("A report with a selection, limits by label and a successor is read back unchanged")
    func roundTrip() async throws {
        try await withLedger { ledger in
            var policy = Policy()
            policy.maxFailedByLabel = [GroupTolerance(.canary, .percent(10))]
            policy.require = [Requirement(group: .canary, share: .hosts(1))]
            var run = LedgerFixtures.run("1", sha: try LedgerFixtures.sha("1"))
            run.policy = Report.PolicySummary(policy)
            (run.inventory.listed, run.inventory.selected) = (20, ["a=b"])
            let start = try await ledger.begin(run)
            var report = try LedgerFixtures.report(run, generation: start.generation, verdict: .superseded)
            report.successor = .init(
                generation: 2, gitSHA: try LedgerFixtures.sha("2"), digest: nil, promotedAt: "2026-11-23T12:00:00.000Z",
                hostsServing: 1, hostsOnTarget: 2, hostsOnNeither: 0)
            report.settleAdvice()
            try await ledger.finish(report)
            let stored = try await ledger.report("1", now: LedgerFixtures.now)
            #expect(stored == report)
            #expect(stored.policy.maxFailedByLabel == ["group=canary:10%"])
            #expect(stored.policy.require == ["group=canary:1"])
        }
    }

    @Test("Records of older collectors are read without the newer keys")
    func olderRows() throws {
        let policy = """
            {"timeout_seconds":600,"interval_seconds":2,"request_timeout_seconds":5,"soak_seconds":10,
            "stall_seconds":180,"fail_after":3,"max_stragglers":"0","max_unreachable":"0","max_failed":"0",
            "min_proven":"1","superseded_ok":false}
            """
        let read: Report.PolicySummary = try LedgerCoding.decode(policy)
        #expect(read == Report.PolicySummary(Policy()))
        let inventory: Report.InventorySummary = try LedgerCoding.decode(
            #"{"source":"fleet.yaml","hash":"sha256:0","expected":3}"#)
        #expect(inventory.total == 3)
        #expect(inventory.selected == nil)
        let outcome: StoredOutcome = try LedgerCoding.decode(
            """
            {"reasons":[],"warnings":[],"durationSeconds":1,
            "summary":{"expected":1,"proven":1,"waived":0,"labels":{"converged":1},"seconds_to_converge":null}}
            """)
        #expect(outcome.successor == nil)
        #expect(outcome.summary.statuses == ["converged": 1])
        #expect(try LedgerCoding.encode(outcome.summary).contains(#""statuses":{"converged":1}"#))
        // Unused keys are not written, so that an older collector can read the record too.
        #expect(try LedgerCoding.encode(Report.PolicySummary(Policy())).contains("by_label") == false)
    }

    // MARK: - Older jobs

    private func run(_ id: String, _ sha: Character, digest: Character? = nil, generation: Int?) throws
        -> VerificationRecord
    {
        var run = LedgerFixtures.run(
            id, sha: try LedgerFixtures.sha(sha), digest: try digest.map(LedgerFixtures.digest))
        run.target.generation = generation
        return run
    }

    @Test("A verification of a given generation promotes nothing, and sees later promotions")
    func stated() async throws {
        try await withLedger { ledger in
            _ = try await ledger.begin(try run("1", "1", generation: nil))
            _ = try await ledger.begin(try run("2", "2", generation: nil))
            let late = try await ledger.begin(try run("3", "1", generation: 1))
            #expect(late.generation == 1)
            #expect(late.promotions.map(\.generation) == [1, 2])
            let last = try await ledger.begin(try run("4", "2", generation: 2))
            #expect(last.generation == 2)
            #expect(try await ledger.promotions(of: "canvas").map(\.generation) == [1, 2])
            // Without a generation, it is a rollback.
            #expect(try await ledger.begin(try run("5", "1", generation: nil)).generation == 3)
        }
    }

    @Test("It can complete its promotion, and never contradict it")
    func statedTarget() async throws {
        try await withLedger { ledger in
            _ = try await ledger.begin(try run("1", "1", generation: nil))
            _ = try await ledger.begin(try run("2", "2", generation: nil))
            _ = try await ledger.begin(try run("3", "1", digest: "a", generation: 1))
            #expect(try await ledger.promotions(of: "canvas").first?.digest == LedgerFixtures.digest("a"))
            for (sha, generation, isKnown) in [("2" as Character, 1, true), ("1", 2, true), ("1", 3, false)] {
                let expected = LedgerError.otherPromotion(generation, service: "canvas", isKnown: isKnown)
                await #expect(throws: expected) {
                    try await ledger.begin(try run("x", sha, generation: generation))
                }
                #expect(expected.exitCode == 64)
                #expect(expected.description.hasPrefix("--generation \(generation): "))
            }
            await #expect(throws: LedgerError.otherPromotion(1, service: "canvas", isKnown: true)) {
                try await ledger.begin(try run("y", "1", digest: "b", generation: 1))
            }
            #expect(try await ledger.promotions(of: "canvas").map(\.generation) == [1, 2])
            #expect(
                try await ledger.history(now: LedgerFixtures.now).count == 3, "nothing is recorded of a refused run")
        }
    }
}
