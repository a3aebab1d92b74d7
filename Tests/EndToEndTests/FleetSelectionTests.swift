import Foundation
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures

@Suite("End to end, parts of a fleet by label", .timeLimit(.minutes(5)))
struct FleetSelectionTests {
    /// The fields of the report that only these tests read.
    private struct Details: Decodable {
        struct Inventory: Decodable {
            var expected: Int
            var listed: Int?
            var selected: [String]?
        }

        struct Policy: Decodable {
            var maxUnreachableByLabel: [String]?
            var require: [String]?

            private enum CodingKeys: String, CodingKey {
                case require
                case maxUnreachableByLabel = "max_unreachable_by_label"
            }
        }

        struct Successor: Decodable {
            var generation: Int
            var gitSHA: String?
            var serving: Int
            var onTarget: Int
            var neither: Int

            private enum CodingKeys: String, CodingKey {
                case generation
                case gitSHA = "git_sha"
                case serving = "hosts_serving"
                case onTarget = "hosts_on_target"
                case neither = "hosts_on_neither"
            }
        }

        var inventory: Inventory
        var policy: Policy
        var successor: Successor?
    }

    /// Hosts without agents that serve a commit by their number, and a record of the requested hosts.
    private final class SharedEnvironment: Sendable {
        private let asked = Mutex<Set<String>>([])

        /// - Parameter serve: the commit that a host serves; nil for a host that resets connections.
        func start(_ serve: @escaping @Sendable (Int) -> String?) async throws -> ScriptedHost {
            try await ScriptedHost.start { request in
                self.asked.withLock { _ = $0.insert(request.localAddress) }
                let number = request.localAddress.split(separator: ".").last.flatMap { Int($0) } ?? 0
                return serve(number - 1).map { .json(#"{"git_sha":"\#($0)"}"#) } ?? .reset
            }
        }

        func wasAsked(_ host: Int) -> Bool { asked.withLock { $0.contains(ScriptedHost.address(host: host)) } }
    }

    /// An inventory file of these hosts, each with its labels.
    private static func fleet(_ hosts: [String], _ yard: ScriptedHost, more: String = "") -> String {
        let lines = hosts.enumerated().map {
            "  - {name: host-\($0), url: \"\(yard.url(host: $0))\", labels: {\($1)}}"
        }
        return (["service: canvas", "hosts:"] + lines).joined(separator: "\n") + "\n" + more
    }

    private func run(_ verify: Verify) async throws -> (Verified, Details) {
        let running = try verify.start()
        let verified = try await running.finish()
        let json = try running.folder.read("report.json")
        return (verified, try JSONDecoder().decode(Details.self, from: Data(json.utf8)))
    }

    @Test("--select contacts only the hosts with the label, and the report counts the others")
    func select() async throws {
        let (yard, folder) = (SharedEnvironment(), try TemporaryFolder())
        let hosts = try await yard.start { $0 == 2 ? Commit.old : Commit.new }
        let path = try folder.write(
            "labels.yaml", Self.fleet(["region: eu", "region: eu", "region: us", "region: ap"], hosts))
        var verify = Verify(hosts: [], sha: Commit.new, more: ["--fleet", path, "--select", "region=eu"])
        let (part, details) = try await run(verify)
        #expect(part.exitCode == 0, "\(part.progress)")
        #expect(part.report.hosts.map(\.name).sorted() == ["host-0", "host-1"])
        #expect((0..<4).filter(yard.wasAsked) == [0, 1])
        #expect(details.inventory.expected == 2)
        #expect(details.inventory.listed == 4)
        #expect(details.inventory.selected == ["region=eu"])
        #expect(
            part.output.contains("only hosts with region=eu were asked: 2 of 4 hosts left out"), "\(part.output)")

        verify.more += ["--select", "region=ap"]
        #expect(try await run(verify).0.report.summary.expected == 3)
        verify.more = ["--fleet", path, "--select", "region!=us"]
        #expect(try await run(verify).0.exitCode == 0)
        await hosts.stop()
    }

