import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("Service, retention", .timeLimit(.minutes(3)))
struct RetentionTests {
    @Test("Old verifications and their evidence are removed, and what is new, needed, running or not evidence stays")
    func prune() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        var ids: [String] = []
        for number in 1...3 {
            ids.append(try #require(try await service.verified(FileFleet.commit, key: "\(number)")["id"] as? String))
        }
        let started = try service.verify(FileFleet.other, key: "running")
        let running = try #require(try ServedCollector.object(started)["id"] as? String)
        func path(_ id: String) -> String { folder.path("evidence/\(id).ndjson") }
        func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
        #expect(ids.allSatisfy { exists(path($0)) })
        try await eventually("the evidence of the running one is there") { exists(path(running)) }
        // Verifications of long ago, evidence of none, and files of others.
        let old = "2020-01-02T03:04:05.000Z"
        let named = (ids + [running]).map { "'\($0)'" }.joined(separator: ", ")
        try LedgerRows.write(
            folder.path("ledger.db"), "UPDATE verifications SET started_at = '\(old)' WHERE id IN (\(named))")
        let orphans = ["20200101T000000-01234567", "20200101T000001-89abcdef"]
        let kept = [folder.path("evidence/notes.ndjson"), folder.path("evidence/20200101T000000-01234567.txt")]
        for path in orphans.map(path) + kept { try Data("{}\n".utf8).write(to: URL(filePath: path)) }
        let fresh = path("20200101T000002-00000000")
        try Data("{}\n".utf8).write(to: URL(filePath: fresh))
        let long = timeval(tv_sec: 1_577_836_800, tv_usec: 0)
        for path in (ids + [running] + orphans).map(path) + kept { _ = utimes(path, [long, long]) }

        try ServedCollector.write(
            fleets: fleet.entry(interval: "500ms"), more: "retention: {verifications: 90d}", listen: "127.0.0.1:0",
            in: folder)
        service.program.signal(SIGHUP)
        try await eventually("it is pruned", detail: { service.program.error }) {
            service.program.error.contains(" Pruned ")
        }
        #expect(ids.map { exists(path($0)) } == [false, false, true], "the last proof of the promotion stays")
        #expect(exists(path(running)), "one that is running stays")
        #expect(try service.object("/api/v1/verifications/\(running)")["state"] as? String == "running")
        #expect(orphans.allSatisfy { !exists(path($0)) })
        #expect(kept.allSatisfy(exists) && exists(fresh))
        #expect(try service.answer("GET", "/api/v1/verifications/\(ids[0])").status == 404)
        #expect(try service.answer("GET", "/api/v1/verifications/\(ids[2])/evidence.ndjson").status == 200)
        let promotions = try #require(try service.object("/api/v1/promotions")["promotions"] as? [[String: Any]])
        #expect(!promotions.isEmpty)
        #expect(service.program.error.contains("evidence_files=4"), "\(service.program.error)")
    }
}
