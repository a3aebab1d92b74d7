import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// Remedies as values: what each tool's command is, and that no text of a host becomes a part of one.
@Suite("Remedies of hosts")
struct HostRemedyTests {
    private static let latest = ImageTracking.moving("registry.example/canvas:latest")
    private static let pinned = ImageTracking.pinned(
        "registry.example/canvas:staging-bbbbbbb", target: "registry.example/canvas@sha256:11")

    private static func setup(
        _ tool: Instance.Deployment.Tool, group: String? = nil, name: String? = nil, directory: String? = nil,
        files: [String] = [], engine: EngineIdentity.Name = .docker, instances: Int = 1
    ) -> ServiceSetup {
        ServiceSetup(
            service: "canvas", engine: engine,
            deployment: .init(tool: tool, group: group, name: name, directory: directory, files: files),
            container: "canvas-1", reference: "registry.example/canvas:latest", instances: instances)
    }

    @Test(
        "A Compose command names folder, files and project as they are",
        arguments: [
            ("/srv/shop", [], "shop", "cd /srv/shop && docker compose pull web && docker compose up -d web"),
            (
                "/srv/shop", [], "prod",
                "cd /srv/shop && docker compose -p prod pull web && docker compose -p prod up -d web"
            ),
            (
                "/srv/my-shop", [], "my-shop",
                "cd /srv/my-shop && docker compose -p my-shop pull web && docker compose -p my-shop up -d web"
            ),
            (
                "/srv/shop", ["/srv/shop/compose.yaml", "/srv/shop/compose.prod.yaml"], "shop",
                "cd /srv/shop && docker compose -f compose.yaml -f compose.prod.yaml pull web && "
                    + "docker compose -f compose.yaml -f compose.prod.yaml up -d web"
            ),
            (
                "/srv/shop", ["/srv/deploy/prod.yaml"], "shop",
                "cd /srv/shop && docker compose --project-directory /srv/shop -f /srv/deploy/prod.yaml pull web && "
                    + "docker compose --project-directory /srv/shop -f /srv/deploy/prod.yaml up -d web"
            ),
            (
                "/srv/my shop's", [], "shop",
                #"cd '/srv/my shop'\''s' && docker compose -p shop pull web && docker compose -p shop up -d web"#
            ),
            (
                "/srv/café", [], "caf",
                "cd '/srv/café' && docker compose -p caf pull web && docker compose -p caf up -d web"
            ),
            ("/srv/shop", ["-"], "shop", nil), ("srv", [], "srv", nil), ("/srv/a\nb", [], "shop", nil),
        ] as [(String, [String], String, String?)])
    func compose(_ directory: String, _ files: [String], _ project: String, _ command: String?) {
        let setup = Self.setup(.compose, group: project, name: "web", directory: directory, files: files)
        let remedy = HostRemedy.deploy(setup, Self.latest)
        #expect(remedy.command == command)
        if let command {
            #expect(remedy.sentence == "run \(command)")
        } else {
            #expect(!remedy.sentence.contains("docker"), "\(remedy.sentence)")
        }
    }