    @Test("A selection that matches no host is 50 for verify and status, even with --allow-empty")
    func mistyped() async throws {
        let (yard, folder) = (SharedEnvironment(), try TemporaryFolder())
        let hosts = try await yard.start { _ in Commit.new }
        let path = try folder.write("labels.yaml", Self.fleet(["region: eu", "region: us"], hosts))
        for more in [[], ["--allow-empty"], ["--select", "region=us"]] {
            let (result, _) = try await run(
                Verify(hosts: [], sha: Commit.new, more: ["--fleet", path, "--select", "region=uk"] + more))
            #expect(result.exitCode == 50, "\(result.progress)")
            #expect(result.report.verdict == "empty_inventory")
            #expect(
                result.report.reasons[0].message
                    == "--select region=uk matches none of 2 hosts: region is eu (1), us (1)")
        }
        let status = try await Program.collector().run(
            ["status", "--fleet", path, "--store", "none", "--select", "region=uk"])
        #expect(status.exitCode == 50, "\(status.error)")
        #expect(status.output.contains("region is eu (1), us (1)"), "\(status.output)")
        #expect(!yard.wasAsked(0))
        let right = try await Program.collector().run(
            ["status", "--fleet", path, "--store", "none", "--select", "region=us", "--report", "json=-"])
        #expect(right.exitCode == 0, "\(right.error)")
        #expect(right.output.contains("host-1") && !right.output.contains("host-0"))
        #expect(try await SchemaValidator.defects(right.output, against: .report).isEmpty)
        await hosts.stop()
    }

    @Test("The size of a selection is compared with the same selection only")
    func shrinking() async throws {
        let (yard, folder) = (SharedEnvironment(), try TemporaryFolder())
        let hosts = try await yard.start { _ in Commit.new }
        let labels = ["region: eu", "region: eu", "region: us", "region: us", "region: us", "region: us"]
        let path = try folder.write("labels.yaml", Self.fleet(labels, hosts))
        var verify = Verify(hosts: [], sha: Commit.new, store: folder.path("ledger.db"), more: ["--fleet", path])
        #expect(try await run(verify).0.exitCode == 0)
        verify.more = ["--fleet", path, "--select", "region=eu"]
        #expect(try await run(verify).0.exitCode == 0, "a third of the fleet, as was asked for")
        verify.more = ["--fleet", path]
        #expect(try await run(verify).0.exitCode == 0)
        // The list is as long as before, but one host has lost its inventory label.
        try folder.write("labels.yaml", Self.fleet(["region: eu", ""] + labels.dropFirst(2), hosts))
        verify.more = ["--fleet", path, "--select", "region=eu"]
        let (lost, _) = try await run(verify)
        #expect(lost.exitCode == 50, "\(lost.progress)")
        #expect(lost.report.verdict == "inventory_shrunk")
        #expect(lost.report.reasons[0].message.hasPrefix("the selection region=eu shrank from 2 hosts to 1"))
        // A list that lost hosts outside the selection counts as shrunk, too: its source cannot be trusted.
        try folder.write("labels.yaml", Self.fleet(Array(labels.prefix(3)), hosts))
        #expect(try await run(verify).0.report.reasons[0].message.hasPrefix("the inventory shrank from 6 hosts to 3"))
        await hosts.stop()
    }

    @Test("Tolerance by label and --require: a dead host of another group passes, and the canary is required")
    func limits() async throws {
        let (yard, folder) = (SharedEnvironment(), try TemporaryFolder())
        let hosts = try await yard.start { $0 == 3 ? nil : Commit.new }
        let path = try folder.write(
            "labels.yaml", Self.fleet(["group: canary", "group: stable", "group: stable", "group: stable"], hosts))
        let common = ["--fleet", path, "--max-unreachable", "group=stable:34%", "--require", "group=canary:100%"]
        let (tolerated, details) = try await run(Verify(hosts: [], sha: Commit.new, more: common))
        #expect(tolerated.exitCode == 0, "\(tolerated.progress)")
        #expect(tolerated.report.verdict == "converged_tolerated")
        #expect(
            tolerated.report.reasons[0].message.hasSuffix(
                "1 of 3 hosts with group=stable gave no usable answer, 34% (1) tolerated"))
        #expect(details.policy.maxUnreachableByLabel == ["group=stable:34%"])
        #expect(details.policy.require == ["group=canary:100%"])

