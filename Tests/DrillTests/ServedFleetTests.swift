import Foundation
import Glibc
import Shared
import Support
import Testing

@testable import Drill

@Suite("End to end: a served fleet of the drill", .timeLimit(.minutes(3)))
struct ServedFleetTests {
    private struct Description: Decodable {
        struct Build: Decodable {
            var gitSHA: String?
            var digest: String?

            enum CodingKeys: String, CodingKey {
                case digest
                case gitSHA = "git_sha"
            }
        }

        var inventory: String
        var index: String?
        var target: Build
        var policy: [String]
        var verdict: String
        var exitCode: Int32

        enum CodingKeys: String, CodingKey {
            case inventory, index, target, policy, verdict
            case exitCode = "exit_code"
        }
    }

    /// One line of `results.jsonl`.
    private struct CheckResult: Decodable {
        var fleet: String
        var check: String
        var outcome: String
    }

    @Test("Verify reaches the announced verdict against a served fleet", arguments: ["emulated", "wrong-digest"])
    func verify(_ name: String) async throws {
        let temporary = try TemporaryFolder()
        let served = try Program.collector().start(["drill", "--serve", name], environment: ["TMPDIR": temporary.path])
        defer { served.kill() }
        try await eventually("the fleet is announced") {
            try #require(served.exitCode == nil, "\(served.error)")
            return served.output.contains("\n")
        }
        #expect(!served.output.contains("asked"))
        let line = served.output.prefix { $0 != "\n" }
        let fleet = try JSONDecoder().decode(Description.self, from: Data(line.utf8))
        let index = fleet.index.map { ["--index", $0] } ?? []
        #expect((fleet.index != nil) == (name == "emulated"))
        let outcome = try await Program.collector().run(
            ["verify", "--fleet", fleet.inventory, "--store", "none", "--sha", try #require(fleet.target.gitSHA)]
                + ["--digest", try #require(fleet.target.digest)] + index + fleet.policy)
        #expect(outcome.exitCode == fleet.exitCode, "\(outcome.output)\(outcome.error)")
        #expect(outcome.output.contains(fleet.verdict))
        try await eventually("the first request is announced") { served.output.hasSuffix("asked\n") }
        served.signal(SIGTERM)
        #expect(try await served.wait().exitCode == 0)
        #expect(try temporary.names().isEmpty)
    }

    @Test("The list has every case, and another name is a usage error")
    func names() async throws {
        let list = try await Program.collector().succeed(["drill", "--list"])
        let names = list.split(separator: "\n").dropFirst().map { String($0.prefix { $0 != " " }) }
        #expect(names == DrillCase.all.map(\.name))
        let unknown = try await Program.collector().run(["drill", "--serve", "nowhere"])
        #expect(unknown.exitCode == 64)
        #expect(unknown.error.contains("'nowhere'") && unknown.error.contains("--list"))
    }

    @Test("The usual checks run against fleets of the drill, and their false verdicts are counted")
    func usualChecks() async throws {
        let folder = try TemporaryFolder()
        let python = try Program.installed("python3", remedy: "apt-get install python3")
        let outcome = try await python.run([
            try SourceTree.path("bench/verdicts/run.py"), Program.collector().path, "--out", folder.path, "--only",
            "fine,straggler,parked,empty,paused",
        ])
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        let results = try folder.read("results.jsonl").split(separator: "\n").map {
            try JSONDecoder().decode(CheckResult.self, from: Data($0.utf8))
        }
        func outcomes(_ fleet: String) -> [String: String] {
            Dictionary(
                results.filter { $0.fleet == fleet }.map { ($0.check, $0.outcome) },
                uniquingKeysWith: { first, _ in first })
        }
        #expect(Set(outcomes("fine").values) == ["right"])
        #expect(
            outcomes("straggler").filter { $0.value != "right" } == [
                "replicas": "false_green", "http-200": "false_green",
            ])
        #expect(outcomes("parked")["sha-warn"] == "false_green")
        #expect(outcomes("parked")["tag"] == "not_modelled")
        #expect(outcomes("paused")["sha-once"] == "false_green")
        #expect(outcomes("paused")["sha-service"] == "right")
        #expect(outcomes("empty").filter { $0.value == "right" } == ["verify": "right"])
        #expect(try folder.read("README.md").contains("| buildinfo-collector verify | 5 | 0 | 0 | 0 | 0 | 0 |"))
        #expect(try folder.read("verdicts.svg").contains("5 simulated fleets"))
    }
}
