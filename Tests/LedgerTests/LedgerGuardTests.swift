import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

/// A ledger's contents after an incomplete write.
@Suite("Guards of the ledger")
struct LedgerGuardTests {
    @Test("A report that cannot be written completely is not recorded, and the verification stays interrupted")
    func halfAReport() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        // Enough space for the verification, but not for its hosts' transitions.
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
        // A smaller report can still be recorded.
        report.hosts[0].transitions.removeAll()
        try await ledger.finish(report)
        #expect(try await ledger.report("one", now: LedgerFixtures.now) == report)
    }
}
