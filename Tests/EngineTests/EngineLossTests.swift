import Glibc
import Support
import Testing

@testable import EndToEndFixtures

extension RealEngine {
    @Suite("An engine that cannot be read")
    struct EngineLossTests {
        @Test("Row 16: a stopped engine is an agent error and not an empty host; started again, the host converges")
        func stopped() async throws {
            var verify = try await deployed("--restart", "always")
            let agent = try #require(verify.hosts[0].agent)
            let engine = try await SharedEnvironment.shared.engine

            try await engine.stop()
            verify.timeout = Verify.short
            let without = try await verify.run()
            let host = try without.host("host-1")
            #expect(without.exitCode == 30, "\(without.progress)")
            #expect(host.status == "agent_error")
            #expect(host.facts.runtime == "unknown")
            let document = try await agent.document()
            #expect(document.contains(#""state":"unknown""#))
            #expect(document.contains(#""git_sha":null"#))

            try await engine.start()
            verify.timeout = "60s"
            let again = try await verify.run()
            #expect(again.exitCode == 0, "\(again.progress)")
            #expect(agent.program.exitCode == nil)
        }

        @Test("An engine that hangs is an agent error, and the host converges once it goes on")
        func hanging() async throws {
            var verify = try await deployed()
            let engine = try await SharedEnvironment.shared.engine
            // Later tests need a running engine, whatever the result.
            try engine.suspend()
            verify.timeout = "12s"
            verify.more = ["--request-timeout", "8s"]
            let outcome: Result<Verified, any Error>
            do { outcome = .success(try await verify.run()) } catch { outcome = .failure(error) }
            try engine.resume()
            let hanging = try outcome.get()
            #expect(hanging.exitCode == 30, "\(hanging.progress)")
            #expect(try hanging.host("host-1").status == "agent_error")

            verify.timeout = "60s"
            let again = try await verify.run()
            #expect(again.exitCode == 0, "\(again.progress)")
        }

        @Test("Row 16: a socket that the agent may not open is an agent error, and never 'no containers'")
        func denied() async throws {
            let yard = try await SharedEnvironment.shared
            let setpriv = try Program.installed("setpriv", remedy: "apt-get install util-linux")
            // The tests run as root. So the agent loses root's capabilities to open any file, and the socket gets another
            // owner.
            chown(yard.engine.socket, 65_534, 65_534)
            chmod(yard.engine.socket, 0o600)
            defer {
                chown(yard.engine.socket, 0, 0)
                chmod(yard.engine.socket, 0o660)
            }
            let agent = try await HostAgent.start(
                "host-1", selector: "container:canvas", engine: yard.engine, program: setpriv,
                prefix: ["--bounding-set=-dac_override,-dac_read_search", try Program.agent().path])
            let result = try await Verify(hosts: [agent.host], sha: Commit.new, timeout: Verify.short).run()
            let host = try result.host("host-1")
            #expect(result.exitCode == 30, "\(result.progress)")
            #expect(host.status == "agent_error")
            #expect(host.reason.lowercased().contains("denied"), "\(host.reason)")
        }

        private func deployed(_ options: String...) async throws -> Verify {
            let service = try await Service.make()
            let digest = try await service.release(Commit.new)
            try await service.pull()
            try await service.run(options)
            let agent = try await HostAgent.start(
                "host-1", selector: "container:\(service.name)", engine: service.engine)
            return Verify(hosts: [agent.host], sha: Commit.new, digest: digest)
        }
    }
}
