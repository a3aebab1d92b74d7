import Foundation
import Glibc
import Shared
import Support
import Testing

@testable import EndToEndFixtures

/// The reader and the server as two processes; see Tests/System for their systemd units.
@Suite("End to end: reader and server", .timeLimit(.minutes(5)))
struct AgentSplitTests {
    private static let digits = String(repeating: "1", count: 64)
    private static let digest = "sha256:" + String(repeating: "d", count: 64)

    /// An engine double that serves one container, and fails the test on any request that is not permitted.
    private static func engine(_ folder: TemporaryFolder) -> FakeEngine {
        FakeEngine(
            socketPath: folder.path("e.sock"),
            script: FakeEngineScript(
                .classic,
                containers: [
                    .init(
                        id: digits, name: "canvas-1", typedImage: "registry.example/canvas:latest",
                        imageID: "sha256:\(digits)")
                ],
                images: [
                    .init(
                        id: "sha256:\(digits)", tags: ["registry.example/canvas:latest"],
                        repoDigests: ["registry.example/canvas@\(digest)"],
                        labels: [BuildinfoProtocol.revisionLabel: Commit.new])
                ]))
    }

    private static func reader(_ folder: TemporaryFolder, _ arguments: [String]) throws -> RunningProgram {
        try Program.agent().start(
            ["read", "--listen", "unix:\(folder.path("r.sock"))", "--host-id", "id-of-host-1"] + arguments)
    }

    private static func document(_ agent: HostAgent, _ query: String = "?nonce=n") throws -> Document {
        let answer = try #require(LoopbackRequest("GET", agent.authority, "/buildinfo\(query)").answer())
        return try JSONDecoder().decode(Document.self, from: Data(answer.body))
    }

    @Test("A fleet of servers with readers converges")
    func converges() async throws {
        let folder = try TemporaryFolder()
        let engine = Self.engine(folder)
        try await engine.start()
        let reader = try Self.reader(
            folder, ["--service", "canvas=container:canvas-1", "--engine", "unix://\(engine.socketPath)"])
        let server = try await HostAgent.server("host-1", from: folder.path("r.sock"))
        try await eventually("the reader is reached") { try Self.document(server).state == .serving }
        let text = try await server.document()
        #expect(text.contains(#""id":"id-of-host-1""#), "the reader determines the host's id")
        let verified = try await Verify(
            hosts: [server.host], sha: Commit.new, digest: try Digest(parsing: Self.digest)
        ).run()
        #expect(verified.exitCode == 0, "\(verified.progress)")
        #expect(try server.metric("buildinfo_engine_looks_total") >= 1)
        reader.kill()
        server.program.kill()
        try await engine.stop()
    }

    @Test("A killed reader makes the state unknown at once, until it is back")
    func killed() async throws {
        let folder = try TemporaryFolder()
        let services = ["--service", "canvas=file:\(try folder.write("build", Commit.new))"]
        let reader = try Self.reader(folder, services)
        let server = try await HostAgent.server("host-1", from: folder.path("r.sock"))
        try await eventually("the reader is reached") { try Self.document(server).state == .serving }
        reader.kill()
        try await eventually("it is unknown", within: .seconds(20)) {
            try Self.document(server, "").state == .unknown
        }
        try await eventually("the reason is known", within: .seconds(20)) {
            try Self.document(server).reason?.contains("no reader listens") == true
        }
        #expect(try Self.document(server).gitSHA == .absent)
        let next = try Self.reader(folder, services)
        try await eventually("it is known again", within: .seconds(20)) { try Self.document(server).state == .serving }
        next.kill()
    }

    @Test("A hung reader makes the state unknown, until it continues")
    func hung() async throws {
        let folder = try TemporaryFolder()
        let reader = try Self.reader(folder, ["--service", "canvas=file:\(try folder.write("build", Commit.new))"])
        let server = try await HostAgent.server("host-1", from: folder.path("r.sock"))
        try await eventually("the reader is reached") { try Self.document(server).state == .serving }
        reader.signal(SIGSTOP)
        try await eventually("it is unknown") {
            try Self.document(server).state == .unknown
        }
        #expect(LoopbackRequest("GET", server.authority, "/healthz").answer()?.status == 200)
        reader.signal(SIGCONT)
        try await eventually("it is known again") { try Self.document(server).state == .serving }
    }

    @Test("A server without a reader reports its declared services as unknown")
    func alone() async throws {
        let folder = try TemporaryFolder()
        let server = try await HostAgent.server(
            "host-1", from: folder.path("r.sock"), arguments: ["--service", "canvas=compose:canvas"],
            awaitsReader: false)
        let document = try Self.document(server)
        #expect(document.state == .unknown)
        #expect(document.reason?.contains("does not exist: start buildinfo-reader.service") == true)
    }

    @Test(
        "Flags of the other process are refused in one line",
        arguments: [
            (["read", "--listen", "127.0.0.1:0", "--service", "a=file:/x"], "unix:/PATH"),
            (["read", "--listen", "unix:relative", "--service", "a=file:/x"], "unix:/PATH"),
            (["read"], "--service"),
            (["serve", "--from", "127.0.0.1:1"], "unix:/PATH"),
            (["serve", "--from", "unix:/run/r.sock", "--engine", "unix:///run/docker.sock"], "--engine"),
        ])
    func foreignFlags(arguments: [String], remedy: String) async throws {
        let outcome = try await Program.agent().run(arguments + ["--host-id", "id-of-host-1"])
        #expect(outcome.exitCode == 64)
        #expect(outcome.error.contains(remedy), "\(outcome.error)")
        #expect(outcome.error.split(separator: "\n").count == 1)
    }
}
