import Foundation
import Shared
import Support
import Testing

@testable import EndToEndFixtures

/// `promote --server` by the example script, with a real registry and a real service.
@Suite("Promote, verified by a service", .timeLimit(.minutes(3)))
struct RemotePromotionTests {
    private struct Site {
        let step: PipelineStep
        let registry: LocalRegistry
        let forge: ScriptedGitea
        let agent: HostAgent
        let service: ServedCollector
        /// The candidate, an index.
        let image: MadeImage

        var folder: TemporaryFolder { step.folder }

        static func start(soak: String) async throws -> Site {
            let step = try PipelineStep()
            let folder = step.folder
            let registry = try await LocalRegistry.start()
            let image = MadeImage.index(
                ["linux/amd64", "linux/arm64"].map {
                    .init(MadeImage.single(revision: Commit.new, platform: $0), $0)
                })
            try registry.push(image, to: "canvas", tag: "staging-\(Commit.new)")
            try registry.push(MadeImage.single(revision: Commit.old), to: "canvas", tag: "latest")
            try folder.write(
                "build.json", #"{"git_sha":"\#(Commit.new)","digest":"\#(image.digest)","state":"serving"}"# + "\n")
            let agent = try await HostAgent.start("host-1", selector: "file:\(folder.path("build.json"))")
            try folder.write("fleet.yaml", "hosts:\n  - {name: host-1, url: \"\(agent.url)\"}\n")
            let service = try await ServedCollector.start(
                fleets: """
                      - service: canvas
                        environment: production
                        inventory: \(folder.path("fleet.yaml"))
                        policy: {soak: \(soak), timeout: 1m, interval: 500ms}
                    """, in: folder)
            return Site(
                step: step, registry: registry,
                forge: try await ScriptedGitea.start(history: [Commit.new, Commit.old]),
                agent: agent, service: service, image: image)
        }

        func promote(_ more: [String] = []) throws -> RunningProgram {
            let environment = [
                "IMAGE": "\(registry.authority)/canvas", "SHA": Commit.new, "CONTEXTS": "ci",
                "SERVER": "http://\(service.authority)", "REPORTS": folder.path("reports"),
                "COLLECTOR": try Program.collector().path, "GITEA_ACTIONS": "true", "GITHUB_SERVER_URL": forge.url,
                "GITHUB_REPOSITORY": "acme/canvas", "GITHUB_REF_NAME": "main", "GITHUB_TOKEN": "a-token-of-the-job",
                "GITHUB_RUN_ID": "7",
            ]
            return try Program.installed("sh", remedy: "apt-get install dash").start(
                [
                    try SourceTree.path("examples/promote.sh"), "--server-token-file", folder.path("verify.token"),
                    "--service", "canvas", "--environment", "production",
                ] + more, environment: step.environment.merging(environment) { $1 })
        }
    }

    @Test("promote.sh moves the tag and lets the service verify")
    func converges() async throws {
        let site = try await Site.start(soak: "1s")
        let plan = try await site.promote(["--dry-run"]).wait()
        #expect(plan.exitCode == 0 && plan.output.contains("verify through http://"), "\(plan.output)\(plan.error)")
        let outcome = try await site.promote().wait()
        await site.forge.stop()
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(outcome.output.contains("CANVAS_IMAGE_TAG=staging-\(Commit.new)@\(site.image.digest)\n"))
        let outputs = try site.step.outputs()
        #expect(outputs["verdict"] == "converged" && outputs["moved"] == "true", "\(outputs)")
        let summary = try site.folder.read("summary")
        #expect(summary.contains("\n## ✅ Deploy of "), "\(summary)")
        let json = try site.folder.read("reports/report.json")
        #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
        #expect(json.contains("\"promotion\""))
        let theirs = try site.service.object("/api/v1/verifications/\(try #require(outputs["verification"]))")
        #expect((theirs["report"] as? [String: Any])?["verdict"] as? String == "converged")
    }

