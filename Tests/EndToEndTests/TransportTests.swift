import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end, hosts with other answers or none", .timeLimit(.minutes(5)))
struct TransportTests {
    @Test("Row 2: every host answers with a 404 page of HTML: agent errors, and exit 30")
    func notFound() async throws {
        let page = try await ScriptedHost.start { _ in .status(404, "<html><h1>404 Not Found</h1></html>") }
        let result = try await verify((1...3).map { FleetHost(name: "host-\($0)", url: page.url(host: $0)) })
        #expect(result.exitCode == 30, "\(result.progress)")
        #expect(result.report.verdict == "unreachable")
        #expect(result.report.summary.statuses == ["agent_error": 3])
        #expect(result.report.hosts.allSatisfy { $0.facts.reach == "http_status" && $0.reason.contains("404") })
        await page.stop()
    }

    @Test("Row 21: a parked page with status 200 is an agent error, not a document")
    func parked() async throws {
        let page = try await ScriptedHost.start { _ in .status(200, "<html>This domain is for sale</html>") }
        let result = try await verify([FleetHost(name: "host-1", url: page.url())])
        #expect(result.exitCode == 30, "\(result.progress)")
        #expect(try result.host("host-1").status == "agent_error")
        #expect(try result.host("host-1").facts.reach == "not_buildinfo")
        await page.stop()
    }

    @Test("A redirect is not followed, and is an agent error")
    func redirected() async throws {
        let target = try await ScriptedHost.start { _ in .json(#"{"git_sha":"\#(Commit.new)"}"#) }
        let source = try await ScriptedHost.start { _ in .redirect(to: target.url()) }
        let result = try await verify([FleetHost(name: "host-1", url: source.url())])
        #expect(result.exitCode == 30, "\(result.progress)")
        #expect(try result.host("host-1").facts.reach == "http_status")
        #expect(target.requests == 0)
        await source.stop()
        await target.stop()
    }

    @Test("Row 3: a fleet of unreachable hosts exits with 30")
    func unreachable() async throws {
        let hang = try await ScriptedHost.start { _ in .hang }
        let closed = try #require(ScriptedHostDeafPort(.closed))
        let full = try #require(ScriptedHostDeafPort(.full))
        let result = try await verify([
            FleetHost(name: "hangs", url: hang.url()),
            FleetHost(name: "closed", url: "http://127.0.0.1:\(closed.port)/buildinfo"),
            FleetHost(name: "full", url: "http://127.0.0.1:\(full.port)/buildinfo"),
        ])
        #expect(result.exitCode == 30, "\(result.progress)")
        #expect(result.report.summary.statuses == ["unreachable": 3])
        #expect(try result.host("hangs").facts.reach == "timeout")
        #expect(try result.host("closed").facts.reach == "refused")
        #expect(try result.host("full").facts.reach == "timeout")
        await hang.stop()
    }

    @Test("Row 17: dead hosts share one deadline and delay no other host")
    func deadHosts() async throws {
        let dead = try await ScriptedHost.start { _ in .hang }
        let folder = try TemporaryFolder()
        let alive = try await HostAgent.start("alive", selector: "file:\(try folder.write("build", Commit.new))")
        let hosts = (1...20).map { FleetHost(name: "dead-\($0)", url: dead.url(host: $0)) }
        let result = try await verify(hosts + [alive.host], timeout: "10s")
        #expect(result.exitCode == 30, "\(result.progress)")
        // In sequence, 20 requests of 2 s would take 40 s.
        #expect(result.report.verification.durationSeconds < 20)
        #expect(try result.host("alive").status == "converged")
        #expect(result.report.summary.statuses == ["converged": 1, "unreachable": 20])
        await dead.stop()
    }

    @Test(
        "Row 13: an invalid commit is unverifiable, and the reason quotes it",
        arguments: [
            (#""dev""#, "dev"), (#""""#, "empty"), ("null", "null"), (#""unknown""#, "unknown"),
            (#""c0ffee5""#, "c0ffee5"), (#""0000000000000000000000000000000000000000""#, "0000000"),
        ])
    func noCommit(given: String, said: String) async throws {
        let host = try await ScriptedHost.start { _ in .json(#"{"git_sha":\#(given)}"#) }
        let result = try await verify([FleetHost(name: "host-1", url: host.url())])
        let entry = try result.host("host-1")
        #expect(result.exitCode == 30, "\(result.progress)")
        #expect(entry.status == "unverifiable")
        #expect(entry.facts.build == "unidentified")
        #expect(entry.reason.contains(said), "\(entry.reason)")
        await host.stop()
    }

    @Test("Row 18: with one of 120 hosts behind, the log is short and names it at the end")
    func manyHosts() async throws {
        let fleet = try await ScriptedHost.start { request in
            .json(#"{"git_sha":"\#(request.localAddress == ScriptedHost.address(host: 7) ? Commit.old : Commit.new)"}"#)
        }
        let hosts = (0..<120).map { FleetHost(name: "host-\($0)", url: fleet.url(host: $0)) }
        // The interval is long enough for a debug build of the scripted host while other tests run.
        var verify = Verify(hosts: hosts, sha: Commit.new, timeout: "12s", soak: "500ms")
        verify.more = ["--interval", "2s", "--request-timeout", "10s"]
        let result = try await verify.run()
        #expect(result.exitCode == 10, "\(result.progress)")
        #expect(result.report.summary.statuses == ["converged": 119, "straggler": 1])
        let lines = (result.progress + result.output).split(separator: "\n")
        #expect(lines.count < 100, "\(lines.count) lines for 120 hosts")
        #expect(lines.suffix(12).contains { $0.contains("host-7 ") && $0.contains("straggler") })
        #expect(result.report.hosts.last?.name == "host-7")
        await fleet.stop()
    }

    /// - Parameter timeout: the duration of the run, because these fleets never converge.
    private func verify(_ hosts: [FleetHost], timeout: String = "8s") async throws -> Verified {
        try await Verify(hosts: hosts, sha: Commit.new, timeout: timeout, soak: "500ms").run()
    }
}
