import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end, identity of hosts", .timeLimit(.minutes(5)))
struct IdentityTests {
    @Test("Two hosts that answer with one id are in conflict: exit 60")
    func duplicate() async throws {
        let folder = try TemporaryFolder()
        let build = "file:\(try folder.write("build", Commit.new))"
        let first = try await HostAgent.start("host-1", selector: build, address: "127.0.0.11")
        let second = try await HostAgent.start(
            "host-2", selector: build, address: "127.0.0.12", hostID: "id-of-host-1")
        let result = try await Verify(hosts: [first.host, second.host], sha: Commit.new, timeout: "10s").run()
        #expect(result.exitCode == 60, "\(result.progress)")
        #expect(result.report.verdict == "identity_conflict")
        #expect(result.report.summary.statuses == ["conflict": 2])
        #expect(result.report.hosts.allSatisfy { $0.facts.identity == "duplicate" })
    }

    @Test("A host with another id than the inventory's is in conflict: exit 60")
    func wrongHost() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.new))")
        var host = agent.host
        host.id = "id-of-another-host"
        let result = try await Verify(hosts: [host], sha: Commit.new, timeout: "8s").run()
        #expect(result.exitCode == 60, "\(result.progress)")
        #expect(try result.host("host-1").facts.identity == "wrong_host")
    }

    @Test("An agent of another service is unverifiable: exit 30")
    func otherService() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start(
            "host-1", selector: "file:\(try folder.write("build", Commit.new))",
            arguments: ["--service", "shop=file:\(folder.path("build"))"])
        var host = agent.host
        host.url = "http://\(agent.authority)/buildinfo/shop"
        let result = try await Verify(hosts: [host], sha: Commit.new, timeout: "8s").run()
        #expect(result.exitCode == 30, "\(result.progress)")
        #expect(try result.host("host-1").status == "unverifiable")
        #expect(try result.host("host-1").reason.contains("shop"))
    }
}
