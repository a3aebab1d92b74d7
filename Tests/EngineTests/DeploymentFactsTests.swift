import Foundation
import Shared
import Support
import Testing

@testable import EndToEndFixtures

extension RealEngine {
    /// What a document says for commands and causes: the tool, the health check's output, the start error.
    @Suite("How a container was started, and why it fails")
    struct DeploymentFactsTests {
        private func instance(
            _ service: Service, options: [String] = [], command: [String] = [],
            until condition: (Instance) -> Bool = { _ in true }
        ) async throws -> Instance {
            let engine = service.engine
            try await engine.makeImage(service.latest, revision: Commit.new, command: command)
            try await engine.docker(
                ["create", "--pull", "never", "--name", service.name, "--network", "host"] + options
                    + [service.latest])
            do {
                try await engine.docker("start", service.name)
            } catch {
                // Some of these containers cannot be started.
            }
            let agent = try await HostAgent.start("host-1", selector: "container:\(service.name)", engine: engine)
            var latest: Instance?
            try await eventually("the container is as expected", detail: { "\(String(describing: latest))" }) {
                let document = try JSONDecoder().decode(Document.self, from: Data(try await agent.document().utf8))
                latest = document.instances.first
                return latest.map(condition) ?? false
            }
            try await engine.remove(service.name)
            return try #require(latest)
        }

        @Test("Labels of Compose and of a unit name the tool, and a plain container has none")
        func tools() async throws {
            let service = try await Service.make()
            let plain = try await instance(service)
            #expect(plain.deployment == Instance.Deployment(tool: .direct))
            #expect(plain.healthOutput == nil)
            #expect(plain.error == nil)
            let labels = [
                "com.docker.compose.project=shop", "com.docker.compose.service=canvas",
                "com.docker.compose.project.working_dir=/srv/shop",
                "com.docker.compose.project.config_files=docker-compose.yml,prod.yml",
            ]
            let compose = try await instance(service, options: labels.flatMap { ["--label", $0] })
            #expect(
                compose.deployment
                    == Instance.Deployment(
                        tool: .compose, group: "shop", name: "canvas", directory: "/srv/shop",
                        files: ["/srv/shop/docker-compose.yml", "/srv/shop/prod.yml"]))
            let unit = try await instance(service, options: ["--label", "PODMAN_SYSTEMD_UNIT=canvas.service"])
            #expect(unit.deployment == Instance.Deployment(tool: .systemd, name: "canvas.service"))
        }

        @Test("A failing health check has its output, or its exit code if it is silent")
        func healthOutput() async throws {
            let service = try await Service.make()
            let options = ["--health-interval", "500ms", "--health-retries", "1"]
            // The image has no shell, so the engine's own message is the output; it quotes the command.
            let failing = try await instance(service, options: options + ["--health-cmd", "curl --token hunter2"]) {
                $0.state == .unhealthy
            }
            #expect(failing.healthOutput?.contains("/bin/sh") == true, "\(failing)")
            #expect(failing.healthOutput?.contains("hunter2") == false)
            let silent = try await Service.make()
            try await silent.engine.makeImage(silent.latest, revision: Commit.new, healthCheck: ["0", "3"])
            try await silent.run([])
            let agent = try await HostAgent.start("host-1", selector: "container:\(silent.name)", engine: silent.engine)
            var document = ""
            try await eventually("it is unhealthy", detail: { document }) {
                document = try await agent.document()
                return document.contains(#""health_output":"no output (exit code 3)""#)
            }
            try await silent.engine.remove(silent.name)
        }

        @Test("A container that cannot be started has the engine's error, and a crash loop its count and exit code")
        func failures() async throws {
            let service = try await Service.make()
            let missing = try await instance(service, options: ["--entrypoint", "/missing"]) { $0.state == .exited }
            #expect(missing.error?.contains("\"/missing\"") == true, "\(missing)")
            #expect(missing.exitCode == 127)
            let loop = try await instance(service, options: ["--restart", "always"], command: ["0", "7"]) {
                $0.restartCount ?? 0 >= 2 && $0.state == .restarting
            }
            #expect(loop.exitCode == 7)
            #expect(loop.error == nil)
        }
    }
}
