import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Ledger
@testable import Reports
@testable import Verdict

/// Rollbacks and the promotions that they undid, in the history.
@Suite("Rollbacks in the history")
struct RollbackLinksTests {
    private func rollBack(
        _ ledger: Ledger, daysAgo days: Double, to build: Character, from former: Character,
        kind: JournalEntry.Kind = .rollback, environment: EnvironmentName = .standard
    ) async throws {
        let moment = LedgerFixtures.now.addingTimeInterval(-days * 86_400)
        let intent = JournalEntry.Intent(
            id: "j\(days)", kind: kind, service: DeployedService("canvas", in: environment),
            repository: "registry.example/canvas", tag: "latest", source: "x", gitSHA: try LedgerFixtures.sha(build),
            digest: try LedgerFixtures.digest(build), formerDigest: try LedgerFixtures.digest(former),
            formerGitSHA: try LedgerFixtures.sha(former), actor: "ci", contexts: [:],
            intendedAt: moment.rfc3339)
        guard case .recorded(let entry) = try await ledger.intend(intent) else {
            Issue.record("the tag is locked")
            return
        }
        _ = try await ledger.settle(entry, as: .moved, at: moment)
    }

    @Test("An entry names the promotion that it undid and the rollback that undid it")
    func linked() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(daysAgo: 5, build: "1", digest: "1", verdict: .converged)
            try await history.add(daysAgo: 4, build: "2", digest: "2", verdict: .failedDeploy)
            try await rollBack(history.ledger, daysAgo: 3.9, to: "1", from: "2")
            try await history.add(daysAgo: 3.8, build: "1", digest: "1", verdict: .converged)
            // The same build again, once its cause is fixed, was not undone.
            try await history.add(daysAgo: 2, build: "2", digest: "2", verdict: .converged)
            let entries = try await history.ledger.history(now: LedgerFixtures.now)
            #expect(entries.map(\.id) == ["4", "3", "2", "1"])
            #expect(entries.map(\.undid?.verification) == [nil, "2", nil, nil])
            #expect(entries.map(\.undoneBy?.verification) == [nil, nil, "3", nil])
            #expect(entries.map(\.undid?.generation) == [nil, 2, nil, nil])
            #expect(entries.map(\.undoneBy?.generation) == [nil, nil, 3, nil])
            let table = HistoryTable(entries: entries, filter: HistoryFilter())
            #expect(
                table.text().contains("111111111111 sha256:111111111111 (3), rolled back from 222222222222 (2), 2\n"))
            #expect(table.text().contains("222222222222 sha256:222222222222 (2), rolled back to 111111111111 (3), 3\n"))
            #expect(try table.json().contains(#""undone_by" : {"#))
            #expect(table.csv().split(separator: "\r\n")[2].hasSuffix(",2,2,,,"))
            #expect(table.csv().split(separator: "\r\n")[3].hasSuffix(",,,3,3,"))
        }
    }

    @Test("A rollback that no verification followed is linked by its generation alone")
    func unverified() async throws {
        try await withRecordedHistory { history, _ in
            try await history.add(daysAgo: 5, build: "1", digest: "1", verdict: .converged)
            try await history.add(daysAgo: 4, build: "2", digest: "2", verdict: .failedDeploy)
            try await rollBack(history.ledger, daysAgo: 3.9, to: "1", from: "2")
            let undone = try await history.ledger.history(now: LedgerFixtures.now).first?.undoneBy
            #expect(undone?.generation == 3)
            #expect(undone?.verification == nil)
        }
    }

    @Test("Promotions, and rollbacks in another environment, undo nothing")
    func others() async throws {
        try await withRecordedHistory { history, _ in
            let staging = try #require(EnvironmentName("staging"))
            try await history.add(daysAgo: 5, build: "1", digest: "1", verdict: .converged)
            try await history.add(daysAgo: 4, build: "2", digest: "2", verdict: .converged)
            try await rollBack(history.ledger, daysAgo: 3.9, to: "3", from: "2", kind: .promotion)
            try await rollBack(history.ledger, daysAgo: 3.8, to: "1", from: "2", environment: staging)
            #expect(
                try await history.ledger.history(now: LedgerFixtures.now)
                    .allSatisfy { $0.undid == nil && $0.undoneBy == nil })
        }
    }
}
