import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures
@testable import Service

@Suite("Service, listening", .timeLimit(.minutes(3)))
struct ListeningTests {
    private static func write(_ folder: TemporaryFolder, _ more: String) throws {
        try folder.write("fleet.yaml", "hosts: [{name: a, url: \"http://127.0.0.1:9/buildinfo\"}]\n")
        try folder.write(
            "collector.yaml",
            "store: \(folder.path("ledger.db"))\n\(more)"
                + "fleets:\n  - {service: canvas, inventory: \(folder.path("fleet.yaml"))}\n")
    }

    /// A port of loopback that was free just now.
    private static func freePort() async throws -> Int {
        let host = try await ScriptedHost.start { _ in .hang }
        await host.stop()
        return host.port
    }

    @Test("A socket that systemd opened is served instead of the configured addresses")
    func inherited() async throws {
        let folder = try TemporaryFolder()
        try Self.write(folder, "listen: ['127.0.0.1:1']\n")
        let activate = try Program.installed("systemd-socket-activate", remedy: "apt-get install systemd")
        let port = try await Self.freePort()
        let running = try activate.start([
            "-l", "127.0.0.1:\(port)", try Program.collector().path, "serve", "--config", folder.path("collector.yaml"),
        ])
        try await eventually("the service answers", detail: { running.error }) {
            try #require(running.exitCode == nil, "\(running.error)")
            return LoopbackRequest("GET", "127.0.0.1:\(port)", "/healthz").answer()?.status == 200
        }
        let answer = try #require(LoopbackRequest("GET", "127.0.0.1:\(port)", "/api/v1/fleets").answer())
        #expect(answer.status == 200)
        #expect(answer.headers["date"]?.hasSuffix(" GMT") == true, "\(answer.headers)")
        #expect(running.error.contains("address=127.0.0.1:\(port)"), "\(running.error)")
        running.signal(SIGTERM)
        #expect(try await running.wait().exitCode == 0)
    }

    @Test("An inherited socket beyond loopback needs tokens or anonymous access")
    func exposed() async throws {
        let folder = try TemporaryFolder()
        try Self.write(folder, "")
        let activate = try Program.installed("systemd-socket-activate", remedy: "apt-get install systemd")
        let port = try await Self.freePort()
        let running = try activate.start([
            "-l", "0.0.0.0:\(port)", try Program.collector().path, "serve", "--config", folder.path("collector.yaml"),
        ])
        try await eventually("it ends", detail: { running.error }) {
            _ = LoopbackRequest("GET", "127.0.0.1:\(port)", "/healthz").answer()
            return running.exitCode != nil
        }
        #expect(running.exitCode == 64)
        #expect(running.error.contains("add access.tokens"), "\(running.error)")
    }

    @Test("TLS is served with the configured certificate, and not without it")
    func tls() async throws {
        let folder = try TemporaryFolder()
        let yard = try await TestCertificates()
        try await yard.issue("server", alternatives: "IP:127.0.0.1")
        try Self.write(
            folder,
            """
            listen: ['127.0.0.1:0']
            access: {tls: {certificate: \(yard.path("server.pem")), key: \(yard.path("server.key"))}}

            """)
        let running = try Program.collector().start(["serve", "--config", folder.path("collector.yaml")])
        try await eventually("the service listens", detail: { running.error }) {
            try #require(running.exitCode == nil, "\(running.error)")
            return running.error.contains(" Ready")
        }
        let line = try #require(running.error.split(separator: "\n").first { $0.contains(" Listening ") })
        let authority = try #require(line.split(separator: "address=").last)
        let curl = try Program.installed("curl", remedy: "apt-get install curl")
        try await curl.succeed(["-sSf", "--cacert", yard.path("ca.pem"), "https://\(authority)/healthz"])
        #expect(LoopbackRequest("GET", String(authority), "/healthz").answer()?.status != 200)
    }

    @Test("An address that is in use ends the service with its name")
    func inUse() async throws {
        let folder = try TemporaryFolder()
        let host = try await ScriptedHost.start { _ in .hang }
        try Self.write(folder, "listen: ['127.0.0.1:\(host.port)']\n")
        let outcome = try await Program.collector().run(["serve", "--config", folder.path("collector.yaml")])
        #expect(outcome.exitCode == 64, "\(outcome.error)")
        #expect(outcome.error.contains("cannot listen on 127.0.0.1:\(host.port)"), "\(outcome.error)")
        #expect(!outcome.error.contains(" Ready"), "it says that it is ready: \(outcome.error)")
        await host.stop()
    }

    @Test("On a unix socket, everybody who can open it may read")
    func unix() async throws {
        let folder = try TemporaryFolder()
        try Self.write(folder, "listen: ['unix:\(folder.path("collector.sock"))']\n")
        let running = try Program.collector().start(["serve", "--config", folder.path("collector.yaml")])
        try await eventually("the service listens", detail: { running.error }) { running.error.contains(" Ready") }
        let curl = try Program.installed("curl", remedy: "apt-get install curl")
        let answer = try await curl.succeed([
            "-sSf", "--unix-socket", folder.path("collector.sock"), "http://collector/api/v1/fleets",
        ])
        #expect(answer.contains("\"canvas\""))
    }
}
