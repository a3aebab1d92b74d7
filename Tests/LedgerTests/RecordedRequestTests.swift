import Foundation
import Support
import Testing

@testable import CollectorFixtures
@testable import Ledger

@Suite("Requests by their idempotency keys")
struct RecordedRequestTests {
    @Test("A key names the verification that it started, after the ledger was opened again, and for a week")
    func kept() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("ledger.db")
        let now = LedgerFixtures.now
        var ledger = try await Ledger.open(path: path)
        #expect(try await ledger.request(key: "k") == nil)
        try await ledger.record("hash", key: "k", of: "unknown", at: now)
        #expect(try await ledger.request(key: "k") == nil, "its verification never began")
        let run = LedgerFixtures.run("v-1", sha: try LedgerFixtures.sha("1"))
        _ = try await ledger.begin(run)
        try await ledger.record("hash", key: "k", of: "v-1", at: now)
        try await ledger.close()
        ledger = try await Ledger.open(path: path)
        #expect(try await ledger.request(key: "k") == RecordedRequest(request: "hash", verification: "v-1"))
        try await ledger.record("other", key: "k2", of: "v-1", at: now.addingTimeInterval(6 * 86_400))
        #expect(try await ledger.request(key: "k") != nil)
        try await ledger.record("other", key: "k3", of: "v-1", at: now.addingTimeInterval(8 * 86_400))
        #expect(try await ledger.request(key: "k") == nil)
        #expect(try await ledger.request(key: "k2") != nil)
        try await ledger.close()
    }
}
