import Glibc
import Shared
import Support
import Synchronization
import Testing

@testable import Agent
@testable import AgentCore

@Suite("init") struct InitCommandTests {
    private struct Outcome {
        var code: Int32
        var output: String
        var error: String
    }

    private func run(_ arguments: [String], environment: [String: String] = [:]) async -> Outcome {
        let texts = Texts()
        let console = Console(
            environment: environment, output: { texts.add($0, "") }, error: { texts.add("", $0) })
        let code = await Agent.execute(arguments, console: console)
        let (output, error) = texts.both
        return Outcome(code: code, output: output, error: error)
    }

    private final class Texts: Sendable {
        private let texts = Mutex(("", ""))
        func add(_ output: String, _ error: String) { texts.withLock { ($0.0, $0.1) = ($0.0 + output, $0.1 + error) } }
        var both: (String, String) { texts.withLock { $0 } }
    }

    /// Runs `init` against an engine of these containers, with the folder's `agent.yaml` as output.
    private func written(
        _ script: FakeEngineScript, in folder: TemporaryFolder, check arguments: [String] = ["check"]
    ) async throws -> (file: String, outcome: Outcome, check: Outcome) {
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: script)
        try await engine.start()
        let path = folder.file("agent.yaml")
        let outcome = await run(["init", "--engine", engine.socketPath, "--output", path, "--force"])
        let check = await run(arguments + ["--config", path])
        try await engine.stop()
        let bytes = try SmallFile.read(path, limit: 1 << 20).get()
        return (String(decoding: bytes, as: UTF8.self), outcome, check)
    }

    private static func compose(
        _ project: String, _ service: String, number: Int = 1, oneOff: Bool = false
    ) -> [String: String] {
        [
            "com.docker.compose.project": project, "com.docker.compose.service": service,
            "com.docker.compose.container-number": "\(number)", "com.docker.compose.oneoff": oneOff ? "True" : "False",
            "com.docker.compose.project.working_dir": "/srv/\(project)",
            "com.docker.compose.project.config_files": "/srv/\(project)/compose.yaml",
        ]
    }

    private static let healthy = FakeEngineScript.running + #","Health":{"Status":"healthy"}"#
    private static let exited = """
        "Status":"exited","Running":false,"ExitCode":3,"StartedAt":"2026-11-20T10:00:00Z",\
        "FinishedAt":"2026-11-20T11:00:00Z"
        """

    /// Containers with ids of their number.
    private static func script(
        _ containers: [(name: String, labels: [String: String], image: String)]
    ) -> FakeEngineScript {
        var script = EngineScripts.classic
        script.containers = containers.enumerated().map { index, container in
            let digits = String(index + 1)
            return .init(
                id: String(repeating: "0", count: 64 - digits.count) + digits, name: container.name,
                labels: container.labels, typedImage: container.image,
                imageID: Samples.digestText(container.image == EngineScripts.reference ? "c" : "9"))
        }
        return script
    }

    @Test("The file has one entry for each service, with what keeps it from being proven, and the agent reads it")
    func whole() async throws {
        let folder = try TemporaryFolder()
        var script = Self.script([
            ("shop-canvas-1", Self.compose("shop", "canvas"), EngineScripts.reference),
            ("shop-canvas-2", Self.compose("shop", "canvas", number: 2), EngineScripts.reference),
            ("shop-canvas-run-1", Self.compose("shop", "canvas", oneOff: true), EngineScripts.reference),
            ("blog-canvas-1", Self.compose("blog", "canvas"), "blog:1"),
            ("blog-old-1", Self.compose("blog", "old"), "blog:1"),
            ("buildinfo-agent-1", Self.compose("buildinfo", "agent"), "registry.example/team/buildinfo-agent:0.2.0"),
        ])
        script.images.append(.init(id: Samples.digestText("9"), tags: ["blog:1"]))
        for index in [0, 1] { script.containers[index].state = Self.healthy }
        script.containers[4].state = Self.exited
        let (file, outcome, check) = try await written(script, in: folder)
        #expect(outcome.code == 0, "\(outcome)")
        #expect(outcome.output.isEmpty)
        #expect(
            file == """
                # Configuration of this host's agent, written by buildinfo-agent init from docker 20.10.24 at \
                \(folder.file("e.sock")).
                # After a change: buildinfo-agent check, then systemctl reload-or-restart buildinfo-reader buildinfo-agent.
                # For all keys: buildinfo-agent check --keys.

                engines:
                  - \(YAMLText.scalar(folder.file("e.sock")))

                # Remove the services that your pipeline does not deploy. The first one answers GET /buildinfo, and each one \
                GET /buildinfo/NAME.
                services:
                  # blog-canvas-1: started by Compose: project blog, service canvas, folder /srv/blog
                  # Serves blog:1
                  # Now: blog-canvas-1: its image has no label org.opencontainers.image.revision; blog-canvas-1: its image has \
                no registry digest on this host: it was built, loaded, committed or untagged.
                  # Nothing proves its build yet. Build the image with --label \
                org.opencontainers.image.revision=$(git rev-parse HEAD), and deploy what the host pulls from a registry.
                  # No health check: a crash is noticed only when the process ends, and a process that hangs never. Add \
                healthcheck to the Compose file.
                  - name: blog-canvas
                    compose: blog/canvas

                  # shop-canvas-1, shop-canvas-2: started by Compose: project shop, service canvas, folder /srv/shop
                  # Serves registry.example/canvas:latest: sha256:dddddddddddd, commit a1a1a1a1a1a1
                  - name: shop-canvas
                    compose: shop/canvas
                    instances: 2

                  # Not reported: blog-old-1 does not run (exit code 3)
                  # - name: old
                  #   compose: blog/old

                # Left out:
                #   buildinfo-agent-1: the agent itself
                #   shop-canvas-run-1: started for one command

                """, "\(file)")
        #expect(check.code == 0, "\(check)")
        #expect(
            check.output.contains("shop-canvas  compose:shop/canvas,instances=2  serving  a1a1a1a1a1a1"), "\(check)")
        #expect(outcome.error.contains("shop-canvas  compose:shop/canvas,instances=2  serving"), "\(outcome)")
        #expect(outcome.error.contains("  buildinfo-agent-1: the agent itself\n"))
        #expect(outcome.error.contains("buildinfo-agent check --config \(folder.file("agent.yaml"))\n"))
    }

    @Test("Without --output the file goes to standard output, and the summary to standard error")
    func standardOutput() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        // An unusable configuration file does not matter, because init reads none.
        let variables = ["DOCKER_HOST": "unix://\(engine.socketPath)", "BUILDINFO_CONFIG": folder.file("none")]
        let outcome = await run(["init"], environment: variables)
        try await engine.stop()
        #expect(outcome.code == 0)
        let services = try ConfigurationFile(Array(outcome.output.utf8), named: "x").services
        #expect(services.map(\.name.text) == ["canvas", "db"])
        #expect(services.map(\.selector) == ["compose:canvas", "compose:db"])
        // The agent does not have the variable of this shell.
        #expect(outcome.output.contains("\nengines:\n  - \(YAMLText.scalar(engine.socketPath))\n"))
        #expect(outcome.error.contains("2 containers, 2 running services\n"))
        #expect(outcome.error.contains("run this command again with --output /etc/buildinfo/agent.yaml"))
    }

    @Test("Without a running service, the file is a template that the agent reads")
    func nothing() async throws {
        let folder = try TemporaryFolder()
        let (file, outcome, check) = try await written(Self.script([]), in: folder, check: ["check", "--no-sources"])
        #expect(outcome.code == 0)
        #expect(file.hasSuffix("\nservices: []\n"), "\(file)")
        #expect(outcome.error.contains("0 containers, 0 running services"))
        #expect(check.code == 64)
        #expect(check.error.contains("no service declared"))
    }

    @Test("An engine that cannot be read is 69 with the remedy that check gives, and no file is written")
    func unreadable() async throws {
        let folder = try TemporaryFolder()
        var denied = EngineScripts.classic
        denied.overrides["/containers/json?all=1"] = .status(403)
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: denied)
        try await engine.start()
        let rows = [
            (engine.socketPath, "denied GET /containers/json (403): permit it (docker-socket-proxy: CONTAINERS=1)"),
            (folder.file("none.sock"), "the engine's socket \(folder.file("none.sock")) does not exist"),
        ]
        for (socket, text) in rows {
            let outcome = await run(["init", "--engine", socket, "--output", folder.file("agent.yaml")])
            #expect(outcome.code == 69)
            #expect(outcome.output.isEmpty)
            #expect(outcome.error.hasPrefix("buildinfo-agent: ") && outcome.error.contains(text), "\(outcome)")
            let check = await run(["check", "--service", "a=compose:a", "--engine", socket])
            #expect(check.code == 69 && check.output.contains(text), "\(check)")
        }
        #expect(access(folder.file("agent.yaml"), F_OK) != 0)
        let wrong = await run(["init", "--engine", "ssh://host"])
        #expect(wrong.code == 64 && wrong.error.contains("ssh is not supported"))
        try await engine.stop()
    }

    @Test("An existing file is replaced only with --force, and keeps its mode")
    func existing() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let asking = ["init", "--engine", engine.socketPath]
        let path = try folder.write("services: []\n", to: "agent.yaml")
        let before = engine.requests.count
        let refused = await run(asking + ["--output", path])
        #expect(refused.code == 64)
        #expect(
            refused.error == "buildinfo-agent: \(path) exists: choose another --output, or replace it with --force\n")
        #expect(engine.requests.count == before, "the path is checked first")
        #expect(try SmallFile.read(path, limit: 100).get() == Array("services: []\n".utf8))

        chmod(path, 0o640)
        let link = folder.file("link.yaml")
        #expect(symlink(path, link) == 0)
        #expect(await run(asking + ["--output", link]).code == 64)
        #expect(await run(asking + ["--output", link, "--force"]).code == 0)
        var status = stat()
        #expect(lstat(link, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == 0o640)
        #expect(
            String(decoding: try SmallFile.read(path, limit: 9_999).get(), as: UTF8.self).contains("- name: canvas\n"))

        let new = folder.file("new.yaml")
        #expect(await run(asking + ["--output", new]).code == 0)
        #expect(stat(new, &status) == 0 && status.st_mode & 0o7777 == 0o644)
        let lost = await run(asking + ["--output", folder.file("none/agent.yaml")])
        #expect(lost.code == 69 && lost.error.contains("its folder does not exist"), "\(lost)")
        let kind = await run(asking + ["--output", folder.file("."), "--force"])
        #expect(kind.code == 64 && kind.error.contains("is not a regular file"), "\(kind)")
        #expect(await run(asking + ["--force"]).code == 64)
        try await engine.stop()
    }

    @Test("A file that another program makes during the survey is not overwritten")
    func race() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("agent.yaml")
        let file = try NewFile(path: path, replacingExisting: false)
        _ = try folder.write("theirs", to: "agent.yaml")
        #expect(throws: NewFile.WriteFailure.self) { try file.write("ours") }
        #expect(try SmallFile.read(path, limit: 100).get() == Array("theirs".utf8))
        #expect(access("\(path).\(getpid()).part", F_OK) != 0)
    }

    @Test("An agent observes 256 containers, so the services beyond are commented out")
    func many() async throws {
        let folder = try TemporaryFolder()
        let containers = (100..<400).map { number in
            (name: "shop-s\(number)-1", labels: Self.compose("shop", "s\(number)"), image: EngineScripts.reference)
        }
        let (file, outcome, check) = try await written(Self.script(containers), in: folder)
        #expect(outcome.code == 0)
        #expect(file.utf8.count <= ConfigurationText.sizeLimit)
        #expect(try ConfigurationFile(Array(file.utf8), named: "x").services.count == EngineScan.containerLimit)
        #expect(file.contains("\n  # Not reported: an agent observes at most 256 containers"), "\(file.suffix(2_000))")
        #expect(check.code == 0, "\(check.output.suffix(2_000))")
        #expect(outcome.error.split(separator: "\n").count < 256 + 60)
    }

    @Test("Containers of two folders of one name are no replicas, and the file says so")
    func folders() async throws {
        let folder = try TemporaryFolder()
        let containers = ["/srv/one/master", "/srv/two/master"].enumerated().map { index, directory in
            let labels = Self.compose("master", "php").merging(["com.docker.compose.project.working_dir": directory]) {
                $1
            }
            .merging(["com.docker.compose.project.config_files": "\(directory)/compose.yaml"]) { $1 }
            return (name: "php\(index)", labels: labels, image: EngineScripts.reference)
        }
        let (file, _, check) = try await written(Self.script(containers), in: folder)
        #expect(file.contains("  # Projects in /srv/one/master, /srv/two/master have one name"), "\(file)")
        #expect(file.contains("  - name: php\n    compose: master/php\n") && !file.contains("instances:"), "\(file)")
        #expect(check.code == 0)
    }

    @Test("Labels and names of others stay one value and one line of a comment, whatever they contain")
    func hostile() async throws {
        let folder = try TemporaryFolder()
        let names = [
            "a\\nservices: [x]", "a/b/c", " ", "null", "0755", "näme", "\\u202e", "x: y #z", "*a", ".dots", "A b",
            "x,instances=3",
        ]
        let containers = names.enumerated().map { index, name in
            (
                name: "c\(index)",
                labels: ["com.docker.compose.project": "p\(name)", "com.docker.compose.service": name],
                image: "x@bad\\n  - name: evil"
            )
        }
        let (file, outcome, check) = try await written(Self.script(containers), in: folder)
        #expect(outcome.code == 0, "\(outcome)")
        let services = try ConfigurationFile(Array(file.utf8), named: "x").services.map(\.name.text)
        #expect(services == ["0755", "a", "A-b", "a-services-x", "c1", "dots", "n-me", "null", "p", "p-2", "x-y-z"])
        #expect(!file.contains("\n  - name: evil"))
        #expect(check.code == 0, "\(check)")
    }

    @Test("The file has each selector as the engine's containers need it", arguments: [0, 1])
    func texts(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let alphabet: [String] = [
            "a", "Z", "0", " ", ":", "#", "-", "\"", "\\", "'", "\t", "é", "😀", "{", "}", "&", "*", "!", "%", "@", "`",
            ",", "[", "]", "\u{85}", "\u{2028}", "\u{FEFF}", "~", "null", "true", "\u{1}", "\u{7F}",
        ]
        for _ in 0..<300 {
            let text = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }.joined()
            let file = try ConfigurationFile(
                Array("services: [{name: a, container: \(YAMLText.scalar(text))}]".utf8), named: "x")
            #expect(file.services.map(\.selector) == ["container:\(text)"])
        }
    }

    @Test(
        "A name is the tool's, with its project where others have it too",
        arguments: [
            (["shop/canvas"], ["canvas"]),
            (["blog/canvas", "shop/canvas"], ["blog-canvas", "shop-canvas"]),
            // A qualified name can be another service's own name.
            (["blog/canvas", "shop/canvas", "x/shop-canvas"], ["blog-canvas", "shop-canvas", "shop-canvas-2"]),
            (["a/b-c", "a-b/c", "x/c", "x/b-c"], ["a-b-c", "a-b-c-2", "x-c", "x-b-c"]),
            (["x/My_App.v2", "x/my_app.v2"], ["My_App.v2", "my_app.v2"]),
            (["x/é", "x/ü", "x/.env", "x/a: b"], ["x", "x-2", "env", "a-b"]),
            (["x/\(String(repeating: "n", count: 200))"], [String(repeating: "n", count: 128)]),
        ])
    func names(services: [String], expected: [String]) {
        let suggestions = services.map { text in
            let parts = text.split(separator: "/" as Character).map { String($0) }
            return SelectorSuggestion(
                selector: .compose(project: parts[0], service: parts[1]), name: parts[1],
                qualifiedName: "\(parts[0])-\(parts[1])", hasFixedCount: true)
        }
        let names = ServiceNames.assigned(to: suggestions)
        #expect(names == expected)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { ServiceDeclaration.isName($0) })
    }

    @Test("Made-up names are recognised")
    func generatedNames() {
        for name in ["brave_wozniak", "friendly_mcnulty7"] { #expect(ServiceNames.looksGenerated(name)) }
        for name in ["canvas", "canvas_2", "Canvas_web", "a_b_c", "my-app_web", "_x", "shop_canvas-1"] {
            #expect(!ServiceNames.looksGenerated(name), "\(name)")
        }
    }

    private static let tools: [(labels: [String: String], selector: String, name: String, isFixed: Bool)] = [
        ([:], "container:c1", "c1", true),
        (["com.docker.compose.service": "web"], "compose:web", "web", true),
        (compose("shop", "web"), "compose:shop/web", "web", true),
        (compose("a/b", "web"), "container:c1", "c1", true),
        (
            ["com.docker.swarm.service.name": "shop_web", "com.docker.stack.namespace": "shop"], "swarm:shop_web",
            "web", false
        ),
        (["com.docker.swarm.service.name": "web"], "swarm:web", "web", false),
        (["service": "web", "role": "job", "destination": "production"], "label:service=web", "web", true),
        (["service": "web"], "container:c1", "c1", true),
        (
            ["com.hashicorp.nomad.alloc_id": "x", "com.hashicorp.nomad.task_name": "web"],
            "label:com.hashicorp.nomad.task_name=web", "web", false
        ),
        (["com.hashicorp.nomad.alloc_id": "x"], "image:registry.example/team/web", "web", false),
        (["io.kubernetes.container.name": "web"], "label:io.kubernetes.container.name=web", "web", false),
        (["com.dokku.app-name": "web"], "label:com.dokku.app-name=web", "web", false),
        (["PODMAN_SYSTEMD_UNIT": "web.service"], "container:c1", "c1", true),
    ]

    @Test("The selector names what a deployment tool keeps, and matches the container", arguments: tools)
    func suggestions(
        example: (labels: [String: String], selector: String, name: String, isFixed: Bool)
    ) throws {
        let entry = EngineAPI.ListedContainer(
            id: Samples.id("1"), names: ["/link/web", "/c1"], image: "registry.example/team/web:1",
            labels: example.labels, created: nil)
        let suggestion = try #require(entry.suggestion(podman: false))
        #expect("\(suggestion.selector)" == example.selector)
        #expect(suggestion.name == example.name)
        #expect(suggestion.hasFixedCount == example.isFixed)
        #expect(suggestion.selector.canMatch(entry, podman: false))
    }

    @Test("Podman's own Compose labels count on Podman only")
    func podmanCompose() throws {
        let labels = ["io.podman.compose.project": "shop", "io.podman.compose.service": "web"]
        let entry = EngineAPI.ListedContainer(
            id: Samples.id("1"), names: ["shop_web_1"], image: "x", labels: labels, created: nil)
        #expect(entry.suggestion(podman: true)?.selector == .compose(project: "shop", service: "web"))
        #expect(entry.suggestion(podman: false)?.selector == .container("shop_web_1"))
        #expect(EngineAPI.ListedContainer(id: Samples.id("1")).suggestion(podman: true) == nil)
    }
}
