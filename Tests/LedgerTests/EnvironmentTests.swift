import Foundation
import GRDB
import Shared
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("Environments that share a ledger")
struct EnvironmentTests {
    private static let staging = DeployedService.canvas(in: "staging")
    private static let production = DeployedService.canvas(in: "production")

    @Test("Promotions alternate, and each environment numbers its own")
    func generations() async throws {
        try await withLedger { ledger in
            for (number, digit) in "1234".enumerated() {
                for service in [Self.staging, Self.production] {
                    let start = try await ledger.begin(EnvironmentFixtures.run("\(digit)", service, digit: digit))
                    #expect(start.generation == number + 1)
                    #expect(start.promotions.map(\.generation) == Array(1...number + 1))
                }
            }
            // The default environment has none of them.
            #expect(try await ledger.promotions(of: "canvas").isEmpty)
            let forgotten = try await ledger.environmentWarning(for: Target(service: "canvas"))
            #expect(forgotten?.contains("of canvas in production, staging: give --environment") == true)
            let named = Target(service: "canvas", environment: Self.staging.environment)
            #expect(try await ledger.environmentWarning(for: named) == nil)
            #expect(try await ledger.environmentWarning(for: Target(service: "worker")) == nil)
            let start = try await ledger.begin(LedgerFixtures.run("d", sha: try LedgerFixtures.sha("9")))
            #expect(start.generation == 1)
            #expect(try await ledger.promotions(of: Self.staging).map(\.generation) == [1, 2, 3, 4])
        }
    }

    @Test("An inventory is compared with its own environment's, not with a larger one")
    func inventories() async throws {
        try await withLedger { ledger in
            for (service, count) in [(Self.production, 13), (Self.staging, 1)] {
                let run = EnvironmentFixtures.run("1", service, digit: "1", hosts: (0..<count).map { "h\($0)" })
                let start = try await ledger.begin(run)
                try await ledger.finish(
                    LedgerFixtures.report(run, generation: start.generation, verdict: .converged))
            }
            #expect(try await ledger.previousExpected(of: Self.production) == 13)
            #expect(try await ledger.previousExpected(of: Self.staging) == 1)
            #expect(try await ledger.previousExpected(of: "canvas") == nil)
        }
    }

    @Test("A journal entry becomes a promotion of its environment, and the tag is locked for all of them")
    func journal() async throws {
        try await withLedger { ledger in
            _ = try await ledger.begin(EnvironmentFixtures.run("1", Self.staging, digit: "1"))
            let intent = try EnvironmentFixtures.intent("move", Self.production, digit: "2")
            guard case .recorded(let entry) = try await ledger.intend(intent) else {
                Issue.record("the tag is not locked")
                return
            }
            #expect(entry.generation == 1)
            let other = try EnvironmentFixtures.intent("other", Self.staging, digit: "3")
            guard case .underWay(let open, _) = try await ledger.intend(other) else {
                Issue.record("two environments moved one tag at once")
                return
            }
            #expect(open.intent == intent)
            let settled = try await ledger.settle(entry, as: .moved, at: LedgerFixtures.now)
            #expect(settled.intent.service == Self.production)
            #expect(try await ledger.promotions(of: Self.production).map(\.digest) == [intent.digest])
            #expect(try await ledger.promotions(of: Self.production).map(\.change) == [.promotion])
            #expect(try await ledger.promotions(of: Self.staging).map(\.change) == [nil])
        }
    }

    @Test("A rollback finds the last proven build of its own environment")
    func builds() async throws {
        try await withLedger { ledger in
            for (id, service, digit) in [
                ("a", Self.production, "1"), ("b", Self.staging, "2"), ("c", Self.production, "3"),
                ("d", Self.staging, "4"),
            ] as [(String, DeployedService, Character)] {
                var run = EnvironmentFixtures.run(id, service, digit: digit)
                run.target.digest = try LedgerFixtures.digest(digit)
                let start = try await ledger.begin(run)
                try await ledger.finish(
                    LedgerFixtures.report(run, generation: start.generation, verdict: .converged))
            }
            for (service, present, expected) in [(Self.production, "3", "1"), (Self.staging, "4", "2")]
                as [(DeployedService, Character, Character)]
            {
                let builds = try await ledger.builds(of: service, repository: "r/canvas", tag: "latest")
                let last = BuildHistory(builds: builds).lastProven(before: try LedgerFixtures.digest(present))
                #expect(last?.digest == (try LedgerFixtures.digest(expected)))
                #expect(last?.generation == 1)
            }
        }
    }

