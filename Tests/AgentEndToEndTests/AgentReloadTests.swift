import Glibc
import Shared
import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end: reload", .timeLimit(.minutes(5)))
struct AgentReloadTests {
    private static func status(_ agent: HostAgent, _ path: String) -> Int? {
        LoopbackRequest("GET", agent.authority, path).answer()?.status
    }

    private static func text(_ agent: HostAgent, _ path: String) -> String {
        LoopbackRequest("GET", agent.authority, path).answer()?.text ?? ""
    }

    @Test("SIGHUP reloads the services, and an invalid configuration is logged and changes nothing")
    func reload() async throws {
        let folder = try TemporaryFolder()
        let (old, new) = (try folder.write("old", Commit.old), try folder.write("new", Commit.new))
        let canvas = "services:\n  - {name: canvas, file: \"\(old)\"}\n"
        let file = try folder.write("agent.yaml", canvas)
        let running = try Program.agent().start([
            "serve", "--config", file, "--listen", "127.0.0.1:0", "--host-id", "id-of-host-1",
        ])
        let agent = try await HostAgent.ready("host-1", running)
        #expect(Self.text(agent, "/buildinfo/canvas").contains(Commit.old))
        #expect(Self.status(agent, "/buildinfo/web") == 404)

        try folder.write("agent.yaml", canvas + "  - {name: web, file: \"\(new)\"}\n")
        agent.program.signal(SIGHUP)
        try await eventually("the new service is served") { Self.text(agent, "/buildinfo/web").contains(Commit.new) }
        #expect(Self.text(agent, "/buildinfo/canvas").contains(Commit.old))

        // The same name with another file.
        try folder.write("agent.yaml", "services:\n  - {name: canvas, file: \"\(new)\"}\n")
        agent.program.signal(SIGHUP)
        try await eventually("the other file is served") { Self.text(agent, "/buildinfo/canvas").contains(Commit.new) }
        #expect(Self.status(agent, "/buildinfo/web") == 404)

        try folder.write("agent.yaml", "services:\n  - {name: canvas, flie: x}\n")
        agent.program.signal(SIGHUP)
        try await eventually("the problem is logged") { agent.program.error.contains("agent.yaml:2:") }
        #expect(Self.text(agent, "/buildinfo/canvas").contains(Commit.new))
        #expect(agent.program.exitCode == nil)
    }

    @Test("Changes that need a restart are logged in one warning with their keys")
    func restartRequired() async throws {
        let folder = try TemporaryFolder()
        let build = try folder.write("build", Commit.new)
        let services = "services:\n  - {name: canvas, file: \"\(build)\"}\n"
        let file = try folder.write("agent.yaml", services)
        let reader = try Program.agent().start([
            "read", "--config", file, "--listen", "unix:\(folder.path("r.sock"))", "--host-id", "id-of-host-1",
        ])
        let standalone = try await HostAgent.ready(
            "host-1",
            try Program.agent().start([
                "serve", "--config", file, "--listen", "127.0.0.1:0", "--host-id", "id-of-host-1",
            ]))
        let server = try await HostAgent.server("host-1", from: folder.path("r.sock"), arguments: ["--config", file])
        for agent in [standalone, server] {
            try folder.write("agent.yaml", services + "host: {name: other}\n")
            agent.program.signal(SIGHUP)
            try await eventually("the configuration is reloaded") { agent.program.error.contains(" Reloaded") }
            try folder.write(
                "agent.yaml", services + "access: {token_file: /nowhere}\nlimits: {requests_per_second: 7}\n")
            agent.program.signal(SIGHUP)
            try await eventually("the warning is logged") {
                agent.program.error.contains("Access control not yet active")
            }
            #expect(Self.status(agent, "/buildinfo") == 200)
            let warnings = agent.program.error.split(separator: "\n").filter { $0.contains("restart required") }
            #expect(warnings.count == 1, "\(warnings)")
            let warning = try #require(warnings.first)
            #expect(warning.contains(" warning "))
            #expect(warning.contains("command=\"systemctl restart buildinfo-agent\""))
            #expect(warning.contains("access.token_file, limits.requests_per_second"))
        }
        reader.kill()
    }

    @Test("A reader's reload reaches the server")
    func readerReload() async throws {
        let folder = try TemporaryFolder()
        let build = try folder.write("build", Commit.new)
        let file = try folder.write("agent.yaml", "services:\n  - {name: canvas, file: \"\(build)\"}\n")
        let reader = try Program.agent().start([
            "read", "--config", file, "--listen", "unix:\(folder.path("r.sock"))", "--host-id", "id-of-host-1",
        ])
        let server = try await HostAgent.server("host-1", from: folder.path("r.sock"), arguments: ["--config", file])
        try await eventually("the service is served") { Self.text(server, "/buildinfo").contains(Commit.new) }
        try folder.write("agent.yaml", "services:\n  - {name: web, file: \"\(build)\"}\n")
        reader.signal(SIGHUP)
        try await eventually("the server has the other service") { Self.status(server, "/buildinfo/web") == 200 }
        #expect(Self.status(server, "/buildinfo/canvas") == 404)
        reader.kill()
    }
}