    @Test("A tag that is another build after the green verdict makes the promotion superseded")
    func movedTag() async throws {
        let site = try await Site.start(soak: "12s")
        let running = try site.promote()
        try await eventually("the host soaks", detail: { running.error }) { running.error.contains("soaking") }
        try site.registry.push(MadeImage.single(revision: Commit.newer), to: "canvas", tag: "latest")
        let outcome = try await running.wait()
        await site.forge.stop()
        #expect(outcome.exitCode == 40, "\(outcome.error)")
        #expect(try site.step.outputs()["verdict"] == "superseded")
    }

    @Test("A promotion that is not verified, and local credentials, have no use for a service")
    func refused() async throws {
        let site = try await Site.start(soak: "1s")
        for options in [["--no-verify"], ["--fleet", "fleet.yaml"], ["--ca", "ca.pem"]] {
            let outcome = try await site.promote(options).wait()
            #expect(outcome.exitCode == 64 && outcome.error.contains(options[0]), "\(outcome.error)")
        }
        await site.forge.stop()
    }

    // MARK: - Back

    /// The arguments of a local run, with a service in place of the fleet.
    private static func through(
        _ service: ServedCollector, _ arguments: [String], environment: String = "default",
        token: String = "verify.token"
    ) -> [String] {
        var arguments = arguments
        for flag in ["--fleet", "--soak", "--interval", "--timeout"] {
            if let index = arguments.firstIndex(of: flag) { arguments.removeSubrange(index...index + 1) }
        }
        return arguments + [
            "--server", "http://\(service.authority)", "--server-token-file", service.folder.path(token), "--service",
            "canvas", "--environment", environment,
        ]
    }

    private static func serve(_ promoter: Promoter, policy: String = "") async throws -> ServedCollector {
        try await ServedCollector.start(
            fleets: """
                  - service: canvas
                    inventory: \(promoter.folder.path("fleet.yaml"))
                    policy: {soak: 1s, timeout: 30s, interval: 500ms\(policy)}
                """, in: promoter.folder)
    }

    private static func run(_ promoter: Promoter, _ arguments: [String]) async throws -> RunningProgram.Outcome {
        try await Program.collector().run(
            arguments, environment: ["HOME": promoter.folder.path, "GITEA_TOKEN": Promoter.token])
    }

    @Test("What a service proved can be rolled back to, and the service proves that, too")
    func rollback() async throws {
        let promoter = try await Promoter.make()
        promoter.followTag()
        let service = try await Self.serve(promoter)
        // The service has a ledger of its own.
        let ledger = ["--store", promoter.folder.path("journal.db")]
        for (commit, history) in [
            (Commit.old, [Commit.old, Promoter.elder]), (Commit.new, [Commit.new, Commit.old, Promoter.elder]),
        ] {
            promoter.forge.change { $0.history = history }
            let promoted = try await Self.run(
                promoter, Self.through(service, promoter.arguments(ledger, sha: commit, verifies: true)))
            #expect(promoted.exitCode == 0, "\(promoted.error)")
        }
        let back = Self.through(service, promoter.rollbackArguments(ledger))
        let plan = try await Self.run(promoter, back + ["--dry-run"])
        #expect(plan.exitCode == 0, "\(plan.error)")
        #expect(plan.output.contains("to \(Commit.old.prefix(12)) (promotion no. 1, converged 20"), "\(plan.output)")
        #expect(plan.output.contains("then verify through http://"), "\(plan.output)")
        #expect(promoter.registry.tag("latest") == promoter.new.digest)

        let outcome = try await Self.run(promoter, back)
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(promoter.registry.tag("latest") == promoter.old.digest)
        let json = try promoter.folder.read("report.json")
        #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
        #expect(json.contains(#""kind" : "rollback""#))
        // A build that was promoted before is no late job.
        #expect(!json.contains("already this build"), "\(json)")
        let promotions = try #require(
            try service.object("/api/v1/promotions?service=canvas&environment=default")["promotions"]
                as? [[String: Any]]
        )
        #expect(promotions.map { $0["verdict"] as? String } == ["converged", "converged", "converged"])
        #expect((try service.fleet()["target"] as? [String: Any])?["git_sha"] as? String == Commit.old)
        // The rollback is proven, so there is nothing to finish, and nothing further back.
        let again = try await Self.run(promoter, back)
        #expect(again.exitCode == 64 && again.error.contains("no build is left to roll back to"), "\(again.error)")
        let history = try await Program.collector().run(["history"] + ledger)
        #expect(history.output.split(separator: "\n").count { $0.contains("converged") } == 3, "\(history.output)")
        await promoter.stop()
    }