    @Test("Reports keep their environment, and the last one of an environment is found")
    func reports() async throws {
        try await withLedger { ledger in
            for service in [Self.production, Self.staging] {
                let run = EnvironmentFixtures.run("1", service, digit: "1")
                let start = try await ledger.begin(run)
                try await ledger.finish(LedgerFixtures.report(run, generation: start.generation))
            }
            let now = LedgerFixtures.now
            for service in [Self.production, Self.staging] {
                let last = try await ledger.report(environment: service.environment, now: now)
                #expect(last.target.deployed == service)
                let named = try await ledger.report(service: "canvas", environment: service.environment, now: now)
                #expect(named == last)
            }
            #expect(try await ledger.report(service: "canvas", now: now).target.deployed == Self.staging)
            let expected = LedgerError.noVerification(path: ledger.path, service: "canvas", environment: .standard)
            await #expect(throws: expected) {
                try await ledger.report(service: "canvas", environment: .standard, now: now)
            }
            #expect("\(expected)".contains("no completed verification of 'canvas' in default"))
        }
    }

    @Test("Every row names its service and environment, and the ledger is fine")
    func rows() async throws {
        try await withLedger { ledger in
            for service in [Self.production, Self.staging, "canvas", "web"] {
                let run = EnvironmentFixtures.run("1", service, digit: "1")
                let start = try await ledger.begin(run)
                try await ledger.finish(LedgerFixtures.report(run, generation: start.generation))
            }
            let rows = try await ledger.read { db in
                try Row.fetchAll(db, sql: "SELECT * FROM verifications ORDER BY number").map {
                    "\(try $0.deployedService())"
                }
            }
            #expect(
                rows == [
                    "canvas in production", "canvas in staging", "canvas", "web",
                ])
            let condition = try await Ledger.inspect(path: ledger.path, now: LedgerFixtures.now)
            #expect(condition.isFine, "\(condition.text())")
            #expect(condition.counts?.services == 2)
            #expect(condition.counts?.promotions == 4)
        }
    }

    @Test("An environment whose name differs only in case from a known one is refused, with the known name")
    func spelling() async throws {
        try await withLedger { ledger in
            _ = try await ledger.begin(EnvironmentFixtures.run("1", Self.production, digit: "1"))
            let other = DeployedService.canvas(in: "Production")
            let expected = LedgerError.otherSpelling(other, known: Self.production.environment)
            #expect(expected.exitCode == 64)
            #expect("\(expected)".hasSuffix("as 'production': give --environment production"))
            await #expect(throws: expected) {
                try await ledger.begin(EnvironmentFixtures.run("2", other, digit: "2"))
            }
            let intent = try EnvironmentFixtures.intent("move", other, digit: "2")
            await #expect(throws: expected) { try await ledger.intend(intent) }
            // Another service may spell it differently.
            var run = EnvironmentFixtures.run("3", other, digit: "2")
            run.target.service = "web"
            #expect(try await ledger.begin(run).generation == 1)
        }
    }

    private func withLedger(_ body: (Ledger) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await body(try await Ledger.open(path: "\(folder.path)/ledger.db"))
    }
}

/// Records of services in environments.
private enum EnvironmentFixtures {
    static func run(
        _ id: String, _ service: DeployedService, digit: Character, hosts: [String] = ["a", "b", "c"]
    ) -> VerificationRecord {
        var run = LedgerFixtures.run(
            "\(service.name)-\(service.environment)-\(id)", service: service.name,
            sha: GitSHA(contractText: String(repeating: digit, count: 40)), hosts: hosts)
        run.target.environment = service.environment
        return run
    }

    static func intent(_ id: String, _ service: DeployedService, digit: Character) throws -> JournalEntry.Intent {
        JournalEntry.Intent(
            id: id, kind: .promotion, service: service, repository: "registry.example/canvas", tag: "latest",
            source: "staging-\(digit)", gitSHA: try LedgerFixtures.sha(digit), digest: try LedgerFixtures.digest(digit),
            actor: "ci", contexts: [:], intendedAt: "2026-11-23T12:00:00.000Z")
    }
}
