import Support
import Testing

@testable import EndToEndFixtures

extension RealEngine {
    @Suite("A container's state")
    struct RuntimeTests {
        @Test("Row 15: a paused container proves nothing and is a failed deploy; unpaused, it converges")
        func paused() async throws {
            let (service, verify) = try await deployed()
            try await service.engine.docker("pause", service.name)

            let paused = try await verify.run()
            let host = try paused.host("host-1")
            #expect(paused.exitCode == 20, "\(paused.progress)")
            #expect(host.status == "failed")
            #expect(host.facts.runtime == "paused")
            #expect(paused.report.summary.proven == 0)

            try await service.engine.docker("unpause", service.name)
            let unpaused = try await verify.run()
            #expect(unpaused.exitCode == 0, "\(unpaused.progress)")
            try await service.engine.remove(service.name)
        }

        @Test("Row 15: a container that runs and is unhealthy is a failed deploy")
        func unhealthy() async throws {
            let (service, verify) = try await deployed(healthCheck: ["0", "1"])
            let result = try await verify.run()
            #expect(result.exitCode == 20, "\(result.progress)")
            #expect(try result.host("host-1").status == "failed")
            #expect(try result.host("host-1").facts.runtime == "unhealthy")
            try await service.engine.remove(service.name)
        }

        @Test("A healthy container converges without a warning about health checks")
        func healthy() async throws {
            let (service, verify) = try await deployed(healthCheck: ["0", "0"])
            let result = try await verify.run()
            #expect(result.exitCode == 0, "\(result.progress)")
            #expect(result.report.warnings?.contains { $0.contains("health check") } == false)
            try await service.engine.remove(service.name)
        }

        @Test("A crash loop is a failed deploy", arguments: [["0", "1"], ["1", "3"]])
        func crashLoop(command: [String]) async throws {
            var (service, verify) = try await deployed(command: command, options: ["--restart", "always"])
            // Longer than the container runs; otherwise, the second in which it serves would be enough.
            verify.soak = "3s"
            let result = try await verify.run()
            #expect(result.exitCode == 20, "\(result.progress)")
            #expect(try result.host("host-1").status == "failed")
            #expect(result.report.summary.proven == 0)
            try await service.engine.remove(service.name)
        }

        @Test("A removed container is not green, and the reason is that the service is absent")
        func removed() async throws {
            var (service, verify) = try await deployed()
            try await service.engine.remove(service.name)
            verify.timeout = Verify.short
            let result = try await verify.run()
            #expect(result.exitCode == 30, "\(result.progress)")
            #expect(try result.host("host-1").status == "unverifiable")
            #expect(try result.host("host-1").facts.runtime == "absent")
            #expect(try result.host("host-1").reason.contains("no instance of the service"))
        }

        @Test("A stopped container is a failed deploy that exited, not an absent one")
        func stopped() async throws {
            let (service, verify) = try await deployed()
            try await service.engine.docker("stop", service.name)
            let result = try await verify.run()
            #expect(result.exitCode == 20, "\(result.progress)")
            #expect(try result.host("host-1").facts.runtime == "exited")
            try await service.engine.remove(service.name)
        }

        /// Promotes, pulls and starts a new build; returns the service and a verification of its host.
        private func deployed(
            command: [String] = [], healthCheck: [String]? = nil, options: [String] = []
        ) async throws -> (Service, Verify) {
            let service = try await Service.make()
            let digest = try await service.release(Commit.new, command: command, healthCheck: healthCheck)
            try await service.pull()
            try await service.run(options)
            let agent = try await HostAgent.start(
                "host-1", selector: "container:\(service.name)", engine: service.engine)
            return (service, Verify(hosts: [agent.host], sha: Commit.new, digest: digest))
        }
    }
}
