import Foundation
import GRDB
import Glibc
import Shared
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Operations
@testable import Registry
@testable import Reports
@testable import Verdict

@Suite("Build history")
struct BuildHistoryTests {
    /// One letter per build, oldest first: upper case is proven, `<` marks a rollback, `!` a withdrawn build.
    private func history(_ text: String) throws -> BuildHistory {
        var builds: [ProvenBuild] = []
        for letter in text {
            switch letter {
            case "<": builds[builds.count - 1].isRollback = true
            case "!": builds[builds.count - 1].isWithdrawn = true
            default:
                let digit = Character(letter.lowercased())
                builds.append(
                    ProvenBuild(
                        generation: builds.count + 1, digest: try LedgerFixtures.digest(digit),
                        gitSHA: try LedgerFixtures.sha(digit), at: "2026-11-20T10:00:00.000Z",
                        verdict: letter.isUppercase ? .converged : .failedDeploy,
                        provenAt: letter.isUppercase ? "2026-11-20T10:05:00.000Z" : nil))
            }
        }
        return BuildHistory(builds: builds)
    }

    @Test(
        "The rollback target is the last build that was proven before the present one",
        arguments: [
            // The history, the present build, and the generation of the rollback target.
            ("", "a", nil), ("a", "a", nil), ("A", "a", nil), ("Ab", "b", 1), ("AbB", "b", 1), ("Abc", "c", 1),
            ("Abbb", "b", 1), ("ABc", "c", 2), ("A", "9", 1), ("ab", "9", nil),
            // Two rollbacks go back two builds, not back and forth.
            ("ABC!B<", "b", 1), ("AB!C!A<", "a", nil), ("ABC!B<", "d", 4), ("ABc!B<d", "d", 4),
            // A withdrawn build counts again once it is promoted again.
            ("AB!A<B", "c", 4), ("AB!A<B", "b", 3),
            // After a rollback over several builds, the skipped ones are not targets.
            ("ABCD!A<", "a", nil),
        ] as [(String, Character, Int?)])
    func lastProven(promoted: String, present: Character, expected: Int?) throws {
        let found = try history(promoted).lastProven(before: try LedgerFixtures.digest(present))
        #expect(found?.generation == expected)
    }

    @Test(
        "An unproven rollback is finished before another one goes further back",
        arguments: [
            // The history, the present build, and the generation to prove.
            ("ABC!b<", "b", 4), ("ABC!B<", "b", nil), ("ABC!b<", "c", nil), ("ABC!b<d", "d", nil), ("ABc", "c", nil),
            ("ABC!b<", "9", nil), ("", "a", nil), ("AB!a<", "a", 3),
        ] as [(String, Character, Int?)])
    func unproven(promoted: String, present: Character, expected: Int?) throws {
        let found = try history(promoted).unprovenRollback(at: try LedgerFixtures.digest(present))
        #expect(found?.generation == expected)
    }

    @Test("A build is found by its generation, or by seven digits of its commit or digest")
    func named() throws {
        let history = try history("ABcA<")
        #expect(try history.named("2").generation == 2)
        #expect(try history.named("bbbbbbb").generation == 2)
        #expect(try history.named("BBBBBBBB").generation == 2)
        #expect(try history.named("sha256:ccccccc").generation == 3)
        #expect(try history.named("aaaaaaa").generation == 4)
        for text in ["9", "0", "bbbbbb", "sha256:bbbbbb", "9999999", "latest", ""] {
            #expect(throws: BuildHistory.Failure.unknown(text)) { try history.named(text) }
        }
    }

