import ArgumentParser
import Foundation
import GRDB
import Glibc
import Shared
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Ledger
@testable import Verdict

@Suite("Checking the ledger")
struct LedgerCheckerTests {
    /// A closed ledger with a few verifications, the last one cut off.
    private func withLedger(_ body: (String) async throws -> Void) async throws {
        try await withRecordedHistory { history, path in
            let hosts = (0..<200).map { ("host-\($0)", RecordedHistory.Result.converged(Double($0))) }
            for build in "123" { try await history.add(daysAgo: 2, build: build, verdict: .converged, hosts: hosts) }
            try await history.add(daysAgo: 1, build: "3", verdict: nil, hosts: hosts)
            try await history.ledger.close()
            try await body(path)
        }
    }

    private func inspect(_ path: String) async throws -> LedgerCheckResult {
        try await Ledger.inspect(path: path, now: LedgerFixtures.now)
    }

    @Test("A sound ledger is fine, with its sizes and counts, and a verification that was cut off is only noted")
    func fine() async throws {
        try await withLedger { path in
            let condition = try await inspect(path)
            #expect(condition.isFine)
            #expect(condition.exitCode == 0)
            #expect(condition.version == LedgerSchema.version)
            #expect(
                condition.counts
                    == .init(
                        services: 1, promotions: 3, verifications: 4, running: 0, interrupted: 1, hosts: 800,
                        transitions: 600))
            #expect(
                condition.findings == [
                    .init(kind: .note, text: "the collector of 4 ended before its verification did")
                ])
            #expect(condition.text().hasSuffix("\nfine\n"))
            #expect(try condition.bytes == #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int))
        }
    }

    @Test("An empty ledger, and one whose maker was killed before there was anything in it, are fine")
    func empty() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let made = "\(folder.path)/made.db"
        try await Ledger.open(path: made).close()
        #expect(try await inspect(made).isFine)
        #expect(try await inspect(try folder.write("", to: "empty.db")).isFine)
    }

    /// What is done to a sound ledger behind the collector's back, and a word of what the check says to it.
    private static let contradictions: [(sql: String, says: String)] = [
        ("DELETE FROM promotions WHERE generation = 2; UPDATE verifications SET generation = 1", "promotions"),
        ("UPDATE promotions SET generation = 7 WHERE generation = 3", "not there"),
        ("UPDATE verifications SET verdict = NULL WHERE number = 1", "lacks its verdict"),
        ("UPDATE verifications SET exit_code = NULL WHERE number = 1", "lacks its verdict"),
        ("UPDATE verifications SET finished_at = NULL WHERE number = 1", "lacks its verdict"),
        ("UPDATE verifications SET outcome = NULL WHERE number = 1", "lacks its verdict"),
        ("UPDATE verifications SET state = 'running' WHERE number = 1", "lacks its verdict"),
        ("UPDATE verifications SET verdict = 'green' WHERE number = 1", "verdict that there is not: 1"),
        ("UPDATE verifications SET proven = 900 WHERE number = 2", "more proven hosts"),
        ("DELETE FROM hosts WHERE verification = 2 AND position = 3", "other hosts than were counted: 2"),
        ("DELETE FROM hosts WHERE verification = 4 AND position = 3", "other hosts than were counted: 4"),
        ("UPDATE verifications SET listed = 900 WHERE number = 2", "other hosts than its inventory holds: 2"),
        ("UPDATE hosts SET rank = NULL WHERE verification = 2 AND position = 3", "other hosts than were counted: 2"),
        ("UPDATE hosts SET label = NULL WHERE verification = 3 AND position = 3", "without a result: 3"),
        ("UPDATE hosts SET label = 'green' WHERE verification = 3 AND position = 3", "status that there is not"),
        ("UPDATE transitions SET number = 1 WHERE verification = 1 AND host = 5", "numbered from 0"),
        ("INSERT INTO transitions VALUES (1, 5, 2, 9, 'pending', 'x')", "numbered from 0"),
        ("INSERT INTO transitions VALUES (9, 0, 0, 9, 'pending', 'x')", "not there"),
        (journal(kind: "promotion", state: "moved"), "the promotion is not known: entry j"),
        (journal(kind: "whim", state: "unmoved"), "a kind or a state that there is not: entry j"),
        (journal(kind: "promotion", state: "perhaps"), "a kind or a state that there is not: entry j"),
    ]

    private static func journal(kind: String, state: String) -> String {
        """
        INSERT INTO journal (id, kind, service, repository, tag, source, digest, generation, actor, contexts, intended_at,
            state, settled_at) VALUES ('j', '\(kind)', 'nobody', 'r', 't', 's', 'd', 1, 'a', '{}', 'x', '\(state)', 'y')
        """
    }

    @Test("What no collector records is found and named, and the exit code is 69", arguments: contradictions)
    func contradiction(sql: String, says: String) async throws {
        try await withLedger { path in
            try tamper(path, sql)
            let condition = try await inspect(path)
            #expect(condition.findings.contains { $0.kind != .note && $0.text.contains(says) }, "\(condition.text())")
            #expect(condition.exitCode == 69)
            #expect(condition.text().contains("not fine (exit 69)"))
        }
    }

    @Test("Every rule is broken by one of them")
    func rules() {
        for rule in LedgerInvariant.all {
            #expect(
                Self.contradictions.contains { rule.defect.contains($0.says.split(separator: ":")[0]) },
                "\(rule.defect)")
        }
    }

    private func overwrite(_ path: String, page: Int, at offset: Int = 0, with bytes: [UInt8]) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64((page - 1) * 4_096 + offset))
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }

    @Test("A damaged page is found, and which reports it costs; the file stays as it is")
    func damaged() async throws {
        try await withLedger { path in
            let page = try await DatabaseQueue(path: path).read { db in
                // A leaf of the transitions.
                try Int.fetchOne(
                    db,
                    sql: "SELECT pageno FROM dbstat WHERE name = 'transitions' AND pagetype = 'leaf' LIMIT 1 OFFSET 3")
            }
            try overwrite(path, page: try #require(page), with: Array(repeating: 0xFF, count: 4_096))
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            let condition = try await inspect(path)
            #expect(condition.exitCode == 69)
            #expect(
                condition.findings.contains {
                    $0.kind == .damage && $0.text.hasPrefix("the table transitions cannot be read")
                }, "\(condition.text())")
            #expect(!condition.findings.contains { $0.text.contains("table promotions") })
            let lost = condition.findings.filter { $0.text.hasPrefix("the report of ") }
            #expect(lost.count == 1, "\(condition.text())")
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        }
    }

    @Test("A file that was cut off says how much of it is there")
    func truncated() async throws {
        try await withLedger { path in
            #expect(truncate(path, 20_000) == 0)
            let condition = try await inspect(path)
            #expect(condition.exitCode == 69)
            #expect(condition.findings.first?.text.hasPrefix("the file ends after 20.0 KB of") == true)
            #expect(condition.version == nil)
        }
    }

    @Test("A ledger whose list of tables is overwritten is damaged")
    func schemaLost() async throws {
        try await withLedger { path in
            try overwrite(path, page: 1, at: 100, with: Array(repeating: 0xAA, count: 3_996))
            let condition = try await inspect(path)
            #expect(condition.exitCode == 69)
            #expect(condition.findings.first?.kind == .damage)
        }
    }

    @Test("It looks while others record, and changes nothing")
    func beside() async throws {
        try await withLedger { path in
            let ledger = try await Ledger.open(path: path)
            _ = try await ledger.begin(LedgerFixtures.run("r", sha: try LedgerFixtures.sha("9")))
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            let condition = try await inspect(path)
            #expect(condition.isFine, "\(condition.text())")
            #expect(condition.counts?.running == 1)
            #expect(condition.logBytes > 0)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        }
    }

    @Test("What is no ledger is refused with 64, as everywhere")
    func noLedger() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let text = try folder.write("hosts: []\n", to: "fleet.yaml")
        for path in ["\(folder.path)/x.db", text] {
            let error = await #expect(throws: LedgerError.self) { try await inspect(path) }
            #expect(error?.exitCode == 64)
        }
    }

    @Test("The command writes text or JSON")
    func command() async throws {
        try await withLedger { path in
            for format in ["text", "json"] {
                let parsed = try LedgerCheckCommand.parseAsRoot(["--store", path, "--format", format])
                let command = try #require(parsed as? LedgerCheckCommand)
                let condition = try await command.inspect(environment: [:], now: LedgerFixtures.now)
                let output = try command.output(condition)
                switch format {
                case "json":
                    #expect(try JSONDecoder().decode(LedgerCheckResult.self, from: Data(output.utf8)) == condition)
                default: #expect(output == condition.text())
                }
            }
        }
    }
}
