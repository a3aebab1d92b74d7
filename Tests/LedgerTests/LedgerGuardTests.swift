import Foundation
import Shared
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

/// What a ledger holds when a write does not come to its end.
@Suite("Guards of the ledger")
struct LedgerGuardTests {
    @Test("A report of which a part cannot be written is not recorded at all: the verification stays what it was")
    func halfAReport() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        // Room for the verification, and not for what its hosts went through.
        let ledger = try await Ledger.open(path: "\(folder.path)/ledger.db", options: .init(maximumPages: 60))
        var gone = ProcessIdentity.current()
        gone.boot = "earlier"
        let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"))
        let start = try await ledger.begin(run, process: gone)
        var report = try LedgerFixtures.report(run, generation: start.generation)
        report.hosts[0].transitions = (0..<900).map {
            .init(seconds: Double($0), status: .flapping, reason: String(repeating: "x", count: 500))
        }
        await #expect(throws: LedgerError.diskFull(path: ledger.path)) { try await ledger.finish(report) }
        #expect(try await ledger.history(now: LedgerFixtures.now).map(\.state) == [.interrupted])
        #expect(try await ledger.report("one", now: LedgerFixtures.now).verdict == .interrupted)
        // Without too much in it, it can still be recorded.
        report.hosts[0].transitions.removeAll()
        try await ledger.finish(report)
        #expect(try await ledger.report("one", now: LedgerFixtures.now) == report)
    }
}
