import Glibc
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

    @Test("Two environments share a ledger without meeting: sizes, promotions, generations")
    func environments() async throws {
        let folder = try TemporaryFolder()
        let store = folder.path("ledger.db")
        let served = [
            "staging": try folder.write("staging", Commit.new),
            "production": try folder.write("production", Commit.old),
        ]
        var hosts: [String: [FleetHost]] = [:]
        for (environment, count) in [("staging", 1), ("production", 5)] {
            hosts[environment] = try await withThrowingTaskGroup(of: FleetHost.self) { group in
                for number in 1...count {
                    group.addTask {
                        try await HostAgent.start(
                            "\(environment)-\(number)", selector: "file:\(served[environment] ?? "")"
                        ).host
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        // Without environments, the second would be refused for its size (50), and each would supersede the other (40).
        for (round, sha) in [(1, Commit.old), (2, Commit.new), (3, Commit.newer)] {
            for environment in ["production", "staging"] {
                try folder.write(environment, sha)
                let verified = try await Verify(
                    hosts: hosts[environment] ?? [], sha: sha, store: store, more: ["--environment", environment]
                ).run()
                #expect(verified.exitCode == 0, "\(environment): \(verified.progress)")
                #expect(verified.report.target.generation == round, "\(environment)")
                #expect(verified.report.target.environment == environment)
            }
        }
        let collector = try Program.collector()
        let last = try await collector.succeed([
            "report", "--environment", "production", "--report", "json=-", "--store", store,
        ])
        #expect(last.contains(#""environment" : "production""#))
        let check = try await collector.succeed(["ledger", "check", "--store", store])
        #expect(check.contains("promotions 6 (services 1)"), "\(check)")
        let invalid = try await collector.run(["status", "--host", "a", "--service", "s", "--environment", "eu/1"])
        #expect(invalid.exitCode == 64)
        #expect(invalid.error.contains("expected letters, digits, '.', '_' and '-', at most 128"), "\(invalid.error)")
    }

    @Test("A ledger in use is backed up, but not restored")
    func inUse() async throws {
        let folder = try TemporaryFolder()
        let store = ["--store", folder.path("ledger.db")]
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.new))")
        let verify = Verify(hosts: [agent.host], sha: Commit.new, timeout: "1h", soak: "30m", store: store[1])
        let running = try verify.start()
        try await running.says("host-1: soaking")
        let collector = try Program.collector()
        _ = try await collector.succeed(["ledger", "backup", folder.path("backup.db")] + store)
        for force in [[], ["--force"]] {
            let refused = try await collector.run(["ledger", "restore", folder.path("backup.db")] + force + store)
            #expect(refused.exitCode == 69, "\(refused.output)")
            #expect(refused.error.contains("is in use by another process"), "\(refused.error)")
        }
        let over = try await collector.run(
            ["ledger", "backup", store[1], "--force", "--store", folder.path("backup.db")])
        #expect(over.exitCode == 64)
        #expect(over.error.contains("is a database that another process has open"), "\(over.error)")
        running.program.signal(SIGTERM)
        let verified = try await running.finish()
        #expect(verified.exitCode == 143, "\(verified.progress)")
        let restored = try await collector.succeed(["ledger", "restore", folder.path("backup.db")] + store)
        #expect(restored.contains("promotions 1, verifications 1"), "\(restored)")
        // The verification was still running when the backup was taken.
        let history = try await collector.succeed(["history"] + store)
        #expect(history.contains("interrupted"), "\(history)")
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
