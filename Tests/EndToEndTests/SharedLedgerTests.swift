import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end, a shared ledger", .timeLimit(.minutes(5)))
struct SharedLedgerTests {
    @Test("A newer promotion takes over: the older verification ends superseded, names it, and exits with 40")
    func superseded() async throws {
        let folder = try TemporaryFolder()
        let build = try folder.write("build", Commit.old)
        let agent = try await HostAgent.start("host-1", selector: "file:\(build)")
        var verify = Verify(hosts: [agent.host], sha: Commit.new, store: folder.path("ledger.db"))
        let older = try verify.start()
        try await older.says("host-1: pending")

        verify.sha = Commit.newer
        let newer = try verify.start()
        let ended = try await older.finish()
        #expect(ended.exitCode == 40, "\(ended.progress)")
        #expect(ended.report.verdict == "superseded")
        #expect(ended.report.reasons[0].message.contains(Commit.newer.prefix(12)), "\(ended.report.reasons)")

        try folder.write("build", Commit.newer)
        let converged = try await newer.finish()
        #expect(converged.exitCode == 0, "\(converged.progress)")

        let history = try await Program.collector().succeed(["history", "--store", folder.path("ledger.db")])
        let line = history.split(separator: "\n").first { $0.contains(ended.report.verification.id) } ?? ""
        #expect(line.contains("superseded"), "\(history)")
        #expect(line.hasSuffix("(1), superseded by \(Commit.newer.prefix(12)) (2)"), "\(history)")
    }

    @Test("A host that serves the next build counts only once that build is promoted")
    func promotedNext() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.newer))")
        var verify = Verify(hosts: [agent.host], sha: Commit.new, timeout: "6s", store: folder.path("ledger.db"))
        let first = try await verify.run()
        #expect(first.exitCode == 10, "\(first.progress)")
        verify.sha = Commit.newer
        verify.timeout = "60s"
        let second = try await verify.run()
        #expect(second.exitCode == 0, "\(second.progress)")
    }

    @Test("History, report and status show a past verification")
    func shownLater() async throws {
        let folder = try TemporaryFolder()
        let store = ["--store", folder.path("ledger.db")]
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.new))")
        let verified = try await Verify(hosts: [agent.host], sha: Commit.new, store: store[1]).run()
        #expect(verified.exitCode == 0, "\(verified.progress)")
        let collector = try Program.collector()

        let history = try await collector.succeed(["history", "--format", "json"] + store)
        #expect(history.contains(verified.report.verification.id))
        #expect(history.contains("converged"))
        let ofHost = try await collector.succeed(["history", "--host", "host-1"] + store)
        #expect(ofHost.contains(verified.report.verification.id))

        let again = try await collector.succeed(["report", "--report", "json=-"] + store)
        #expect(try await SchemaValidator.defects(again, against: .report).isEmpty)
        #expect(again.contains(verified.report.verification.id))

        // Without a target, status compares with the ledger's last promotion; one request proves nothing.
        let status = try await collector.run(
            ["status", "--service", "canvas", "--host", agent.url, "--report", "json=-"] + store)
        #expect(status.exitCode == 0, "\(status.error)")
        #expect(status.output.contains(Commit.new))
        #expect(status.output.contains(#""soaking""#))
        #expect(try await SchemaValidator.defects(status.output, against: .report).isEmpty)
    }

    @Test("Nothing is kept with --store none")
    func noStore() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.new))")
        let running = try Verify(hosts: [agent.host], sha: Commit.new, store: "none").start()
        let result = try await running.finish()
        #expect(result.exitCode == 0, "\(result.progress)")
        #expect(try running.folder.names() == ["evidence.ndjson", "fleet.yaml", "replayed.json", "report.json"])
    }
}
