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
    /// A closed ledger with a few verifications. The last one was interrupted.
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

    @Test("A consistent ledger is fine, with sizes and counts, and an interrupted verification is a note")
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
                    .init(kind: .note, text: "interrupted verifications, whose collectors ended early: 4")
                ])
            #expect(condition.text().hasSuffix("\nfine\n"))
            #expect(try condition.bytes == #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int))
        }
    }

    @Test("An empty ledger, and one whose creator was killed before its first write, are fine")
    func empty() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let made = "\(folder.path)/made.db"
        try await Ledger.open(path: made).close()
        #expect(try await inspect(made).isFine)
        #expect(try await inspect(try folder.write("", to: "empty.db")).isFine)
    }

    /// Changes to a consistent ledger, and a part of the check's message.
    private static let contradictions: [(sql: String, message: String)] = [
        ("DELETE FROM promotions WHERE generation = 2; UPDATE verifications SET generation = 1", "promotions"),
        ("UPDATE promotions SET generation = 7 WHERE generation = 3", "missing rows"),
        ("UPDATE verifications SET verdict = NULL WHERE number = 1", "lacks its verdict"),
        ("UPDATE verifications SET exit_code = NULL WHERE number = 1", "lacks its verdict"),
        ("UPDATE verifications SET finished_at = NULL WHERE number = 1", "lacks its verdict"),
        ("UPDATE verifications SET outcome = NULL WHERE number = 1", "lacks its verdict"),
        ("UPDATE verifications SET state = 'running' WHERE number = 1", "lacks its verdict"),
        ("UPDATE verifications SET verdict = 'green' WHERE number = 1", "unknown verdict: 1"),
        ("UPDATE verifications SET proven = 900 WHERE number = 2", "more proven hosts"),
        ("DELETE FROM hosts WHERE verification = 2 AND position = 3", "than its inventory expects: 2"),
        ("DELETE FROM hosts WHERE verification = 4 AND position = 3", "than its inventory expects: 4"),
        (
            "UPDATE verifications SET listed = 900 WHERE number = 2",
            "lists another number of hosts than its inventory: 2"
        ),
        ("UPDATE hosts SET rank = NULL WHERE verification = 2 AND position = 3", "than its inventory expects: 2"),
        ("UPDATE hosts SET label = NULL WHERE verification = 3 AND position = 3", "without a result: 3"),
        ("UPDATE hosts SET label = 'green' WHERE verification = 3 AND position = 3", "unknown status"),
        ("UPDATE transitions SET number = 1 WHERE verification = 1 AND host = 5", "numbered from 0"),
        ("INSERT INTO transitions VALUES (1, 5, 2, 9, 'pending', 'x')", "numbered from 0"),
        ("INSERT INTO transitions VALUES (9, 0, 0, 9, 'pending', 'x')", "missing rows"),
        ("UPDATE verifications SET service = 'web' WHERE number = 1", "another service or environment"),
        (
            "UPDATE promotions SET service = service || '@eu'; UPDATE verifications SET service = service || '@eu'",
            "another service or environment than its target's: 1"
        ),
        (journal(kind: "promotion", state: "moved"), "moved tag without its promotion: entry j"),
        (journal(kind: "whim", state: "unmoved"), "unknown kind or state: entry j"),
        (journal(kind: "promotion", state: "perhaps"), "unknown kind or state: entry j"),
        (standing("status = 'green'"), "a standing check saw an unknown status: of host a"),
        (standing("not_before = '2026-11-23T13:00:00.000Z'"), "contradicts itself: of host a"),
        (standing("is_new_build = 1"), "contradicts itself: of host a"),
        (standing("is_served = 1"), "contradicts itself: of host a"),
        (standing("fleet = 9"), "rows of standing_changes that refer to missing rows of standing_fleets: 1"),
    ]

    private static func standing(_ change: String) -> String {
        """
        INSERT INTO standing_fleets VALUES (1, 'canvas', NULL);
        INSERT INTO standing_changes (fleet, host, at, status, finding, is_served, is_new_build, is_restart)
            VALUES (1, 'a', '2026-11-23T12:00:00.000Z', 'failed', 'f', 0, 0, 1);
        UPDATE standing_changes SET \(change)
        """
    }

    private static func journal(kind: String, state: String) -> String {
        """
        INSERT INTO journal (id, kind, service, repository, tag, source, digest, generation, actor, contexts, intended_at,
            state, settled_at) VALUES ('j', '\(kind)', 'absent', 'r', 't', 's', 'd', 1, 'a', '{}', 'x', '\(state)', 'y')
        """
    }

    @Test("Contents that no collector records are named, with exit code 69", arguments: contradictions)
    func contradiction(sql: String, message: String) async throws {
        try await withLedger { path in
            try tamper(path, sql)
            let condition = try await inspect(path)
            #expect(
                condition.findings.contains { $0.kind != .note && $0.text.contains(message) }, "\(condition.text())")
            #expect(condition.exitCode == 69)
            #expect(condition.text().contains("not fine (exit 69)"))
        }
    }

    @Test("Every invariant is violated by one of these changes")
    func everyInvariant() {
        for invariant in LedgerInvariant.all {
            #expect(
                Self.contradictions.contains { invariant.violation.contains($0.message.split(separator: ":")[0]) },
                "\(invariant.violation)")
        }
    }

    private func overwrite(_ path: String, page: Int, at offset: Int = 0, with bytes: [UInt8]) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64((page - 1) * 4_096 + offset))
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }

    @Test("A damaged page is found, with the reports that it costs; the file stays unchanged")
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
                    $0.kind == .damage && $0.text.hasPrefix("the table transitions cannot be read completely")
                }, "\(condition.text())")
            #expect(!condition.findings.contains { $0.text.contains("table promotions") })
            let lost = condition.findings.filter { $0.text.hasPrefix("the report of ") }
            #expect(lost.count == 1, "\(condition.text())")
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        }
    }

    @Test("The check of a truncated file states its present length")
    func truncated() async throws {
        try await withLedger { path in
            #expect(truncate(path, 20_000) == 0)
            let condition = try await inspect(path)
            #expect(condition.exitCode == 69)
            #expect(condition.findings.first?.text.hasPrefix("the file ends after 20.0 KB of") == true)
            #expect(condition.version == nil)
        }
    }

    @Test("A ledger with an overwritten list of tables is damaged")
    func schemaLost() async throws {
        try await withLedger { path in
            try overwrite(path, page: 1, at: 100, with: Array(repeating: 0xAA, count: 3_996))
            let condition = try await inspect(path)
            #expect(condition.exitCode == 69)
            #expect(condition.findings.first?.kind == .damage)
        }
    }

    @Test("It runs while others record, and changes nothing")
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

    @Test("Anything but a ledger is refused with 64")
    func noLedger() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let text = try folder.write("hosts: []\n", to: "fleet.yaml")
        for path in ["\(folder.path)/x.db", text] {
            let error = await #expect(throws: LedgerError.self) { try await inspect(path) }
            #expect(error?.exitCode == 64)
        }
    }

    @Test("The check command writes text or JSON")
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
