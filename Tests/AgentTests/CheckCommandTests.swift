import Glibc
import Shared
import Support
import Synchronization
import Testing

@testable import Agent
@testable import AgentCore

@Suite("check") struct CheckCommandTests {
    private struct Outcome {
        var code: Int32
        var output: String
        var error: String
    }

    private func run(_ arguments: [String]) async -> Outcome {
        let box = Box()
        let console = Console(
            environment: [:], output: { text in box.add(output: text) }, error: { text in box.add(error: text) })
        let code = await Agent.execute(arguments, console: console)
        let (output, error) = box.both
        return Outcome(code: code, output: output, error: error)
    }

    private final class Box: Sendable {
        private let texts = Mutex((output: "", error: ""))
        func add(output: String) { texts.withLock { $0.output += output } }
        func add(error: String) { texts.withLock { $0.error += error } }
        var both: (String, String) { texts.withLock { ($0.output, $0.error) } }
    }

    @Test("check shows what would be served, and exits with 0")
    func fine() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let path = try folder.write(Samples.sha, to: "canvas")
        let file = try folder.write(
            """
            engines: [unix://\(engine.socketPath)]
            services:
              - {name: canvas, file: \(path)}
              - {name: web, compose: canvas}
            host: {id: host-0001}
            """, to: "agent.yaml")
        let outcome = await run(["check", "--config", file])
        #expect(outcome.code == 0, "\(outcome)")
        #expect(outcome.output.contains("SERVICE  SELECTOR"))
        #expect(outcome.output.contains("canvas   file:\(path)"))
        #expect(outcome.output.contains("serving  a1a1a1a1a1a1  -"))
        #expect(outcome.output.contains("engine      \(engine.socketPath): docker, API 1.41"))
        #expect(outcome.output.contains("listen      127.0.0.1:9480, this machine only"))
        #expect(outcome.output.contains("protection  none; reachable from this machine only"))
        try await engine.stop()
    }

    @Test("An unreadable source is 69, and an unprotected address is 64")
    func notFine() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Samples.sha, to: "canvas")
        let missing = await run(["check", "--service", "canvas=file:\(folder.file("missing"))"])
        #expect(missing.code == 69)
        #expect(missing.output.contains("does not exist"))
        let lost = await run([
            "check", "--service", "canvas=compose:canvas", "--engine", "unix://\(folder.file("none.sock"))",
        ])
        #expect(lost.code == 69)
        #expect(lost.output.contains("engine      the engine's socket"))
        let open = await run(["check", "--service", "canvas=file:\(path)", "--listen", "0.0.0.0:9480"])
        #expect(open.code == 64)
        #expect(open.output.contains("problem     0.0.0.0:9480 is reachable from the network"))
        let allowed = await run([
            "check", "--service", "canvas=file:\(path)", "--listen", "0.0.0.0:9480", "--allow-anonymous",
        ])
        #expect(allowed.code == 0)
    }

    @Test("--no-sources validates the configuration without contacting a source")
    func alone() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let outcome = await run([
            "check", "--no-sources", "--service", "canvas=compose:canvas", "--engine", "unix://\(engine.socketPath)",
        ])
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("canvas   compose:canvas  -"))
        #expect(engine.requests.isEmpty)
        let wrong = await run(["check", "--no-sources", "--service", "canvas=pod:x"])
        #expect(wrong.code == 64)
        try await engine.stop()
    }

    @Test("A selector without a match is answered with the existing containers")
    func withoutMatch() async throws {
        let folder = try TemporaryFolder()
        var script = EngineScripts.classic
        script.containers[0].labels["com.docker.compose.project"] = "shop"
        for number in 0..<30 {
            let labels = number < 2 ? ["com.docker.swarm.service.name": "shop_s\(number)"] : [:]
            let digits = String(number + 100)
            script.containers.append(
                .init(
                    id: String(repeating: "0", count: 61) + digits, name: "c\(digits)", labels: labels,
                    typedImage: "x:1", imageID: Samples.digestText("9")))
        }
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: script)
        try await engine.start()
        let address = ["--engine", "unix://\(engine.socketPath)"]
        let outcome = await run(["check", "--service", "canvas=compose:shop/canva"] + address)
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("canvas: no container matches, running or not\n"))
        #expect(outcome.output.contains("\nhas         compose:db, compose:shop/canvas\n"), "\(outcome)")
        #expect(outcome.output.contains("\nhas         swarm:shop_s0, swarm:shop_s1\n"))
        #expect(outcome.output.contains("\nhas         container:c100, container:c101"))
        #expect(outcome.output.contains(", container:c119 and 12 more\n"))
        let matching = await run(["check", "--service", "canvas=compose:shop/canvas"] + address)
        #expect(!matching.output.contains("\nhas "))
        #expect(matching.output.contains("canvas: canvas-1: started by Compose: project shop, service canvas\n"))
        try await engine.stop()
    }

    @Test("check names how containers were started, and what failing ones last said")
    func deployments() async throws {
        let folder = try TemporaryFolder()
        var script = EngineScripts.classic
        let first = script.containers[0]
        let failing = """
            "Status":"running","Running":true,"ExitCode":0,"StartedAt":"2026-11-20T10:00:00Z","Health":{"Status":\
            "unhealthy","Log":[{"Start":"2026-11-20T10:00:01Z","ExitCode":1,"Output":"token=hunter2\\nrefused"}]}
            """
        let unstarted = """
            "Status":"created","Running":false,"ExitCode":127,"StartedAt":"0001-01-01T00:00:00Z","Error":"no such file"
            """
        let compose = [
            "com.docker.compose.project": "shop", "com.docker.compose.service": "canvas", "app": "canvas",
            "com.docker.compose.project.working_dir": "/srv/shop",
            "com.docker.compose.project.config_files": "/srv/shop/prod.yml",
        ]
        let rows: [(String, [String: String], String)] = [
            ("a", compose, FakeEngineScript.running), ("b", compose, failing),
            ("c", ["app": "canvas", "PODMAN_SYSTEMD_UNIT": "c.service"], unstarted),
            ("d", ["app": "canvas"], FakeEngineScript.running),
        ]
        script.containers = rows.enumerated().map { index, row in
            .init(
                id: Samples.id(Character(String(index + 1))), name: row.0, labels: row.1, typedImage: first.typedImage,
                imageID: first.imageID, state: row.2)
        }
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: script)
        try await engine.start()
        let outcome = await run([
            "check", "--service", "canvas=label:app=canvas", "--engine", "unix://\(engine.socketPath)",
        ])
        let lines = outcome.output.split(separator: "\n")
        for line in [
            "canvas: a, b: started by Compose: project shop, service canvas, folder /srv/shop, files /srv/shop/prod.yml",
            "canvas: b: failing health check: token=*** refused", "canvas: c: started by systemd: unit c.service",
            "canvas: c: could not be started: no such file", "canvas: d: started without a deployment tool",
        ] {
            #expect(lines.contains(line[...]), "\(outcome.output)")
        }
        #expect(!outcome.output.contains("hunter2"))
        try await engine.stop()
    }

    @Test("check lists containers that do not count, and fails for an ambiguous selector")
    func leftOut() async throws {
        let folder = try TemporaryFolder()
        var script = EngineScripts.classic
        script.containers[1].labels = ["com.docker.compose.service": "canvas", "com.docker.compose.oneoff": "True"]
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: script)
        try await engine.start()
        let address = ["--engine", "unix://\(engine.socketPath)"]
        let outcome = await run(["check", "--service", "canvas=compose:canvas,instances=1"] + address)
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("canvas   compose:canvas,instances=1  serving"))
        #expect(outcome.output.contains("canvas: not counted: db (started for one command, serving)\n"), "\(outcome)")
        try await engine.stop()
        script.containers[1].labels = ["com.docker.compose.service": "canvas", "com.docker.compose.project": "other"]
        let two = FakeEngine(socketPath: folder.file("two.sock"), script: script)
        try await two.start()
        let service = ["--service", "canvas=compose:canvas", "--engine", "unix://\(two.socketPath)"]
        let ambiguous = await run(["check"] + service)
        #expect(ambiguous.code == 69)
        #expect(ambiguous.output.contains("select one, for example with compose:other/canvas"))
        #expect(await run(["print"] + service).code == 69)
        #expect(await run(["print", "--service", "canvas=compose:other/canvas"] + service.suffix(2)).code == 0)
        let few = "canvas=compose:other/canvas,instances=2"
        #expect(await run(["print", "--service", few] + service.suffix(2)).code == 1)
        try await two.stop()
    }

    @Test("With --from, check asks the reader only, and shows the services of its snapshot")
    func fromReader() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let path = try folder.write(Samples.sha, to: "canvas")
        let split = try SplitFixture(
            services: ["canvas=file:\(path)", "gone=file:\(folder.file("none"))"], folder: folder)
        // Only the reader uses the file's engines, files and probes.
        let file = try folder.write(
            """
            engines: [unix://\(engine.socketPath)]
            services:
              - {name: canvas, compose: elsewhere}
              - {name: web, file: /nowhere, probe: "http://127.0.0.1:1/"}
            from: unix:\(split.path)
            """, to: "agent.yaml")
        try await withSplit(split) { split in
            try await split.startReader()
            for arguments in [["--from", "unix:\(split.path)"], ["--config", file]] {
                let outcome = await run(["check"] + arguments)
                #expect(outcome.code == 69, "the reader cannot read one of the files")
                #expect(outcome.output.contains("gone: "))
                #expect(outcome.output.contains("reader      \(split.path): canvas, gone"))
                let row = outcome.output.split(separator: "\n").first { $0.hasPrefix("canvas ") }
                #expect(row?.contains("  serving  \(Samples.sha.prefix(12))") == true, "\(outcome)")
                #expect(outcome.output.contains("web: unknown to the reader") == (arguments[0] == "--config"))
            }
            split.readerSource.current = try split.readerSources.source(
                after: try SplitFixture.configuration(["canvas=file:\(path)"], []))
            await split.readerSource.current.refreshAll()
            #expect(await run(["check", "--config", file]).code == 0)
        }
        #expect(engine.requests.isEmpty)
        try await engine.stop()
    }

    @Test("A missing reader is 69 with one line, and 0 with --no-sources")
    func readerless() async throws {
        let folder = try TemporaryFolder()
        let silent = try #require(UnixAddress(path: folder.file("silent")))
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        #expect(silent.withSocketAddress { bind(descriptor, $0, $1) } == 0)
        let services = try folder.write("services: [{name: a, compose: a}]", to: "agent.yaml")
        let rows = [
            ("missing", "the reader's socket \(folder.file("missing")) does not exist: start buildinfo-reader.service"),
            ("agent.yaml", "\(services) is not a socket: expected the socket of buildinfo-reader.service"),
            ("silent", "no reader listens on \(folder.file("silent")): see the log of buildinfo-reader.service"),
        ]
        func check(_ name: String, line: String) async {
            for arguments in [[], ["--config", services]] {
                let asked = ["check", "--from", "unix:\(folder.file(name))"] + arguments
                let outcome = await run(asked)
                #expect(outcome.code == 69)
                #expect(outcome.output.contains("\nreader      \(line)\n"), "\(outcome)")
                #expect(outcome.output.ranges(of: "reader").count == line.ranges(of: "reader").count + 1)
                #expect(await run(asked + ["--no-sources"]).code == 0)
            }
        }
        for (name, line) in rows { await check(name, line: line) }
        #expect(listen(descriptor, 8) == 0)
        let line = "the reader at \(folder.file("silent")) does not answer: see the log of buildinfo-reader.service"
        await check("silent", line: line)
    }

    @Test("Flags of the reader are refused with --from", arguments: ["--engine=unix:///e.sock", "--probe=a=x"])
    func readerFlags(flag: String) async {
        let outcome = await run(["check", "--from", "unix:/r.sock", "--service", "a=file:/x", flag])
        #expect(outcome.code == 64)
        #expect(outcome.error.contains("does not apply with --from"))
    }

    @Test(
        "Every problem of the file is one line, and any command exits with 64", arguments: ["check", "serve", "print"])
    func broken(command: String) async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("servics: []\nlog: {level: 7}\n", to: "agent.yaml")
        let outcome = await run([command, "--config", file])
        #expect(outcome.code == 64)
        #expect(outcome.output.isEmpty)
        #expect(
            outcome.error.split(separator: "\n") == [
                "buildinfo-agent: \(file):1:1: unknown key 'servics': did you mean 'services'?",
                "buildinfo-agent: \(file):2:14: invalid log.level '7': expected one of "
                    + "trace, debug, info, notice, warning, error, critical",
            ])
        #expect(await run([command, "--config", file, "--help"]).code == 0)
    }

    @Test("check --keys prints the table of keys, even with an invalid file")
    func keys() async throws {
        let outcome = await run(["check", "--keys", "--config", "/nowhere"])
        #expect(outcome.code == 0)
        #expect(outcome.output == ConfigurationKeysPage.text)
    }

    @Test("Files for authentication are checked")
    func files() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("x", to: "token")
        let configuration = try AgentConfiguration.load(
            flags: ["--service", "a=file:/x", "--listen", "0.0.0.0:1", "--config", try folder.write("", to: "empty")],
            environment: [:])
        #expect(AccessChecks(configuration, files: [("token", path)]).problems.isEmpty)
        let problems = AccessChecks(configuration, files: [("token", folder.file("none")), ("key", folder.path)])
            .problems
        #expect(problems.count == 2)
        #expect(problems.first?.hasSuffix("does not exist: create it, or correct the path") == true)
        #expect(AccessChecks(configuration, files: []).problems.count == 1)
    }

    struct Positioned: CustomTestStringConvertible, Sendable {
        var text: String
        /// `LINE:COLUMN: BEGINNING`; without a position if a flag causes the problem.
        var problems: [String]
        var more: [String] = []
        var testDescription: String { text }
    }

    @Test(
        "A problem is prefixed with its position in the file, unless a flag causes it",
        arguments: [
            Positioned(
                text:
                    "access:\n  token_file: /nowhere/token\n  tls:\n    certificate: /nowhere/c.pem\n    key: /nowhere/k",
                problems: [
                    "2:15: access.token_file /nowhere/token does not exist: create it, or correct the path",
                    "4:18: access.tls.certificate /nowhere/c.pem does not exist", "5:10: access.tls.key /nowhere/k",
                ]),
            Positioned(
                text: "listen: [127.0.0.1:0, 0.0.0.0:9480, \"[::]:9480\"]",
                problems: ["1:23: 0.0.0.0:9480 is reachable", "1:37: [::]:9480 is reachable"]),
            Positioned(
                text: "access: {tls: {key: /k}}", problems: ["access.tls.key /k does not exist"], more: ["--tls-key=/k"]
            ),
            Positioned(
                text: "access: {token_file: OPEN}",
                problems: ["1:22: the token file 'OPEN' is readable by its group or others: chmod 600 it"]),
            Positioned(
                text: "access:\n  tls: {key: OPEN}", problems: ["2:14: a TLS certificate needs its key"]),
            Positioned(
                text: "access:\n  tls: {client_ca: OPEN}", problems: ["2:20: client certificates need TLS"]),
            Positioned(
                text: "access:\n  tls: {client_names: [a.b]}",
                problems: ["2:24: --tls-client-name needs a certificate authority"]),
            Positioned(
                text:
                    "access:\n  tls:\n    {certificate: OPEN, key: OPEN, client_ca: OPEN, client_names:\n      [a.b, 'x y']}",
                problems: ["4:13: invalid --tls-client-name 'x y': expected a DNS name"]),
            Positioned(text: "", problems: ["0.0.0.0:9480 is reachable"], more: ["--listen", "0.0.0.0:9480"]),
            Positioned(
                text: "listen: 127.0.0.1:0", problems: ["0.0.0.0:9480 is reachable"],
                more: ["--listen", "0.0.0.0:9480"]),
        ])
    func places(example: Positioned) async throws {
        let folder = try TemporaryFolder()
        let open = try folder.write("correct-horse-battery", to: "open")
        chmod(open, 0o644)
        let file = try folder.write(
            example.text.replacing("OPEN", with: open) + "\nservices: [{name: a, file: /a}]\n", to: "agent.yaml")
        let outcome = await run(["check", "--no-sources", "--config", file] + example.more)
        #expect(outcome.code == 64)
        let lines = outcome.output.split(separator: "\n").filter { $0.hasPrefix("problem ") }
        #expect(lines.count == example.problems.count, "\(outcome)")
        for (line, problem) in zip(lines, example.problems) {
            let place = problem.first?.isNumber == true && example.more.isEmpty ? "\(file):" : ""
            #expect(line.hasPrefix("problem     \(place)\(problem.replacing("OPEN", with: open))"), "\(line)")
        }
    }

    @Test("check refuses what serve would refuse")
    func access() async throws {
        let folder = try TemporaryFolder()
        let service = "canvas=file:\(try folder.write(Samples.sha, to: "canvas"))"
        let open = try folder.write("correct-horse-battery", to: "open")
        chmod(open, 0o644)
        let exposed = await run(["check", "--service", service, "--token-file", open])
        #expect(exposed.code == 64)
        #expect(
            exposed.output.contains(
                "problem     the token file '\(open)' is readable by its group or others: chmod 600 it"))
        let certificates = try await TestCertificates()
        for name in ["one", "two"] { try await certificates.issue(name, alternatives: "IP:127.0.0.1") }
        let (one, two) = (certificates.path("one"), certificates.path("two"))
        for (key, code) in [("\(one).key", Int32(0)), ("\(two).key", 64)] {
            let pair = await run([
                "check", "--service", service, "--tls-certificate", "\(one).pem", "--tls-key", key,
            ])
            #expect(pair.code == code, "\(pair)")
            #expect(pair.output.contains("does not match the key") == (code == 64))
        }
    }
}
