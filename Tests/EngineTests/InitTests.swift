import Foundation
import Shared
import Support
import Testing

@testable import EndToEndFixtures

extension RealEngine {
    @Suite("A configuration for what runs")
    struct InitTests {
        private static func labels(_ project: String, _ service: String, _ number: Int, oneOff: Bool = false)
            -> [String]
        {
            [
                "com.docker.compose.project=\(project)", "com.docker.compose.service=\(service)",
                "com.docker.compose.container-number=\(number)",
                "com.docker.compose.oneoff=\(oneOff ? "True" : "False")",
            ].flatMap { ["--label", $0] }
        }

        /// Writes a configuration for the engine, and returns its text and what `check` says of it.
        private static func written(_ address: String) async throws -> (
            text: String, check: (code: Int32?, output: String)
        ) {
            let folder = try TemporaryFolder()
            let file = folder.path("agent.yaml")
            let agent = try Program.agent()
            let outcome = try await agent.run(["init", "--engine", address, "--output", file])
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            #expect(outcome.output.isEmpty)
            let check = try await agent.run(["check", "--config", file, "--host-id", "id-of-host-1"])
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o644)
            return (try String(contentsOfFile: file, encoding: .utf8), (check.exitCode, check.output))
        }

        @Test("On Docker, every service has an entry that the agent serves, whatever its containers are called")
        func docker() async throws {
            let service = try await Service.make()
            let engine = service.engine
            let digest = try await service.release(Commit.new)
            try await service.pull()
            let pinned = "\(service.repository)@\(digest)"
            try await engine.docker("pull", "--quiet", pinned)
            try await engine.makeImage("unlabelled-\(service.name):1", revision: nil, healthCheck: ["0", "0"])
            let id = try await engine.docker("image", "inspect", "--format", "{{.Id}}", service.latest).trimmed
            let rows: [(name: String, options: [String], image: String)] = [
                ("\(service.name)-shop-1", Self.labels("shop", service.name, 1), service.latest),
                ("\(service.name)-shop-2", Self.labels("shop", service.name, 2), service.latest),
                ("\(service.name)-blog-1", Self.labels("blog", service.name, 1), service.latest),
                ("\(service.name)-run-1", Self.labels("blog", service.name, 1, oneOff: true), service.latest),
                ("My_App.\(service.name)", [], pinned),
                ("by-id-\(service.name)", [], id),
                ("unlabelled-\(service.name)", [], "unlabelled-\(service.name):1"),
                ("stopped-\(service.name)", [], service.latest),
            ]
            for row in rows {
                try await engine.docker(
                    ["run", "--detach", "--pull", "never", "--name", row.name, "--network", "host"] + row.options
                        + [row.image])
            }
            try await engine.docker("stop", "stopped-\(service.name)")
            let (text, check) = try await Self.written(engine.address)
            for row in rows { try await engine.remove(row.name) }

            let short = digest.short
            for part in [
                "  - name: shop-\(service.name)\n    compose: shop/\(service.name)\n    instances: 2\n",
                "  - name: blog-\(service.name)\n    compose: blog/\(service.name)\n\n",
                "  # Serves \(service.latest): \(short), commit \(Commit.new.prefix(12))\n",
                "  # Serves \(pinned): \(short), commit \(Commit.new.prefix(12))\n",
                "  - name: My_App.\(service.name)\n    container: My_App.\(service.name)\n",
                "  - name: by-id-\(service.name)\n",
                "it was created from an image's id, which names no repository",
                "  # Nothing proves its build yet. Build the image with --label",
                "  # No health check: ",
                "  # - name: stopped-\(service.name)\n  #   container: stopped-\(service.name)\n",
                "#   \(service.name)-run-1: started for one command\n",
            ] {
                #expect(text.contains(part), "\(part)\n\(text)")
            }
            #expect(check.code == 0, "\(check.output)")
            #expect(check.output.contains("compose:shop/\(service.name),instances=2  serving"), "\(check.output)")
        }

        @Test("On Podman, labels of podman-compose name the service")
        func podman() async throws {
            let podman = try await PodmanEngine.start()
            try await podman.makeImage("registry.example/canvas:1", revision: Commit.new)
            let labels = ["io.podman.compose.project=shop", "io.podman.compose.service=canvas"]
            try await podman.run("shop_canvas_1", "registry.example/canvas:1", labels.flatMap { ["--label", $0] })
            try await podman.run("plain", "registry.example/canvas:1")
            let (text, check) = try await Self.written(podman.address)
            #expect(text.contains("  - name: canvas\n    compose: shop/canvas\n"), "\(text)")
            #expect(text.contains("  - name: plain\n    container: plain\n"), "\(text)")
            #expect(text.contains("engines:\n  - \(podman.socket)\n"), "\(text)")
            #expect(check.code == 0, "\(check.output)")
        }
    }
}
