import Foundation
import Support
import Testing
import Yams

/// The syntax of the examples; the end-to-end tests run them.
@Suite("Example files")
struct ExampleFilesTests {
    private static let names = [
        "github-actions.yml", "gitea-actions.yml", "github-actions-service.yml", "gitea-actions-service.yml",
        "gitlab-ci.yml",
    ]

    private static func text(_ name: String) throws -> String {
        try String(contentsOfFile: SourceTree.path("examples/\(name)"), encoding: .utf8)
    }

    /// The blocks that shells run.
    private static func blocks(_ name: String) throws -> [String] {
        let root = try #require(try Yams.compose(yaml: text(name)), "\(name) is empty")
        if name.hasPrefix("gitlab") {
            let jobs = try #require(root.mapping).values.filter { $0["script"] != nil }
            return jobs.flatMap { job in
                ["before_script", "script"].flatMap { job[$0]?.array().compactMap(\.string) ?? [] }
            }
        }
        let jobs = try #require(root["jobs"]?.mapping)
        return jobs.values.flatMap { $0["steps"]?.array() ?? [] }.compactMap { $0["run"]?.string }
    }

    @Test("Pipeline examples are YAML with valid shell blocks", arguments: names)
    func syntax(_ name: String) async throws {
        let blocks = try Self.blocks(name)
        #expect(blocks.count >= 2)
        let bash = try Program.installed("bash", remedy: "apt-get install bash")
        let shellcheck = try Program.installed("shellcheck", remedy: "apt-get install shellcheck")
        for block in blocks {
            #expect(try await bash.run(["-n"], input: block).error == "", "\(block)")
            let findings = try await shellcheck.run(["--shell", "bash", "-"], input: block)
            #expect(findings.exitCode == 0, "\(findings.output)")
            // A runner expands expressions before the shell reads the script, so their content would be executed.
            #expect(!block.contains("${{"), "an expression belongs into env: \(block)")
        }
    }

    @Test(
        "Pipeline examples push a candidate, run the script, and always keep its reports", arguments: names)
    func reports(_ name: String) throws {
        let file = name.hasPrefix("gitlab") ? "verify.sh" : "promote.sh"
        let blocks = try Self.blocks(name)
        #expect(blocks.contains { $0.split(separator: "\n").contains { $0.hasPrefix("sh examples/\(file) ") } })
        let pushes = blocks.filter { $0.contains("docker push \"$IMAGE:staging-$") }
        #expect(pushes.count == 1)
        let root = try #require(try Yams.compose(yaml: Self.text(name)))
        let script = try Self.text(file)
        #expect(script.contains("REPORTS=${REPORTS:-buildinfo-reports}"))
        if name.hasPrefix("gitlab") {
            let artifacts = try #require(root["promote"]?["artifacts"])
            #expect(artifacts["when"]?.string == "always")
            #expect(artifacts["paths"]?.array().first?.string == "buildinfo-reports/")
            #expect(artifacts["reports"]?["junit"]?.string == "buildinfo-reports/junit.xml")
            #expect(script.contains("junit=$REPORTS/junit.xml"))
        } else {
            let steps = try #require(root["jobs"]?["promote"]?["steps"]?.array())
            let upload = steps.first { $0["uses"]?.string?.hasPrefix("actions/upload-artifact@") == true }
            #expect(upload?["if"]?.string == "always()")
            #expect(upload?["with"]?["path"]?.string == "buildinfo-reports/")
        }
    }

    @Test(
        "Example scripts work in any shell", arguments: ["verify.sh", "promote.sh", "rollback.sh", "host-update.sh"])
    func script(_ name: String) async throws {
        let path = try SourceTree.path("examples/\(name)")
        for shell in ["sh", "bash"] {
            try await Program.installed(shell, remedy: "apt-get install \(shell)").succeed(["-n", path])
        }
        try await Program.installed("shellcheck", remedy: "apt-get install shellcheck").succeed([path])
    }

    @Test("The example compose file has a pin and a health check, and docker compose accepts it")
    func compose() async throws {
        let service = try #require(try Yams.compose(yaml: Self.text("compose.yaml"))?["services"]?["canvas"])
        #expect(
            service["image"]?.string
                == "${CANVAS_IMAGE:-registry.example.com/team/canvas}:${CANVAS_IMAGE_TAG:-latest}")
        #expect(service["healthcheck"]?["test"]?.array().first?.string == "CMD")
        #expect(service["restart"]?.string == "unless-stopped")
        let docker = try Program.installed("docker", remedy: "apt-get install docker.io")
        guard try await docker.run(["compose", "version"]).exitCode == 0 else { return }
        let pin = "staging-\(String(repeating: "c", count: 40))@sha256:\(String(repeating: "d", count: 64))"
        let outcome = try await docker.run(
            ["compose", "--file", try SourceTree.path("examples/compose.yaml"), "config"],
            environment: ["CANVAS_IMAGE_TAG": pin])
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(outcome.output.contains("image: registry.example.com/team/canvas:\(pin)"))
    }

    @Test("Pipeline examples use outputs that promote sets")
    func outputs() throws {
        let text = try Self.text("github-actions.yml")
        let used = text.matches(of: /steps\.promote\.outputs\.(\w+)/).map { String($0.output.1) }
        #expect(Set(used) == ["verdict", "moved", "serving", "failed_hosts", "unproven_hosts"])
    }
}
