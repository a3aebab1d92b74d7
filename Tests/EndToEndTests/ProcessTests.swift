import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end: collector process", .timeLimit(.minutes(5)))
struct ProcessTests {
    @Test(
        "Row 20: an interrupted run writes its report and is never green",
        arguments: [
            (SIGINT, Int32(130)), (SIGTERM, Int32(143)),
        ])
    func interrupted(signal: Int32, code: Int32) async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.new))")
        let running = try Verify(hosts: [agent.host], sha: Commit.new, soak: "50s").start()
        try await running.says("soaking")
        running.program.signal(signal)
        let result = try await running.finish()
        #expect(result.exitCode == code, "\(result.progress)")
        #expect(result.report.verdict == "interrupted")
        #expect(try result.host("host-1").status == "soaking")
        #expect(result.report.summary.proven == 0)
    }

    @Test("A signal that arrives twice at once still ends with a whole report: wrappers deliver one keystroke twice")
    func doubleSignal() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.new))")
        let running = try Verify(hosts: [agent.host], sha: Commit.new, soak: "50s").start()
        try await running.says("soaking")
        running.program.signal(SIGINT)
        running.program.signal(SIGTERM)
        let result = try await running.finish()
        #expect([130, 143].contains(result.exitCode), "\(result.progress)")
        #expect(result.report.verdict == "interrupted")
    }

    @Test(
        "A later second signal ends a run at once although its report cannot be finished, and the other reports are whole"
    )
    func secondSignal() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.new))")
        // Nothing reads the pipe, so the report waits.
        let pipe = folder.path("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        var verify = Verify(hosts: [agent.host], sha: Commit.new, soak: "50s")
        verify.more = ["--report", "text=\(pipe)"]
        verify.whileSoaking = """
            kill -TERM $pid
            while kill -0 $pid && ! [ -e "$folder/report.json" ]; do sleep 0.05; done
            sleep 0.7
            kill -TERM $pid || exit 99
            """
        let result = try await verify.run()
        #expect(result.exitCode == 143)
        #expect(result.report.verdict == "interrupted")
    }

    @Test("Row 6: an unreadable inventory is 64 and named")
    func unreadableInventory() async throws {
        let result = try await Program.collector().run(
            ["verify", "--fleet", "/nonexistent/fleet.yaml", "--sha", Commit.new, "--store", "none"])
        #expect(result.exitCode == 64)
        #expect(result.error.contains("/nonexistent/fleet.yaml"), "\(result.error)")
        #expect(result.output.isEmpty)
    }

    @Test("Row 6: an empty inventory is 50, and 0 only with --allow-empty")
    func emptyInventory() async throws {
        var verify = Verify(hosts: [], sha: Commit.new)
        let refused = try await verify.run()
        #expect(refused.exitCode == 50, "\(refused.progress)")
        #expect(refused.report.verdict == "empty_inventory")
        verify.more = ["--allow-empty"]
        let allowed = try await verify.run()
        #expect(allowed.exitCode == 0, "\(allowed.progress)")
        #expect(allowed.report.summary.proven == 0)
    }

    @Test("A host that reaches the target during the verification converges, and the log has the time")
    func convergesMeanwhile() async throws {
        let folder = try TemporaryFolder()
        let build = try folder.write("build", Commit.old)
        let agent = try await HostAgent.start("host-1", selector: "file:\(build)")
        let running = try Verify(hosts: [agent.host], sha: Commit.new).start()
        try await running.says("host-1: pending")
        try folder.write("build", Commit.new)
        let result = try await running.finish()
        #expect(result.exitCode == 0, "\(result.progress)")
        let statuses = try result.host("host-1").transitions.map(\.status)
        #expect(statuses.first == "pending")
        #expect(statuses.last == "converged")
    }
}
