import Foundation
import Glibc
import Shared
import Support
import Testing
import Yams

@testable import EndToEndFixtures

/// `examples/agent.compose.yaml`; packaging/container/check.sh runs it on an engine.
@Suite("The agent's Compose file", .timeLimit(.minutes(2)))
struct AgentComposeTests {
    @Test("Its health check passes with the address that its instructions set, and fails without the reader")
    func healthCheck() async throws {
        let text = try String(contentsOfFile: SourceTree.path("examples/agent.compose.yaml"), encoding: .utf8)
        let services = try #require((try Yams.load(yaml: text) as? [String: Any])?["services"] as? [String: Any])
        let agent = try #require(services["agent"] as? [String: Any])
        let declared = try #require(agent["environment"] as? [String: String])
        let command = try #require((agent["healthcheck"] as? [String: Any])?["test"] as? [String])
        #expect(command.prefix(2) == ["CMD", "/usr/bin/buildinfo-agent"])
        let address = try #require(text.firstMatch(of: #/BUILDINFO_LISTEN=([0-9.:]+)/#)).output.1
        #expect(!address.hasPrefix("127."), "an address that needs a token")

        let folder = try TemporaryFolder()
        try folder.write("build", Commit.new)
        try folder.write("token", "token-of-a-test-of-32-characters")
        chmod(folder.path("token"), 0o400)
        // The file has Compose's syntax for variables, which is a shell's.
        let shell = try Program.installed("sh", remedy: "apt-get install dash")
        var environment = ["BUILDINFO_HOST_ID": "id-of-host-1"]
        for (name, value) in declared {
            environment[name] = try await shell.succeed(
                ["-c", "printf %s \"\(value)\""],
                environment: [
                    "BUILDINFO_LISTEN": String(address), "BUILDINFO_SERVICE": "canvas=compose:canvas",
                    "BUILDINFO_HOST_NAME": "canvas-01",
                ]
            ).replacing("/run/buildinfo-reader/reader.sock", with: folder.path("r.sock"))
                .replacing("/etc/buildinfo/token", with: folder.path("token"))
        }
        let program = try Program.agent()
        let reader = try program.start([
            "read", "--listen", "unix:\(folder.path("r.sock"))", "--service", "canvas=file:\(folder.path("build"))",
            "--host-id", "id-of-host-1",
        ])
        var last = ""
        try await eventually("the health check passes", detail: { last }) {
            let outcome = try await program.run(Array(command.dropFirst(2)), environment: environment)
            last = outcome.output + outcome.error
            return outcome.exitCode == 0
        }
        reader.kill()
        try await reader.wait()
        #expect(try await program.run(Array(command.dropFirst(2)), environment: environment).exitCode == 69)
    }
}