        try folder.write(
            "labels.yaml", Self.fleet(["group: stable", "group: stable", "group: stable", "group: canary"], hosts))
        let (canary, _) = try await run(
            Verify(
                hosts: [], sha: Commit.new, timeout: "12s",
                more: ["--fleet", path, "--max-unreachable", "100%", "--require", "group=canary:100%"]))
        #expect(canary.exitCode == 30, "\(canary.progress)")
        #expect(
            canary.report.reasons[0].message
                == "1 host gave no usable answer: host-3; --require group=canary:100% asks for 1 of 1 proven, and 0 are"
        )

        let none = try await Program.collector().run(
            ["verify", "--fleet", path, "--sha", Commit.new, "--store", "none", "--require", "group=canry:1"])
        #expect(none.exitCode == 64, "\(none.error)")
        #expect(none.error.contains("--require group=canry:1: no host has group=canry: "), "\(none.error)")
        let unknown = try await Program.collector().run(
            ["verify", "--fleet", path, "--sha", Commit.new, "--store", "none", "--max-failed", "grup=stable:1"])
        #expect(unknown.exitCode == 64)
        #expect(
            unknown.error
                == "buildinfo-collector: --max-failed grup=stable:1: no host has grup=stable: the labels are group\n")
        await hosts.stop()
    }

    @Test("Row 4: hosts waived by label, from a separate file, are in the report but not in the verdict")
    func waived() async throws {
        let (yard, folder) = (SharedEnvironment(), try TemporaryFolder())
        let hosts = try await yard.start { $0 == 1 ? nil : Commit.new }
        let fleet = try folder.write("labels.yaml", Self.fleet(["group: stable", "group: lab"], hosts))
        let waivers = try folder.write(
            "waivers.yaml",
            """
            waivers:
              - {labels: {group: lab}, until: 2999-01-01T00:00:00Z, reason: being rebuilt}
              - {hosts: [host-9], until: 2999-01-01T00:00:00Z, reason: gone}

            """)
        let (result, _) = try await run(
            Verify(hosts: [], sha: Commit.new, more: ["--fleet", fleet, "--fleet", waivers]))
        #expect(result.exitCode == 0, "\(result.progress)")
        #expect(result.report.summary.expected == 1)
        // Busy tests can answer too late.
        #expect(["agent_error", "unreachable"].contains(try result.host("host-1").status))
        #expect(result.output.contains("waived until 2999-01-01T00:00:00Z: being rebuilt"), "\(result.output)")
        #expect(
            result.report.warnings?.contains { $0.hasSuffix("names host-9, which the inventory does not list") } == true
        )
        await hosts.stop()
    }

    @Test("Row 7: an older job that starts late with its --generation is superseded, and changes nothing")
    func lateJob() async throws {
        let (yard, folder) = (SharedEnvironment(), try TemporaryFolder())
        let hosts = try await yard.start { $0 == 0 ? Commit.new : $0 == 1 ? Commit.newer : nil }
        let path = try folder.write("labels.yaml", Self.fleet(["", "", ""], hosts))
        var verify = Verify(hosts: [], sha: Commit.new, timeout: "12s", store: folder.path("ledger.db"))
        verify.more = ["--fleet", path]
        #expect(try await run(verify).0.exitCode == 30)
        verify.sha = Commit.newer
        #expect(try await run(verify).0.exitCode == 30)

        verify.sha = Commit.new
        verify.timeout = "60s"
        verify.more += ["--generation", "1"]
        let (late, details) = try await run(verify)
        #expect(late.exitCode == 40, "\(late.progress)")
        #expect(late.report.verification.durationSeconds < 10)
        #expect(late.report.reasons[0].message.contains("promotion no. 2 (\(Commit.newer.prefix(12)))"))
        #expect(
            late.report.reasons[0].message.hasSuffix("1 of 3 hosts serves it, 1 still serves this target, 1 neither"))
        let successor = try #require(details.successor)
        #expect(successor.generation == 2)
        #expect(successor.gitSHA == Commit.newer)
        #expect(successor.serving == 1 && successor.onTarget == 1 && successor.neither == 1, "\(successor)")
        #expect(try late.host("host-1").status == "ahead")
        #expect(try late.host("host-1").reason.contains("promotion no. 2"))

        verify.more += ["--superseded-ok"]
        let (fine, _) = try await run(verify)
        #expect(fine.exitCode == 0)
        #expect(fine.report.verdict == "superseded")

        // The late job's verifications recorded no promotion: the newer job's promotion is still the last one.
        verify.more = ["--fleet", path, "--generation", "2"]
        verify.sha = Commit.newer
        verify.timeout = "12s"
        #expect(try await run(verify).0.exitCode == 30)

        let other = try await Program.collector().run(
            [
                "verify", "--fleet", path, "--sha", Commit.new, "--store", folder.path("ledger.db"), "--generation",
                "2",
            ])
        #expect(other.exitCode == 64)
        #expect(other.error.contains("--generation 2: that promotion of canvas has another commit or digest"))
        await hosts.stop()
    }
}
