import ArgumentParser
import Foundation
import Testing

@testable import Collector

@Suite("The commands history and report")
struct HistoryTests {
    /// A ledger with a finished run, one that was cut off, and one that another collector still runs.
    private func withRecorded(_ body: (String) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        let ledger = try await Ledger.open(path: path)
        let (one, two) = (try LedgerFixtures.sha("1"), try LedgerFixtures.sha("2"))
        let finished = LedgerFixtures.run("01-first", sha: one, digest: try LedgerFixtures.digest("d"))
        let generation = try await ledger.begin(finished).generation
        try await ledger.finish(try LedgerFixtures.report(finished, generation: generation))
        var gone = ProcessIdentity.current()
        gone.boot = "earlier"
        let cut = try await ledger.begin(LedgerFixtures.run("02-second", sha: two), process: gone)
        let transition = Report.Host.Transition(seconds: 1, label: .pending, reason: "serves 1")
        try await ledger.append([.init(host: 1, number: 0, transition: transition)], to: cut.verification)
        _ = try await ledger.begin(LedgerFixtures.run("03-third", service: "web", sha: two, hosts: ["x"]))
        try await body(path)
    }

    private func history(_ arguments: [String]) async throws -> String {
        let command = try #require(try History.parseAsRoot(arguments) as? History)
        return try await command.output(environment: [:], now: LedgerFixtures.now)
    }

    @Test("History shows the newest first, and what became of each")
    func text() async throws {
        try await withRecorded { path in
            let expected = """
                ID         STARTED               SERVICE  VERDICT      PROVEN  P50   P95   MAX   TARGET
                03-third   2026-11-23 12:00:00Z  web      running      -/1     -     -     -     222222222222 (1)
                02-second  2026-11-23 12:00:00Z  canvas   interrupted  -/3     -     -     -     222222222222 (2)
                01-first   2026-11-23 12:00:00Z  canvas   stragglers   2/3     1.1s  2.2s  2.2s  111111111111 sha256:dddddddddddd (1)

                """
            let text = try await history(["--store", path])
            #expect(text == expected)
        }
    }

    @Test("History of a host shows its label and reason in each")
    func host() async throws {
        try await withRecorded { path in
            let text = try await history(["--store", path, "--host", "b"])
            let lines = text.split(separator: "\n").map {
                $0.split(separator: "  ").suffix(2).map { $0.trimmingCharacters(in: .whitespaces) }
            }
            #expect(lines == [["LABEL", "WHAT TO KNOW"], ["pending", "serves 1"], ["converged", "serves 1"]])
            #expect(
                try await history(["--store", path, "--host", "q"]) == "no verification of a host 'q' is recorded\n")
        }
    }

    @Test("History takes a service and a limit")
    func filters() async throws {
        try await withRecorded { path in
            let canvas = try await history(["--store", path, "--service", "canvas", "--limit", "1"])
            #expect(canvas.split(separator: "\n").count == 2)
            #expect(canvas.contains("02-second"))
        }
    }

    @Test("History as JSON says the same")
    func json() async throws {
        try await withRecorded { path in
            struct Listing: Decodable {
                var schema: Int
                var verifications: [HistoryEntry]
            }
            let text = try await history(["--store", path, "--format", "json"])
            let listing = try JSONDecoder().decode(Listing.self, from: Data(text.utf8))
            #expect(listing.schema == 1)
            #expect(listing.verifications.map(\.id) == ["03-third", "02-second", "01-first"])
            #expect(listing.verifications.map(\.state) == [.running, .interrupted, .finished])
            #expect(listing.verifications.map(\.verdict) == [nil, .interrupted, .stragglers])
            #expect(text.contains("\"verdict\" : null"))
        }
    }

    @Test("A mistake on the command line is told before anything is opened")
    func usage() {
        #expect(throws: (any Error).self) { try History.parseAsRoot(["--limit", "0"]) }
        #expect(throws: (any Error).self) { try History.parseAsRoot(["--store", "none"]) }
        #expect(throws: (any Error).self) { try ReportCommand.parseAsRoot(["--store", "none"]) }
    }

    @Test("Report gives the last verification that is over, or the one with the id")
    func report() async throws {
        try await withRecorded { path in
            func stored(_ arguments: [String]) async throws -> Report {
                let command = try #require(
                    try ReportCommand.parseAsRoot(["--store", path] + arguments) as? ReportCommand)
                return try await command.stored(environment: [:], now: LedgerFixtures.now)
            }
            let last = try await stored([])
            #expect(last.verification.id == "02-second")
            let first = try await stored(["01-first"])
            #expect(first.verdict == .stragglers)
            await #expect(throws: LedgerError.unknownVerification(id: "nope", path: path)) {
                _ = try await stored(["nope"])
            }
        }
    }
}
