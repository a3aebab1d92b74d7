import Glibc
import Shared
import Support
import Synchronization
import Testing

@testable import Agent

@Suite struct CheckTests {
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

    @Test("check says what would be served, and ends with 0")
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
        #expect(outcome.output.contains("protection  none, and only this machine reaches it"))
        try await engine.stop()
    }

    @Test("A source that cannot be read is 69, and an address that others reach without protection is 64")
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
        #expect(open.output.contains("problem     0.0.0.0:9480 can be reached by other machines"))
        let allowed = await run([
            "check", "--service", "canvas=file:\(path)", "--listen", "0.0.0.0:9480", "--allow-anonymous",
        ])
        #expect(allowed.code == 0)
    }

    @Test("The configuration alone is checked without asking anybody, as before a reload")
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

    @Test("A front that knows of no service itself asks its reader")
    func front() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Samples.sha, to: "canvas")
        let missing = await run(["check", "--from", "unix:\(folder.file("r.sock"))"])
        #expect(missing.code == 69)
        #expect(missing.output.contains("reader      the reader's socket \(folder.file("r.sock")) does not exist"))
        let split = try SplitFixture(services: ["canvas=file:\(path)"], folder: folder)
        try await withSplit(split) { split in
            try await split.startReader()
            let outcome = await run(["check", "--from", "unix:\(split.path)"])
            #expect(outcome.code == 0)
            #expect(outcome.output.contains("reader      \(split.path): canvas"))
        }
    }

    @Test("Every mistake of the file is a line, and ends any command with 64", arguments: ["check", "serve", "print"])
    func broken(command: String) async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("servics: []\nlog: {level: 7}\n", to: "agent.yaml")
        let outcome = await run([command, "--config", file])
        #expect(outcome.code == 64)
        #expect(outcome.output.isEmpty)
        #expect(
            outcome.error.split(separator: "\n").map { $0.prefix { $0 != ";" } } == [
                "buildinfo-agent: \(file):1:1: unknown key 'servics'",
                "buildinfo-agent: \(file):2:14: log.level: '7' is unknown",
            ])
        #expect(await run([command, "--config", file, "--help"]).code == 0)
    }

    @Test("check --keys prints the table of keys, whatever the file says")
    func keys() async throws {
        let outcome = await run(["check", "--keys", "--config", "/nowhere"])
        #expect(outcome.code == 0)
        #expect(outcome.output == ConfigurationKeysPage.text)
    }

    @Test("Files that decide who may ask are read, too")
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
        #expect(problems.first?.hasSuffix("does not exist: write it, or correct the path") == true)
        #expect(AccessChecks(configuration, files: []).problems.count == 1)
    }

    @Test("What serve would refuse to start with, check refuses, too")
    func access() async throws {
        let folder = try TemporaryFolder()
        let service = "canvas=file:\(try folder.write(Samples.sha, to: "canvas"))"
        let open = try folder.write("correct-horse-battery", to: "open")
        chmod(open, 0o644)
        let exposed = await run(["check", "--service", service, "--token-file", open])
        #expect(exposed.code == 64)
        #expect(
            exposed.output.contains(
                "problem     the token file '\(open)' can be read by its group or others: chmod 600 it"))
        let certificates = try await TestCertificates()
        for name in ["one", "two"] { try await certificates.issue(name, alternatives: "IP:127.0.0.1") }
        let (one, two) = (certificates.path("one"), certificates.path("two"))
        for (key, code) in [("\(one).key", Int32(0)), ("\(two).key", 64)] {
            let pair = await run([
                "check", "--service", service, "--tls-certificate", "\(one).pem", "--tls-key", key,
            ])
            #expect(pair.code == code, "\(pair)")
            #expect(pair.output.contains("does not go with the key") == (code == 64))
        }
    }
}