    @Test("A rollback whose host does not follow is red, and finished by the next one")
    func unfinished() async throws {
        let promoter = try await Promoter.make()
        promoter.followTag()
        let service = try await Self.serve(promoter)
        let ledger = ["--store", promoter.folder.path("journal.db")]
        promoter.forge.change { $0.history = [Commit.old, Promoter.elder] }
        let old = try await Self.run(
            promoter, Self.through(service, promoter.arguments(ledger, sha: Commit.old, verifies: true)))
        #expect(old.exitCode == 0, "\(old.error)")
        promoter.forge.change { $0.history = [Commit.new, Commit.old, Promoter.elder] }
        let new = try await Self.run(
            promoter, Self.through(service, promoter.arguments(ledger, verifies: true)))
        #expect(new.exitCode == 0, "\(new.error)")
        promoter.registry.behave { _, _ in .honest }
        let back = Self.through(service, promoter.rollbackArguments(ledger))
        let stuck = try await Self.run(promoter, back + ["--timeout", "4s"])
        #expect(stuck.exitCode == 10, "\(stuck.error)")
        try promoter.serve(promoter.old, Commit.old)
        let finished = try await Self.run(promoter, back)
        #expect(finished.exitCode == 0, "\(finished.error)")
        #expect(finished.error.contains("is finished first"), "\(finished.error)")
        let again = try await Self.run(promoter, back)
        #expect(again.exitCode == 64, "\(again.error)")
        await promoter.stop()
    }

    @Test("Nothing is moved that the service would not verify", arguments: ["promote", "rollback"])
    func preflight(_ command: String) async throws {
        let promoter = try await Promoter.make()
        try await promoter.proveOld()
        try promoter.serve(promoter.new, Commit.new)
        if command == "rollback" {
            let new = try await promoter.run(verifies: true)
            #expect(new.exitCode == 0, "\(new.error)")
        }
        let service = try await Self.serve(promoter, policy: ", min_hosts: 1")
        let before = promoter.registry.tag("latest")
        let writes = promoter.registry.writes
        let arguments =
            command == "promote" ? promoter.arguments(verifies: true) : promoter.rollbackArguments([])
        var cases: [([String], String, String, Int32, String)] = [
            ([], "default", "read.token", 69, "scope 'verify'"),
            (["--max-failed", "1"], "default", "verify.token", 64, "is laxer"),
            (["--min-hosts", "2"], "default", "verify.token", 50, "--min-hosts asks for 2"),
        ]
        // In another environment, a rollback has no build to go back to.
        if command == "promote" { cases.append(([], "staging", "verify.token", 64, "no fleet 'canvas/staging'")) }
        for (options, environment, token, exitCode, message) in cases {
            for dryRun in [["--dry-run"], []] {
                let outcome = try await Self.run(
                    promoter,
                    Self.through(service, arguments, environment: environment, token: token) + options + dryRun)
                #expect(outcome.exitCode == exitCode, "\(options) \(environment): \(outcome.error)")
                #expect(outcome.error.contains(message), "\(outcome.error)")
                #expect(dryRun.isEmpty == false || outcome.error.contains("nothing was changed"), "\(outcome.error)")
            }
        }
        #expect(promoter.registry.tag("latest") == before)
        #expect(promoter.registry.writes == writes)
        await promoter.stop()
    }
}
