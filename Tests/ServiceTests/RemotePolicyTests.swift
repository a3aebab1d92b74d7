import Foundation
import Support
import Testing

@testable import EndToEndFixtures

/// `verify --server` with options that make the fleet's policy stricter.
@Suite("Verify through a service: policies", .timeLimit(.minutes(3)))
struct RemotePolicyTests {
    /// A service with a fleet of three hosts, of which `host-3` does not answer. `host-1` is a canary.
    private struct Setting {
        let folder: TemporaryFolder
        let fleet: FileFleet
        let service: ServedCollector

        static func start(policy: String) async throws -> Setting {
            let folder = try TemporaryFolder()
            let fleet = try await FileFleet.start(2, in: folder)
            let hosts = fleet.agents.map { ($0.name, $0.url) } + [("host-3", "http://127.0.0.1:1/buildinfo")]
            let lines = hosts.map { name, url in
                let group = name == "host-1" ? "canary" : "main"
                return "  - {name: \(name), url: \"\(url)\", labels: {group: \(group)}}\n"
            }
            try folder.write("fleet.yaml", "hosts:\n\(lines.joined())")
            let service = try await ServedCollector.start(
                fleets: """
                      - service: canvas
                        environment: production
                        inventory: \(folder.path("fleet.yaml"))
                        policy: {soak: 1s, timeout: 6s, interval: 500ms, \(policy)}
                    """, in: folder)
            return Setting(folder: folder, fleet: fleet, service: service)
        }

        func verify(_ more: [String]) async throws -> RunningProgram.Outcome {
            try await Program.collector().run(
                [
                    "verify", "--server", "http://\(service.authority)", "--server-token-file",
                    folder.path("verify.token"), "--service", "canvas", "--environment", "production", "--sha",
                    FileFleet.commit, "--progress", "none", "--report", "json=\(folder.path("report.json"))",
                ] + more)
        }

        func report() throws -> [String: Any] {
            try #require(
                try JSONSerialization.jsonObject(with: Data(folder.read("report.json").utf8)) as? [String: Any])
        }
    }

    @Test("Tolerances by label, requirements and limits of the inventory are the service's, and in its report")
    func carried() async throws {
        let setting = try await Setting.start(
            policy: #"max_unreachable: ["group=main:1"], require: ["group=main:1"], max_shrink: 50%"#)
        let tolerated = try await setting.verify([])
        #expect(tolerated.exitCode == 0, "\(tolerated.error)")
        #expect(try setting.report()["verdict"] as? String == "converged_tolerated")
        let outcome = try await setting.verify([
            "--max-unreachable", "group=main:50%", "--require", "group=canary:100%", "--max-failed", "group=canary:0",
            "--min-hosts", "3", "--max-shrink", "10%",
        ])
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        let policy = try #require(try setting.report()["policy"] as? [String: Any])
        #expect(policy["max_unreachable_by_label"] as? [String] == ["group=main:50%"])
        #expect(policy["max_failed_by_label"] as? [String] == ["group=canary:0"])
        #expect(policy["require"] as? [String] == ["group=main:1", "group=canary:100%"])
        // Stricter than the fleet's policy: red for the same hosts.
        let strict = try await setting.verify(["--max-unreachable", "0"])
        #expect(strict.exitCode == 30, "\(strict.error)")
        let required = try await setting.verify(["--require", "group=main:100%"])
        #expect(required.exitCode == 30, "\(required.error)")
        let few = try await setting.verify(["--min-hosts", "4"])
        #expect(few.exitCode == 50, "\(few.error)")
        #expect(try setting.report()["verdict"] as? String == "inventory_shrunk")
    }

    @Test(
        "What is laxer than the fleet's policy is refused, and so is a label that no host has",
        arguments: [
            (["--max-unreachable", "1"], "max_unreachable 1 is laxer"),
            (["--max-unreachable", "group=canary:1"], "max_unreachable group=canary:1 is laxer"),
            (["--max-unreachable", "group=main:1", "--max-unreachable", "1"], "is laxer"),
            (["--max-stragglers", "group=main:1"], "max_stragglers group=main:1 is laxer"),
            (["--max-shrink", "51%"], "max_shrink 51% is laxer"), (["--min-hosts", "1"], "min_hosts 1 is laxer"),
            (["--require", "group=canry:1"], "no host has group=canry: group is main (2), canary (1)"),
            (["--max-unreachable", "grup=main:1"], "no host has grup=main"),
            (["--max-unreachable", "group=main:9"], "more hosts than the 2 with group=main"),
        ])
    func refused(_ options: [String], _ message: String) async throws {
        let setting = try await Setting.start(
            policy: #"max_unreachable: ["group=main:2"], min_hosts: 2, max_shrink: 50%"#)
        let outcome = try await setting.verify(options)
        #expect(outcome.exitCode == 64, "\(outcome.error)")
        #expect(outcome.error.contains(message), "\(outcome.error)")
        #expect(!setting.folder.contains("report.json"))
    }
}
