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
}
