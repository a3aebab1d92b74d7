import ArgumentParser
import Shared
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Inventory
@testable import Reports
@testable import Verdict

@Suite("Options: selection, tolerances and requirements")
struct LimitOptionsTests {
    private static let inventory = Result {
        try InventoryFixtures.load(
            texts: ["hosts: [{name: a, labels: {region: eu}}, {name: b, labels: {region: us, group: canary}}]"])
    }

    private func policy(_ arguments: String...) throws -> Policy {
        try PolicyOptions.parse(arguments).policy(for: Self.inventory.get())
    }

    @Test("Tolerances are plain or by label, separately for each option, and the last plain one counts")
    func tolerances() throws {
        #expect(try policy() == Policy())
        let made = try policy(
            "--max-stragglers", "1", "--max-stragglers", "region=eu:10%", "--max-stragglers=region=us:1",
            "--max-stragglers", "2", "--max-unreachable", "region=eu:1", "--max-failed", "5%", "--require",
            "group=canary:100%", "--require", "region=eu:1")
        let eu = HostGroup(key: "region", value: "eu")
        #expect(made.maxStragglers == .hosts(2))
        #expect(
            made.maxStragglersByLabel
                == [.init(eu, .percent(10)), .init(HostGroup(key: "region", value: "us"), .hosts(1))])
        #expect(made.maxUnreachable == .none)
        #expect(made.maxUnreachableByLabel == [.init(eu, .hosts(1))])
        #expect(made.maxFailed == .percent(5))
        #expect(made.maxFailedByLabel.isEmpty)
        #expect(made.require == [.init(group: .canary, share: .percent(100)), .init(group: eu, share: .hosts(1))])
        let summary = Report.PolicySummary(made)
        #expect(summary.maxStragglers == "2")
        #expect(summary.maxStragglersByLabel == ["region=eu:10%", "region=us:1"])
        #expect(summary.maxFailedByLabel == nil)
        #expect(summary.require == ["group=canary:100%", "region=eu:1"])
    }

    @Test(
        "An invalid value is a usage error with an example",
        arguments: [
            (["--max-stragglers", "many"], "3 or 5%"), (["--max-stragglers", "region=eu"], "region=eu:10%"),
            (["--max-failed", "region=eu:101%"], "region=eu:10%"), (["--require", "5"], "group=canary:100%"),
            (["--require", "group=canary:0"], "group=canary:100%"), (["--min-proven", "region=eu:1"], "3 or 5%"),
        ])
    func unreadable(arguments: [String], remedy: String) {
        let error = #expect(throws: (any Error).self) { try PolicyOptions.parse(arguments) }
        #expect(error.map { PolicyOptions.message(for: $0).contains(remedy) } == true)
    }

    @Test(
        "A tolerance for a label that no host has is a usage error that lists the labels",
        arguments: ["--max-stragglers", "--max-unreachable", "--max-failed"])
    func unknownLabel(flag: String) throws {
        let value = #expect(throws: UsageError.self) { try policy(flag, "region=uss:10%") }
        #expect(value?.exitCode == 64)
        #expect(value?.description == "\(flag) region=uss:10%: no host has region=uss: region is eu (1), us (1)")
        let key = #expect(throws: UsageError.self) { try policy(flag, "regoin=eu:10%") }
        #expect(key?.description.hasSuffix("no host has regoin=eu: the labels are group, region") == true)
    }

    @Test(
        "A tolerance may be for hosts outside the selection, and is not checked against an empty inventory")
    func leftOut() throws {
        let options = try PolicyOptions.parse(["--max-failed", "region=us:1"])
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try folder.write(
            "hosts: [{name: a, labels: {region: eu}}, {name: b, labels: {region: us}}]", to: "f")
        let part = try Inventory.load(
            sources: [.file(path: path)], service: "canvas", selector: HostSelector(typed: "region=eu"),
            now: InventoryFixtures.now)
        #expect(try options.policy(for: part).maxFailedByLabel.count == 1)
        #expect(try options.policy(for: InventoryFixtures.load(texts: ["hosts: []"])).maxFailedByLabel.count == 1)
    }

    @Test("A soak longer than the timeout is a usage error, unless it is the default")
    func soak() throws {
        for arguments in [["--soak", "20s", "--timeout", "10s"], ["--soak", "15s", "--timeout", "15s"]] {
            let error = #expect(throws: (any Error).self) { try PolicyOptions.parse(arguments) }
            #expect(error.map { PolicyOptions.message(for: $0).contains("no host could be proven in time") } == true)
        }
        #expect(try PolicyOptions.parse(["--timeout", "5s"]).soak == Policy().soak)
        #expect(try PolicyOptions.parse(["--soak", "2s", "--timeout", "5s"]).soak == .seconds(2))
    }

    @Test("A stall limit above the timeout is a usage error, unless it is the default")
    func stall() throws {
        let error = #expect(throws: (any Error).self) {
            try PolicyOptions.parse(["--stall", "20m", "--timeout", "10m"])
        }
        let message = error.map { PolicyOptions.message(for: $0) } ?? ""
        #expect(message.contains("--stall 20m 0s exceeds --timeout 10m 0s"), "\(message)")
        #expect(try PolicyOptions.parse(["--timeout", "5s"]).stall == Policy().stall)
        #expect(try PolicyOptions.parse(["--stall", "10m", "--timeout", "10m"]).stall == .seconds(600))
    }

    @Test("An interval that leaves no second look is a usage error, unless it is the default")
    func interval() throws {
        let error = #expect(throws: (any Error).self) {
            try PolicyOptions.parse(["--interval", "30s", "--timeout", "20s", "--soak", "1s"])
        }
        let message = error.map { PolicyOptions.message(for: $0) } ?? ""
        #expect(message.contains("--interval 30s does not fit into --timeout 20s"), "\(message)")
        #expect(try PolicyOptions.parse(["--timeout", "1s"]).interval == .seconds(2))
        #expect(try PolicyOptions.parse(["--interval", "5s", "--timeout", "20s"]).interval == .seconds(5))
    }

    @Test("A requirement of a label that no host has is a usage error that lists the labels")
    func unknownRequirement() throws {
        let error = #expect(throws: UsageError.self) { try policy("--require", "group=canry:1") }
        #expect(error?.description == "--require group=canry:1: no host has group=canry: group is canary (1)")
        #expect(error?.exitCode == 64)
    }

    @Test(
        "A tolerance for more hosts than there are is a usage error with both numbers",
        arguments: ["--max-stragglers", "--max-unreachable", "--max-failed"])
    func tooTolerant(flag: String) throws {
        let error = #expect(throws: UsageError.self) { try policy(flag, "3") }
        #expect(
            error?.description
                == "\(flag) 3 tolerates more hosts than the inventory's 2: give at most 2, or a percentage")
        let group = #expect(throws: UsageError.self) { try policy(flag, "region=eu:2") }
        #expect(group?.description.contains("more hosts than the 1 with region=eu: give at most 1") == true)
        // As many as there are is no mistake: --min-proven keeps it from being green with nothing proven.
        #expect(try policy(flag, "2").minProven == .hosts(1))
        #expect(try policy(flag, "100%").minProven == .hosts(1))
        #expect(try policy(flag, "region=eu:1").minProven == .hosts(1))
    }

    @Test("A minimum above the fleet that voids a tolerance is a usage error")
    func voidTolerance() throws {
        let error = #expect(throws: UsageError.self) { try policy("--max-stragglers", "1", "--min-proven", "3") }
        #expect(
            error?.description.hasPrefix(
                "--min-proven 3 exceeds the 2 hosts in the gate, so --max-stragglers would tolerate nothing: ") == true)
        #expect(try policy("--min-proven", "3").minProven == .hosts(3))
        #expect(try policy("--max-stragglers", "1", "--min-proven", "2").minProven == .hosts(2))
    }

    @Test("Selections are parsed, and an invalid one is an error")
    func selections() throws {
        let options = try FleetOptions.parse(["--host", "a", "--select", "region=eu", "--select=group!=lab"])
        #expect(HostSelector(options.select) == HostSelector(typed: "group!=lab", "region=eu"))
        #expect(throws: (any Error).self) { try FleetOptions.parse(["--host", "a", "--select", "eu"]) }
    }

    @Test("A generation is positive, and needs a ledger")
    func generation() throws {
        let sha = String(repeating: "a", count: 40)
        let target = ["--host", "a", "--sha", sha, "--generation", "2"]
        #expect(try VerifyCommand.parse(target).promotion.generation == 2)
        #expect(throws: (any Error).self) { try VerifyCommand.parse(target + ["--store", "none"]) }
        #expect(throws: (any Error).self) {
            try VerifyCommand.parse(["--host", "a", "--sha", sha, "--generation", "0"])
        }
    }
}