    @Test("Several instances are kept: up would scale the service to its file's number")
    func scale() {
        let setup = Self.setup(.compose, group: "shop", name: "web", directory: "/srv/shop", instances: 3)
        #expect(
            HostRemedy.recreate(setup, Self.latest).command
                == "cd /srv/shop && docker compose up -d --scale web=3 web")
    }

    @Test("podman-compose is told to recreate: before 1.6 it does not compare images")
    func podmanCompose() {
        let setup = Self.setup(.compose, group: "shop", name: "web", directory: "/srv/shop", engine: .podman)
        #expect(
            HostRemedy.deploy(setup, Self.latest).command
                == "cd /srv/shop && podman-compose pull web && podman-compose up -d --force-recreate web")
        let elsewhere = Self.setup(
            .compose, group: "shop", name: "web", directory: "/srv/shop", files: ["/srv/deploy/x.yaml"], engine: .podman
        )
        #expect(HostRemedy.deploy(elsewhere, Self.latest).command == nil)
    }

    @Test("Each tool has its own command, or none")
    func tools() {
        func command(_ setup: ServiceSetup, _ image: ImageTracking = Self.latest) -> String? {
            HostRemedy.deploy(setup, image).command
        }
        let unit = Self.setup(.systemd, name: "canvas.service", engine: .podman)
        #expect(command(unit) == "podman pull registry.example/canvas:latest && systemctl restart canvas.service")
        #expect(command(unit, Self.pinned) == "systemctl daemon-reload && systemctl restart canvas.service")
        #expect(HostRemedy.recreate(unit, Self.latest).command == "systemctl restart canvas.service")
        #expect(HostRemedy.recreate(unit, Self.latest).sentence.contains("--user"))
        let swarm = Self.setup(.swarm, group: "shop", name: "shop_web")
        #expect(command(swarm) == "docker service update --image registry.example/canvas:latest shop_web")
        #expect(
            command(swarm, Self.pinned) == "docker service update --image registry.example/canvas@sha256:11 shop_web")
        #expect(command(swarm, .unknown) == nil)
        #expect(command(Self.setup(.kamal, name: "canvas")) == "kamal redeploy --skip-push")
        #expect(command(Self.setup(.kamal, group: "eu", name: "canvas")) == "kamal redeploy --skip-push -d eu")
        #expect(command(Self.setup(.nomad, group: "web", name: "canvas")) == "nomad job restart web")
        #expect(command(Self.setup(.nomad, name: "canvas")) == nil)
        #expect(command(Self.setup(.nomad, group: "web", name: "canvas"), Self.pinned) == nil)
        #expect(command(Self.setup(.kubernetes, group: "shop", name: "canvas")) == nil)
        #expect(command(Self.setup(.direct)) == "docker pull registry.example/canvas:latest")
        #expect(command(Self.setup(.direct, engine: .podman)) == "podman pull registry.example/canvas:latest")
        #expect(HostRemedy.recreate(Self.setup(.direct), Self.latest).command == nil)
        #expect(command(Self.setup(.other)) == nil)
        for tool: Instance.Deployment.Tool in [.other, .kubernetes, .direct] {
            let text = HostRemedy.deploy(Self.setup(tool), Self.latest).sentence
            #expect(!text.contains("compose"), "\(text)")
        }
    }

    @Test("A pull is never the remedy for a container that is pinned to another build")
    func pins() {
        for tool: Instance.Deployment.Tool in [.compose, .swarm, .nomad, .kubernetes, .systemd, .direct, .other] {
            let setup = Self.setup(tool, group: "shop", name: "canvas", directory: "/srv/shop")
            let text = HostRemedy.deploy(setup, Self.pinned).sentence
            #expect(text.contains("registry.example/canvas@sha256:11"), "\(tool): \(text)")
            #expect(!text.contains("pull registry.example/canvas:staging-bbbbbbb"), "\(tool): \(text)")
        }
    }

    @Test("A file source and a host without an agent are not sent to an engine's logs")
    func withoutEngine() {
        let file = ServiceSetup(service: "/run/canvas.json")
        #expect(HostRemedy.readLogs(file).sentence == "look at its logs")
        #expect(HostRemedy.unpause(file).command == nil)
        #expect(HostRemedy.readLogs(Self.setup(.direct)).command == "docker logs canvas-1")
        #expect(HostRemedy.readLogs(Self.setup(.direct, engine: .podman)).command == "podman logs canvas-1")
        #expect(HostRemedy.readLogs(Self.setup(.systemd, name: "a.service")).command == "journalctl -u a.service")
        #expect(HostRemedy.unpause(Self.setup(.direct, engine: .podman)).command == "podman unpause canvas-1")
    }

    // MARK: - Quoting

    /// Every remedy with a name in each place where a host can put one.
    private static func remedies(_ name: String) -> [HostRemedy] {
        EngineIdentity.Name.allEngines.flatMap { engine in
            [.compose, .swarm, .kamal, .nomad, .kubernetes, .systemd, .direct, .other].flatMap {
                (tool: Instance.Deployment.Tool) -> [HostRemedy] in
                let setup = ServiceSetup(
                    service: name, engine: engine,
                    deployment: .init(tool: tool, group: name, name: name, directory: "/srv/\(name)", files: [name]),
                    container: name, reference: name, instances: 2)
                return [.moving(name), .pinned(name, target: name), .unknown].flatMap { (image: ImageTracking) in
                    [
                        .deploy(setup, image), .recreate(setup, image), .readLogs(setup), .unpause(setup),
                        .start(service: name),
                    ]
                }
            }
        }
    }

    @Test("No text of a host ends a word, begins a command, expands, or is an option", arguments: HostileNames.all)
    func hostile(_ name: String) {
        for remedy in Self.remedies(name) {
            #expect(remedy.sentence == Sanitizer.singleLine(remedy.sentence, limit: 1_024), "\(remedy.sentence)")
            guard let command = remedy.command else { continue }
            let words = ShellWords(command)
            #expect(!words.isUnsafe, "\(command)")
            let programs = Set(words.commands.compactMap(\.first))
            #expect(
                programs.isSubset(of: [
                    "cd", "docker", "podman", "podman-compose", "systemctl", "journalctl", "kamal", "nomad",
                ]), "\(command)")
            // The name stands alone as a word, or after a prefix of this program's.
            let known = [name, "/srv/\(name)", "\(name)=2"]
            for word in words.commands.joined() where word.contains(name) && !name.isEmpty && name.count > 2 {
                #expect(known.contains(word), "\(word) in \(command)")
            }
            #expect(!name.hasPrefix("-") || !words.commands.joined().contains(name), "\(command)")
        }
    }

    @Test(
        "A real shell passes hostile names on as they are",
        arguments: ["it's", "a b", "$(touch pwned)", "café ☃", "'; touch pwned; '", "*"])
    func shell(_ name: String) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("remedy-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let project = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: project, withIntermediateDirectories: true)
        let docker = folder.appendingPathComponent("docker")
        try Data("#!/bin/sh\npwd\nprintf '%s\\n' \"$@\"\n".utf8).write(to: docker)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: docker.path)
        let setup = Self.setup(.compose, group: name, name: name, directory: project.path)
        let command = try #require(HostRemedy.recreate(setup, Self.latest).command)
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", command]
        shell.environment = ["PATH": "\(folder.path):/usr/bin:/bin"]
        shell.currentDirectoryURL = folder
        let output = Pipe()
        shell.standardOutput = output
        try shell.run()
        let lines = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        shell.waitUntilExit()
        #expect(lines == "\(project.path)\ncompose\n-p\n\(name)\nup\n-d\n\(name)\n")
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("pwned").path))
    }

    // MARK: - References

    @Test(
        "A reference is pinned if a pull never brings the target",
        arguments: [
            ("registry.example/canvas:latest", "moving"), ("registry.example/canvas", "moving"),
            ("registry.example/canvas:stable", "moving"), ("registry.example/canvas:1.2", "moving"),
            ("registry.example/canvas:staging-\(String(repeating: "a", count: 12))", "moving"),
            ("registry.example/canvas:staging-\(String(repeating: "b", count: 12))", "pinned"),
            ("registry.example/canvas:\(String(repeating: "b", count: 40))", "pinned"),
            ("registry.example/canvas:staging-51a5c3e", "pinned"), ("registry.example/canvas:v1.2.3", "pinned"),
            ("registry.example/canvas:20261129", "moving"), ("registry.example/canvas:facade", "moving"),
            ("registry.example/canvas@\(Digest.of("2"))", "pinned"),
            ("registry.example/canvas:latest@\(Digest.of("2"))", "pinned"),
            ("registry.example/canvas@\(Digest.of("1"))", "moving"), ("\(Digest.of("2"))", "unknown"),
            ("4cdc5dd7eaad", "unknown"), ("", "unknown"), ("Not A Name", "unknown"),
        ])
    func references(_ reference: String, _ kind: String) {
        let target = Target(
            service: "canvas", gitSHA: .of("a"), digest: .of("1"), image: "registry.example/canvas:staging-aaaaaaa")
        var setup = Self.setup(.direct)
        setup.reference = reference
        let source = ImageTracking(setup, target: target, served: .of("b"))
        switch source {
        case .moving(let text):
            #expect(kind == "moving" && text == reference)
        case .pinned(_, let replacement):
            #expect(kind == "pinned")
            #expect(replacement == "registry.example/canvas@\(Digest.of("1"))")
        case .unknown: #expect(kind == "unknown")
        }
    }

    @Test("Swarm's own digest beside the tag is not a pin")
    func swarmReference() {
        var setup = Self.setup(.swarm, name: "web")
        setup.reference = "registry.example/canvas:latest@\(Digest.of("2"))"
        let target = Target(service: "canvas", gitSHA: .of("a"), digest: .of("1"))
        #expect(ImageTracking(setup, target: target, served: .of("b")) == .moving("registry.example/canvas:latest"))
    }

    // MARK: - From answers

    @Test("A host's reason fits the way in which its container was started")
    func answers() {
        func reason(_ change: @escaping @Sendable (inout Document) -> Void) -> ReasonText {
            var bench = Bench(1, policy: .short)
            bench.finish { _, _ in .answer(Answer.old.with { $0.edit = change }) }
            return bench.verification.tracks[0].reason(at: .seconds(60), policy: .short).text
        }
        let compose = reason {
            $0.instances[0].deployment = .init(tool: .compose, group: "shop", name: "web", directory: "/srv/shop")
        }
        #expect(compose.cause == "not pulled")
        #expect(compose.command == "cd /srv/shop && docker compose pull web && docker compose up -d web")
        let pinned = reason {
            $0.instances[0].deployment = .init(tool: .direct)
            $0.instances[0].image.reference = "registry.example/canvas:staging-bbbbbbbb"
        }
        #expect(pinned.cause == "pinned to registry.example/canvas:staging-bbbbbbbb")
        #expect(pinned.command == "docker pull registry.example/canvas@\(Digest.of("1"))")
        let older = reason { $0.agent.version = "0.1" }
        #expect(older.remedy == "deploy canvas again" && older.command == nil)
        let file = reason { $0.engine = nil }
        #expect(file.cause == "not deployed" && file.command == nil)
    }

    @Test("A container that fails is shown with what its engine knows")
    func failing() {
        func text(_ state: ServiceState, _ change: @escaping @Sendable (inout Document) -> Void) -> ReasonText {
            var bench = Bench(1, policy: .short)
            bench.finish { _, _ in .answer(Answer(state: state).with { $0.edit = change }) }
            return bench.verification.tracks[0].reason(at: .seconds(60), policy: .short).text
        }
        let sick = text(.unhealthy) { $0.instances[0].healthOutput = "HTTP 503\nfrom \u{1B}[31mlocalhost" }
        #expect(sick.sentence.hasSuffix(#"docker logs canvas-1 (health check: HTTP 503 from \u{1b}[31mlocalhost)"#))
        let port = text(.exited) {
            $0.instances[0].exitCode = 128
            $0.instances[0].error = "port is already allocated"
        }
        #expect(port.sentence.contains("canvas-1 exited with code 128"))
        #expect(port.note == "error: port is already allocated")
        let memory = text(.exited) {
            $0.instances[0].exitCode = 137
            $0.instances[0].oomKilled = true
            $0.engine?.name = .podman
        }
        #expect(memory.sentence.contains("exited with code 137, out of memory"))
        #expect(memory.remedy?.hasPrefix("raise its memory limit") == true && memory.command == nil)
        #expect(memory.summary == "on the target, exited with code 137, out of memory")
        let file = text(.unhealthy) {
            $0.engine = nil
            $0.instances[0].name = "/run/canvas.json"
        }
        #expect(file.remedy == "look at its logs")
    }
}

extension EngineIdentity.Name {
    fileprivate static let allEngines: [EngineIdentity.Name] = [.docker, .podman]
}
