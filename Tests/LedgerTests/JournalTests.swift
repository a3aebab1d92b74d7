import Foundation
import GRDB
import Shared
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Verdict

@Suite("Promotion journal")
struct JournalTests {
    private static let gone = ProcessIdentity(pid: 1, start: 1, namespace: nil, boot: "another boot")

    private func withLedger(_ body: (Ledger) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await body(try await Ledger.open(path: "\(folder.path)/ledger.db"))
    }

    private func intent(
        _ id: String, sha: Character = "b", digest: Character = "b", former: Character? = "a", tag: String = "latest"
    ) throws -> JournalEntry.Intent {
        JournalEntry.Intent(
            id: id, kind: .promotion, service: "canvas", repository: "registry.example/canvas", tag: tag,
            source: "staging-\(sha)", gitSHA: try LedgerFixtures.sha(sha), digest: try LedgerFixtures.digest(digest),
            formerDigest: try former.map(LedgerFixtures.digest), formerGitSHA: try former.map(LedgerFixtures.sha),
            actor: "ops, run 7", contexts: ["ci/test": "success"],
            permission: "1 commit back, and said so", intendedAt: "2026-11-23T12:00:00.000Z")
    }

    private func record(_ intent: JournalEntry.Intent, in ledger: Ledger) async throws -> JournalEntry {
        guard case .recorded(let entry) = try await ledger.intend(intent) else { throw CancellationError() }
        return entry
    }

    @Test("An intent becomes a promotion with the next generation once its tag has moved")
    func moved() async throws {
        try await withLedger { ledger in
            for (number, letter) in [Character("b"), "c"].enumerated() {
                let wanted = try intent("p\(number)", sha: letter, digest: letter)
                let entry = try await record(wanted, in: ledger)
                #expect(entry.state == .intended)
                #expect(entry.generation == number + 1)
                #expect(try await ledger.promotions(of: "canvas").count == number)
                #expect(try await ledger.unsettled(repository: wanted.repository, tag: "latest")?.entry == entry)
                let settled = try await ledger.settle(entry, as: .moved, at: LedgerFixtures.now)
                #expect(settled.state == .moved)
                #expect(settled.generation == number + 1)
                #expect(settled.intent == wanted)
                let promotions = try await ledger.promotions(of: "canvas")
                #expect(promotions.last?.digest == wanted.digest)
                #expect(promotions.last?.gitSHA == wanted.gitSHA)
                #expect(promotions.last?.generation == number + 1)
            }
            #expect(try await ledger.unsettled(repository: "registry.example/canvas", tag: "latest") == nil)
            let journal = try await ledger.journal()
            #expect(journal.map(\.intent.id) == ["p1", "p0"])
            #expect(journal.first?.intent.contexts == ["ci/test": "success"])
            #expect(journal.first?.intent.permission == "1 commit back, and said so")
            #expect(try await ledger.promotions(of: "canvas").map(\.change) == [.promotion, .promotion])
            let condition = try await Ledger.inspect(path: ledger.path, now: LedgerFixtures.now)
            #expect(condition.isFine, "\(condition.text())")
        }
    }

    @Test(
        "A change that did not move the tag is not a promotion, and its generation is reused",
        arguments: [JournalEntry.State.unmoved, .contested])
    func notMoved(state: JournalEntry.State) async throws {
        try await withLedger { ledger in
            let first = try await record(try intent("one"), in: ledger)
            let settled = try await ledger.settle(first, as: state, at: LedgerFixtures.now, reason: "503")
            #expect(settled.reason == "503")
            #expect(try await ledger.promotions(of: "canvas").isEmpty)
            #expect(try await record(try intent("two"), in: ledger).generation == 1)
        }
    }

    @Test("One change of a tag is in progress at a time; other tags are free")
    func lock() async throws {
        try await withLedger { ledger in
            let first = try await record(try intent("one"), in: ledger)
            guard case .underWay(let entry, let presence) = try await ledger.intend(try intent("two", sha: "c")) else {
                Issue.record("two changes of one tag")
                return
            }
            #expect(entry == first)
            #expect(presence == .running)
            _ = try await record(try intent("three", tag: "stable"), in: ledger)
            _ = try await ledger.settle(first, as: .unmoved, at: LedgerFixtures.now)
            _ = try await record(try intent("two", sha: "c"), in: ledger)
        }
    }

    @Test("A change of a process that has ended is settled once")
    func cutOff() async throws {
        try await withLedger { ledger in
            let wanted = try intent("one")
            guard case .recorded(let entry) = try await ledger.intend(wanted, process: Self.gone) else {
                Issue.record("not recorded")
                return
            }
            let found = try #require(try await ledger.unsettled(repository: wanted.repository, tag: "latest"))
            #expect(found.presence == .gone)
            let settled = try await ledger.settle(
                found.entry, as: .moved, at: LedgerFixtures.now, reason: "found moved")
            #expect(settled.state == .moved)
            // A later settlement with the old state changes nothing.
            let late = try await ledger.settle(entry, as: .unmoved, at: LedgerFixtures.now)
            #expect(late == settled)
            #expect(try await ledger.promotions(of: "canvas").count == 1)
        }
    }

    @Test("Promoting the last build again keeps its generation; an earlier build gets a new one")
    func generations() async throws {
        try await withLedger { ledger in
            var numbers: [Int] = []
            for (id, letter) in [("1", Character("b")), ("2", "b"), ("3", "c"), ("4", "b")] {
                let entry = try await record(try intent(id, sha: letter, digest: letter), in: ledger)
                numbers.append(try await ledger.settle(entry, as: .moved, at: LedgerFixtures.now).generation)
            }
            #expect(numbers == [1, 1, 2, 3])
        }
    }

    @Test("The ledger check finds a journal that contradicts the promotions")
    func checked() async throws {
        try await withLedger { ledger in
            let entry = try await record(try intent("one"), in: ledger)
            _ = try await ledger.settle(entry, as: .moved, at: LedgerFixtures.now)
            try await ledger.close()
            try tamper(ledger.path, "DELETE FROM promotions")
            let condition = try await Ledger.inspect(path: ledger.path, now: LedgerFixtures.now)
            #expect(condition.text().contains("moved tag without its promotion"), "\(condition.text())")
        }
    }
}
