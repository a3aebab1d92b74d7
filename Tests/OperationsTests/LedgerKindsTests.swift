import ArgumentParser
import Foundation
import GRDB
import Logging
import Shared
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Inventory
@testable import Ledger
@testable import Operations
@testable import Reports
@testable import Verdict

/// Every kind of verification leaves a ledger that passes `ledger check`.
@Suite("Kinds of verifications in the ledger")
struct LedgerKindsTests {
    private static func withLedger(_ body: (Ledger, String) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        let ledger = try await Ledger.open(path: path)
        try await body(ledger, path)
        try await ledger.close()
    }

    private static func names(_ count: Int) -> [String] { (0..<count).map { "host-\($0)" } }

    private static func condition(_ path: String) async throws -> LedgerCheckResult {
        try await Ledger.inspect(path: path, now: LedgerFixtures.now)
    }

    /// A verification of a selection of the inventory's hosts.
    private static func selected(_ id: String, _ count: Int, of listed: Int) throws -> VerificationRecord {
        var run = LedgerFixtures.run(id, sha: try LedgerFixtures.sha("a"), hosts: names(count))
        run.inventory.listed = listed
        run.inventory.selected = ["region=eu"]
        return run
    }

    @Test("A selection passes the check, finished or interrupted, pruned or not")
    func selections() async throws {
        try await Self.withLedger { ledger, path in
            var gone = ProcessIdentity.current()
            gone.boot = "earlier"
            for (id, count) in [("1", 3), ("2", 1), ("3", 12)] {
                let run = try Self.selected(id, count, of: 12)
                let start = try await ledger.begin(run)
                try await ledger.finish(try LedgerFixtures.report(run, generation: start.generation))
            }
            _ = try await ledger.begin(try Self.selected("4", 2, of: 12), process: gone)
            let found = try await Self.condition(path)
            #expect(found.isFine, "\(found.text())")
            _ = try await ledger.prune(LedgerRetention(age: .zero), now: .distantFuture)
            let left = try await Self.condition(path)
            #expect(left.isFine, "\(left.text())")
            #expect(left.counts.map { $0.verifications < 4 } == true)
        }
    }

