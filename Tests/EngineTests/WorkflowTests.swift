import Foundation
import Shared
import Support
import Testing
import Yams

@testable import EndToEndFixtures

extension RealEngine {
    /// The example workflows, run like a CI runner does: the shell script of every step, with a real engine and a real
    /// registry that requires a password. The forge is scripted, and steps with `uses` are skipped.
    @Suite("Workflows")
    struct WorkflowTests {
        private struct Step {
            let name: String
            let block: String
            /// The variables of the step's `env`, such as secrets.
            let variables: [String]
        }

        /// The steps of a workflow that run a script, in order.
        private static func steps(_ file: String) throws -> [Step] {
            let text = try String(contentsOfFile: SourceTree.path("examples/\(file)"), encoding: .utf8)
            let jobs = try #require(try Yams.compose(yaml: text)?["jobs"]?.mapping)
            return jobs.values.flatMap { $0["steps"]?.array() ?? [] }.compactMap { step in
                step["run"]?.string.map {
                    Step(
                        name: step["name"]?.string ?? "", block: $0,
                        variables: step["env"]?.mapping?.keys.compactMap(\.string) ?? [])
                }
            }
        }

        /// The image in the Compose file with this pin. A shell expands its variables, since Compose uses the same syntax.
        private static func pinned(_ tag: String, _ image: String) async throws -> String {
            let text = try String(contentsOfFile: SourceTree.path("examples/compose.yaml"), encoding: .utf8)
            let name = try #require(try Yams.compose(yaml: text)?["services"]?["canvas"]?["image"]?.string)
            let shell = try Program.installed("sh", remedy: "apt-get install dash")
            return try await shell.succeed(
                ["-c", "printf %s \"\(name)\""], environment: ["CANVAS_IMAGE": image, "CANVAS_IMAGE_TAG": tag])
        }

        @Test(
            "A workflow builds, pushes and promotes the candidate, and is green once the host serves it",
            arguments: ["gitea-actions.yml", "github-actions.yml"])
        func whole(_ file: String) async throws {
            let engine = try await SharedEnvironment.shared.engine
            let registry = try await LocalRegistry.start(.password)
            let forge = try await ScriptedGitea.start(history: [Commit.new, Commit.old])
            let runner = try PipelineStep()
            let folder = runner.folder
            let work = try folder.makeFolder("work")
            let (image, name) = ("\(registry.authority)/canvas", "workflow-\(file.prefix(6))")
            try FileManager.default.createSymbolicLink(
                atPath: "\(work)/examples", withDestinationPath: try SourceTree.path("examples"))
            try FileManager.default.copyItem(
                atPath: try Program.installed("busybox", remedy: "apt-get install busybox-static").path,
                toPath: "\(work)/busybox")
            try folder.write(
                "work/Dockerfile",
                """
                FROM scratch
                COPY busybox /busybox
                HEALTHCHECK --interval=500ms --retries=1 CMD ["/busybox", "true"]
                CMD ["/busybox", "sleep", "86400"]
                """)
            let agent = try await HostAgent.start("host-1", selector: "container:\(name)", engine: engine)
            try folder.write("fleet.yaml", "service: canvas\nhosts:\n  - {name: host-1, url: \"\(agent.url)\"}\n")
            let bin = try folder.makeFolder("bin")
            try FileManager.default.createSymbolicLink(
                atPath: "\(bin)/buildinfo-collector", withDestinationPath: try Program.collector().path)

            let settings = [
                "PATH": "\(bin):/usr/local/bin:/usr/bin:/bin:/usr/sbin", "DOCKER_HOST": engine.address,
                "IMAGE": image, "FLEET": folder.path("fleet.yaml"), "CONTEXTS": "ci",
                "GITEA_ACTIONS": "true", "GITHUB_SERVER_URL": forge.url, "GITHUB_REPOSITORY": "acme/canvas",
                "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch", "GITHUB_SHA": Commit.new,
                "GITHUB_ACTOR": "octocat",
            ].merging(runner.environment) { $1 }
            let given = [
                "REGISTRY_USER": LocalRegistry.user, "REGISTRY_PASSWORD": LocalRegistry.password,
                "GITHUB_TOKEN": "token-of-the-job", "GITEA_TOKEN": "token-of-the-job", "PROD_AUTO_DEPLOY_DISABLED": "",
            ]
            let docker = try Program.installed("docker", remedy: "apt-get install docker.io")
            let bash = try Program.installed("bash", remedy: "apt-get install bash")
            var run = 0
            for step in try Self.steps(file) where step.name != "Summarize a failure" {
                let isPromotion = step.name == "Promote and verify"
                // A shorter soak is enough for the test.
                let block = step.block.replacing("--soak 30s", with: "--soak 1s --interval 200ms")
                #expect((block != step.block) == isPromotion)
                let secrets = given.filter { step.variables.contains($0.key) }
                #expect(
                    secrets.count == step.variables.count, "\(step.name) needs a variable that the test does not set")
                let running = try bash.start(
                    ["-e", "-o", "pipefail", "-c", "cd '\(work)'\n\(block)"],
                    environment: settings.merging(secrets) { $1 })
                if isPromotion {
                    try await eventually("the tag is moved", detail: { running.error }) {
                        running.exitCode != nil || running.error.contains("read back")
                    }
                    try await docker.succeed(["pull", "--quiet", "\(image):latest"], environment: settings)
                    try await docker.succeed(
                        ["run", "--detach", "--network", "host", "--stop-timeout", "0", "--name", name]
                            + ["\(image):latest"], environment: settings)
                }
                let outcome = try await running.wait(within: .seconds(240))
                #expect(outcome.exitCode == 0, "\(step.name): \(outcome.output)\(outcome.error)")
                #expect(!(outcome.output + outcome.error).contains(LocalRegistry.password))
                run += 1
            }
            #expect(run == 4, "log in, build and push, log in, promote")

            let skopeo = try Program.installed("skopeo", remedy: "apt-get install skopeo")
            func digest(_ tag: String) async throws -> Digest? {
                let raw = try await skopeo.run(
                    [
                        "inspect", "--raw", "--tls-verify=false", "--creds",
                        "\(LocalRegistry.user):\(LocalRegistry.password)", "docker://\(image):\(tag)",
                    ], environment: ["HOME": folder.path])
                return Digest(sha256: SHA256.hash(Array(raw.output.utf8)))
            }
            let promoted = try #require(try await digest("latest"))
            #expect(try await digest("staging-\(Commit.new)") == promoted)
            #expect(try runner.outputs()["verdict"] == "converged")
            let summary = try folder.read("summary")
            #expect(summary.hasPrefix("## ✅ ") && summary.contains("**converged** (exit 0)"), "\(summary)")
            let report = try folder.read("work/buildinfo-reports/report.json")
            #expect(try await SchemaValidator.defects(report, against: .report).isEmpty)
            #expect(report.contains("octocat"))

            // An engine can pull each form of the pin, and all are the same image.
            var images: Set<String> = []
            for tag in ["", "latest", "staging-\(Commit.new)", "staging-\(Commit.new)@\(promoted)"] {
                let reference = try await Self.pinned(tag, image)
                try await docker.succeed(["pull", "--quiet", reference], environment: settings)
                images.insert(
                    try await docker.succeed(
                        ["image", "inspect", "--format", "{{.Id}}", reference], environment: settings))
            }
            #expect(images.count == 1)
            try await engine.remove(name)
            await forge.stop()
        }
    }
}
