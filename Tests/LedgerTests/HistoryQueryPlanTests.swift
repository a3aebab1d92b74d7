import Foundation
import GRDB
import Shared
import Synchronization
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

/// A ledger keeps years of verifications: the queries of the history must not read it all.
@Suite("Query plans of the history")
struct HistoryQueryPlanTests {
    private final class Statements: Sendable {
        private let texts = Mutex<Set<String>>([])
        var all: Set<String> { texts.withLock { $0 } }
        func add(_ text: String) { texts.withLock { _ = $0.insert(text) } }
    }

    /// SQLite's plans of the queries that a body runs.
    private func plans(_ path: String, _ body: (Ledger) async throws -> Void) async throws -> [(String, plan: [String])]
    {
        let ledger = try await Ledger.open(path: path, for: .reading)
        let statements = Statements()
        try await ledger.read { db in
            db.trace { event in
                if case .statement(let statement) = event { statements.add(statement.expandedSQL) }
            }
        }
        try await body(ledger)
        let all = statements.all.filter { $0.hasPrefix("SELECT") || $0.hasPrefix("WITH") }
        #expect(!all.isEmpty)
        return try await ledger.read { db in
            db.trace(options: [])
            return try all.map { sql in
                (sql, plan: try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] as String })
            }
        }
    }

    /// A table that grows with each verification or sweep is only searched by an index, never read as a whole.
    private func expectSearches(_ plans: [(String, plan: [String])]) {
        for (sql, plan) in plans {
            for detail in plan where detail.hasPrefix("SCAN ") {
                let table = detail.split(separator: " ")[1]
                let isSmall =
                    [
                        "keys", "status_series", "standing_fleets", "standing", "spans", "changes", "CONSTANT",
                        "(subquery-1)", "(subquery-4)",
                    ]
                    .contains(String(table)) || table.hasPrefix("(")
                #expect(isSmall, "\(detail): \(sql)")
            }
        }
    }

    private func recorded(_ history: inout RecordedHistory) async throws {
        for number in 0..<20 {
            try await history.add(
                daysAgo: 20 - Double(number), service: number % 2 == 0 ? "canvas" : "web", verdict: .converged,
                took: 60,
                hosts: [("a", .converged(1)), ("b", .converged(2))])
        }
    }

    @Test("What a host served at a moment is found by index")
    func moment() async throws {
        try await withRecordedHistory { history, path in
            try await recorded(&history)
            try await history.ledger.close()
            let plans = try await plans(path) { ledger in
                let moment = LedgerFixtures.now.addingTimeInterval(-10 * 86_400)
                let found = try await ledger.moments(at: moment, host: "a")
                #expect(found.map(\.service) == ["canvas", "web"])
            }
            expectSearches(plans)
        }
    }

    @Test("A host's history, and a part of all verifications, are found by index")
    func host() async throws {
        try await withRecordedHistory { history, path in
            try await recorded(&history)
            try await history.ledger.close()
            let plans = try await plans(path) { ledger in
                let filter = HistoryFilter(host: "a", since: LedgerFixtures.now.addingTimeInterval(-5 * 86_400))
                #expect(try await ledger.history(filter, now: LedgerFixtures.now).count == 5)
                _ = try await ledger.statuses(filter)
            }
            expectSearches(plans)
        }
    }
}