    @Test("Waived and missing hosts, sanitized names and refusals pass the check")
    func others() async throws {
        try await Self.withLedger { ledger, path in
            var bench = Bench(4, policy: .short) { hosts in
                hosts[1].waiver = Waiver(until: "2031-01-01T00:00:00Z", reason: "r", by: nil, isExpired: false)
                hosts[2].name = "bad\u{1B}[2J"
                hosts[3].name = String(repeating: "n", count: 400)
            }
            bench.poll(1...20) { host, _ in host == 0 ? .none(.refused) : .answer(Answer()) }
            bench.learn(listed: ["host-1"], at: 21)
            bench.finish { host, _ in host == 0 ? .none(.refused) : .answer(Answer()) }
            let report = try SampleFleet.report(bench)
            let run = VerificationRecord(
                id: report.verification.id, startedAt: report.verification.startedAt, target: report.target,
                policy: report.policy, inventory: report.inventory, hosts: bench.verification.tracks.map(\.host))
            var unnumbered = run
            unnumbered.target.generation = nil
            _ = try await ledger.begin(unnumbered)
            try await ledger.finish(report)

            for (number, (hosts, previous)) in [(0, nil), (3, 9), (2, nil)].enumerated() {
                let empty = Bench(hosts)
                let tracks = empty.verification.tracks.map(\.host)
                let check = InventoryCheck(minimumHosts: number == 2 ? 5 : 1)
                let refusal = try #require(
                    check.refusal(of: tracks, listed: tracks, previous: .init(listed: previous)))
                let context = ReportBuilder.Context(
                    id: "refused-\(number)", startedAt: LedgerFixtures.now, finishedAt: LedgerFixtures.now,
                    inventorySource: "fleet.yaml", inventoryHash: "sha256:00")
                try await ledger.finish(
                    ReportBuilder(verification: empty.verification, context: context).build(refusal))
            }
            let found = try await Self.condition(path)
            #expect(found.isFine, "\(found.text())")
            #expect(found.counts?.verifications == 4)
        }
    }

    @Test(
        "Field 23: a refused inventory is in the history, but is not a promotion or a baseline")
    func refused() async throws {
        try await Self.withLedger { ledger, path in
            let sha = try LedgerFixtures.sha("a")
            let run = LedgerFixtures.run("1", sha: sha, hosts: Self.names(10))
            let start = try await ledger.begin(run)
            try await ledger.finish(try LedgerFixtures.report(run, generation: start.generation))

            let folder = try TestFolder()
            defer { folder.remove() }
            let fleet = try folder.write("hosts: [a, b]\n", to: "fleet.yaml")
            let inventory = try Inventory.load(
                sources: [.file(path: fleet)], hosts: [], service: "canvas", now: LedgerFixtures.now)
            for generation in [nil, 7] {
                let verification = VerificationRun(
                    target: Target(service: "canvas", gitSHA: try LedgerFixtures.sha("b"), generation: generation),
                    inventory: inventory, policy: Policy(), check: InventoryCheck(), access: HostCredentials(),
                    ledger: ledger, destinations: [], progress: .none, environment: [:],
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                let report = try await verification.run()
                #expect((report.verdict, report.exitCode) == (.inventoryShrunk, 50))
                #expect(report.reasons[0].message.contains("--max-shrink 100%"))
            }

            let history = try await ledger.history(now: Date())
            #expect(history.map(\.verdict) == [.inventoryShrunk, .inventoryShrunk, .stragglers])
            #expect(history.map(\.exitCode) == [50, 50, 10])
            #expect(history.map(\.generation) == [nil, nil, 1])
            #expect(try await ledger.promotions(of: "canvas").count == 1)
            #expect(try await ledger.previousExpected(of: "canvas") == 10)
            let stored = try await ledger.report(now: Date())
            #expect((stored.verdict, stored.exitCode) == (.inventoryShrunk, 50))
            let found = try await Self.condition(path)
            #expect(found.isFine, "\(found.text())")
        }
    }

    @Test("A contradictory ledger is kept; only a damaged one has to be replaced")
    func advice() {
        for (kind, keeps) in [(LedgerCheckResult.Finding.Kind.contradiction, true), (.damage, false)] {
            var condition = LedgerCheckResult(path: "ledger.db", bytes: 0, logBytes: 0)
            condition.add(kind, "made up")
            let text = condition.text()
            #expect(text.contains("not fine (exit 69)"))
            #expect(text.contains("keep it") == keeps, "\(text)")
            #expect(text.contains("move it away") != keeps, "\(text)")
        }
    }

    @Test("History lists everything as CSV and JSON, and text mentions how many more there are")
    func limits() async throws {
        try await withRecordedHistory { history, path in
            for _ in 0..<23 { try await history.add(daysAgo: 1, verdict: .converged) }
            func output(_ arguments: [String]) async throws -> String {
                let command = try #require(
                    try HistoryCommand.parseAsRoot(["--store", path] + arguments) as? HistoryCommand)
                return try await command.output(environment: [:], now: LedgerFixtures.now)
            }
            #expect(try await output(["--format", "csv"]).split(separator: "\r\n").count == 24)
            #expect(try await output(["--format", "json"]).ranges(of: #""started_at""#).count == 23)
            #expect(try await output(["--format", "csv", "--limit", "5"]).split(separator: "\r\n").count == 6)
            let text = try await output([])
            #expect(text.split(separator: "\n").count == 22)
            #expect(text.hasSuffix("… and 3 more verifications: give --limit, or --format csv for all\n"), "\(text)")
            #expect(try await output(["--limit", "23"]).split(separator: "\n").count == 24)
            let hosts = try await output(["--by", "host", "--limit", "1"])
            #expect(!hosts.contains("more hosts"))
        }
    }
}