    @Test("An ambiguous text lists the builds that it fits")
    func ambiguous() throws {
        var builds = try history("AB").builds
        builds[1].gitSHA = builds[0].gitSHA
        let history = BuildHistory(builds: builds)
        #expect { try history.named("aaaaaaa") } throws: { error in
            "\(error)".contains("matches 2 builds") && "\(error)".contains("promotion no. 1")
                && "\(error)".contains("promotion no. 2") && "\(error)".contains("more digits")
        }
        #expect(try history.named("sha256:bbbbbbb").generation == 2)
    }

    @Test("The list shows the last builds with their outcomes")
    func list() throws {
        let text = try history("Ab").list()
        #expect(
            text
                == "bbbbbbbbbbbb (promotion no. 2, failed_deploy), aaaaaaaaaaaa (promotion no. 1, converged 2026-11-20T10:05:00.000Z)"
        )
        #expect(try history("").list() == "the ledger has no promotion of it")
    }

    // MARK: - In the ledger

    private func withLedger(_ body: (Ledger) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await body(try await Ledger.open(path: "\(folder.path)/ledger.db"))
    }

    private func change(
        _ ledger: Ledger, _ id: String, to digit: Character, from former: Character,
        kind: JournalEntry.Kind = .promotion,
        tag: String = "latest"
    ) async throws -> Int {
        let intent = JournalEntry.Intent(
            id: id, kind: kind, service: "canvas", repository: "registry.example/canvas", tag: tag, source: "x",
            gitSHA: try LedgerFixtures.sha(digit), digest: try LedgerFixtures.digest(digit),
            formerDigest: try LedgerFixtures.digest(former), formerGitSHA: nil, actor: "ops", contexts: [:],
            permission: nil, intendedAt: "2026-11-23T12:00:00.000Z")
        guard case .recorded(let entry) = try await ledger.intend(intent) else { throw CancellationError() }
        return try await ledger.settle(entry, as: .moved, at: LedgerFixtures.now).generation
    }

    private func verify(
        _ ledger: Ledger, _ id: String, _ digit: Character, as verdict: Verdict, selected: [String]? = nil
    ) async throws {
        var run = LedgerFixtures.run(id, sha: try LedgerFixtures.sha(digit), digest: try LedgerFixtures.digest(digit))
        run.inventory.selected = selected
        let start = try await ledger.begin(run)
        try await ledger.finish(try LedgerFixtures.report(run, generation: start.generation, verdict: verdict))
    }

    private func builds(_ ledger: Ledger) async throws -> [ProvenBuild] {
        try await ledger.builds(of: "canvas", repository: "registry.example/canvas", tag: "latest")
    }

    @Test("The ledger distinguishes proven, withdrawn and other tags' builds")
    func recorded() async throws {
        try await withLedger { ledger in
            _ = try await change(ledger, "1", to: "a", from: "9")
            try await verify(ledger, "v1", "a", as: .converged)
            try await verify(ledger, "v2", "a", as: .stragglers)
            _ = try await change(ledger, "2", to: "b", from: "a", tag: "stable")
            _ = try await change(ledger, "3", to: "c", from: "a")
            try await verify(ledger, "v3", "c", as: .converged, selected: ["group=canary"])
            _ = try await change(ledger, "4", to: "a", from: "c", kind: .rollback)
            let builds = try await builds(ledger)
            #expect(builds.map(\.generation) == [1, 3, 4])
            #expect(builds.map { $0.provenAt != nil } == [true, false, false])
            #expect(builds.map(\.verdict) == [.stragglers, .converged, nil])
            #expect(builds.map(\.isWithdrawn) == [false, true, false])
            #expect(builds.map(\.isRollback) == [false, false, true])
        }
    }

    @Test("A verified promotion without a journal entry is a build, too")
    func unjournalled() async throws {
        try await withLedger { ledger in
            try await verify(ledger, "v1", "a", as: .convergedTolerated)
            #expect(try await builds(ledger).map { $0.provenAt != nil } == [true])
        }
    }

    @Test("Field 12: manifests are kept byte for byte and checked again, and the oldest are dropped")
    func manifests() async throws {
        try await withLedger { ledger in
            func manifest(_ number: Int) throws -> RegistryManifest {
                let text = """
                    {"schemaVersion":2,"config":{"digest":"\(try LedgerFixtures.digest("a"))","size":\(number)},"layers":[]}
                    """
                return try RegistryManifest(
                    bytes: Array(text.utf8), contentType: "application/vnd.oci.image.manifest.v1+json", stated: nil,
                    wanted: nil)
            }
            let first = try manifest(0)
            try await ledger.keep(try await KeptImage(root: first) { _ in first }, at: LedgerFixtures.now)
            #expect(try await ledger.keptManifest(first.digest) == first)
            #expect(try await ledger.keptManifest(try LedgerFixtures.digest("e")) == nil)
            for number in 1...Ledger.keptManifests {
                let next = try manifest(number)
                try await ledger.keep(
                    try await KeptImage(root: next) { _ in next },
                    at: LedgerFixtures.now.addingTimeInterval(Double(number)))
            }
            #expect(try await ledger.keptManifest(first.digest) == nil)
            #expect(try await ledger.keptManifest(try manifest(1).digest) != nil)
            try await ledger.write { db in try db.execute(sql: "UPDATE manifests SET bytes = x'00'") }
            #expect(try await ledger.keptManifest(try manifest(1).digest) == nil)
            let condition = try await Ledger.inspect(path: ledger.path, now: LedgerFixtures.now)
            #expect(condition.isFine, "\(condition.text())")
        }
    }

    @Test("A note on an open change does not settle it")
    func noted() async throws {
        try await withLedger { ledger in
            let intent = JournalEntry.Intent(
                id: "1", kind: .promotion, service: "canvas", repository: "registry.example/canvas", tag: "latest",
                source: "x", gitSHA: nil, digest: try LedgerFixtures.digest("a"), formerDigest: nil, formerGitSHA: nil,
                actor: "ops", contexts: [:], permission: nil, intendedAt: "2026-11-23T12:00:00.000Z")
            guard case .recorded(let entry) = try await ledger.intend(intent) else { throw CancellationError() }
            try await ledger.note("acknowledged, and not shown", on: entry)
            let open = try await ledger.unsettled(repository: intent.repository, tag: intent.tag)
            #expect(open?.entry.state == .intended)
            #expect(open?.entry.reason == "acknowledged, and not shown")
            _ = try await ledger.settle(entry, as: .moved, at: LedgerFixtures.now)
            try await ledger.note("late", on: entry)
            #expect(try await ledger.journal().first?.reason != "late")
        }
    }

    @Test("Without a name in the environment, the actor is the account of the process")
    func actor() {
        let name = PromotionActor.name(flag: nil, environment: [:])
        #expect(!name.hasPrefix("somebody@") && !name.hasPrefix("@"))
        #expect(geteuid() != 0 || getuid() != 0 || name.hasPrefix("root@"))
        #expect(PromotionActor.name(flag: nil, environment: ["USER": "ada"]).hasPrefix("ada@"))
    }
}
