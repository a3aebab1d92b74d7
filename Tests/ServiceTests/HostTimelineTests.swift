import CollectorSupport
import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("Service, changes of hosts over restarts", .serialized, .timeLimit(.minutes(5)))
struct HostTimelineTests {
    /// A fleet of one host, and a service that has proven it.
    private static func proven(_ folder: TemporaryFolder) async throws -> (FileFleet, ServedCollector) {
        let fleet = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        _ = try await service.verified(FileFleet.commit, key: "1")
        try await Self.isProven(service)
        return (fleet, service)
    }

    private static func isProven(_ service: ServedCollector) async throws {
        try await eventually("the host is proven", detail: { service.program.error }) {
            try service.fleet()["proven"] as? Int == 1
        }
    }

    private static func stop(_ service: ServedCollector, by signal: Int32 = SIGTERM) async throws {
        service.program.signal(signal)
        _ = try await service.program.wait()
    }

    /// The changes of the only host, latest first.
    private static func changes(_ service: ServedCollector, _ query: String = "") throws -> [[String: Any]] {
        try #require(try service.object("/api/v1/hosts/host-1\(query)")["changes"] as? [[String: Any]])
    }

    private static func date(_ change: [String: Any], _ key: String) -> Date? {
        (change[key] as? String).flatMap { Date(rfc3339: $0) }
    }

    private static func recorded(_ folder: TemporaryFolder) async throws -> [String] {
        try await LedgerRows(path: folder.path("ledger.db")).text(
            "SELECT coalesce(status, 'removed') FROM standing_changes ORDER BY number")
    }

    @Test(
        "A service that is stopped or killed keeps what it saw, and notes nothing again for a host that did not change",
        arguments: [SIGTERM, SIGKILL])
    func restart(by signal: Int32) async throws {
        let folder = try TemporaryFolder()
        let (fleet, first) = try await Self.proven(folder)
        let before = try Self.changes(first)
        #expect(before.first?["status"] as? String == "converged")
        try await eventually("the last change is recorded", within: .seconds(2)) {
            try await Self.recorded(folder).last == "converged"
        }
        try await Self.stop(first, by: signal)
        let begun = Date()
        let second = try await ServedCollector.started(in: folder)
        let hosts = try second.object("/api/v1/fleets/canvas/production/hosts")["hosts"] as? [[String: Any]]
        let host = try #require(hosts?.first)
        // It may be proven again by now, but only by an answer to this process.
        let isPresent = Self.date(host, "as_of").map { $0 > begun } ?? (host["status"] as? String == "pending")
        #expect(isPresent, "what the ledger has is not the present: \(host)")
        #expect(try Self.changes(second).map { $0["at"] as? String } == before.map { $0["at"] as? String })
        try await Self.isProven(second)
        try await Task.sleep(for: .seconds(2))
        #expect(try Self.changes(second).map { $0["at"] as? String } == before.map { $0["at"] as? String })
        let page = try second.answer("GET", "/hosts/host-1", headers: [("Accept", "text/html")])
        #expect(page.text.contains("Changes that the service saw"), "\(page.text)")
        withExtendedLifetime(fleet) {}
        try await Self.stop(second)
        try await Program.collector().succeed(["ledger", "check", "--store", folder.path("ledger.db")])
    }

    @Test("What changed while the service was down is dated between its end and its first look")
    func downtime() async throws {
        let folder = try TemporaryFolder()
        let (fleet, first) = try await Self.proven(folder)
        try await Self.stop(first)
        let stopped = Date()
        try await Task.sleep(for: .seconds(1))
        try fleet.serve(FileFleet.other, on: 1)
        let changed = Date()
        try await Task.sleep(for: .seconds(1))
        let second = try await ServedCollector.started(in: folder)
        try await eventually("the change is seen") {
            try Self.changes(second).first?["git_sha"] as? String == FileFleet.other
        }
        let changes = try Self.changes(second)
        let change = try #require(changes.last { $0["git_sha"] as? String == FileFleet.other })
        #expect(change["new_build"] as? Bool == true)
        let (from, to) = (try #require(Self.date(change, "not_before")), try #require(Self.date(change, "at")))
        #expect(from <= stopped && stopped < changed && changed <= to, "\(from) \(stopped) \(changed) \(to)")
        #expect(stopped.timeIntervalSince(from) < 10, "the end of the process is known")
        // Where the commits were, now and before.
        func seen(_ commit: String) throws -> [String: Any]? {
            let history = try second.object("/api/v1/commits/\(commit)")["history"] as? [[String: Any]]
            return history?.first?["standing_check"] as? [String: Any]
        }
        try await eventually("the change is recorded") { try seen(FileFleet.other) != nil }
        let present = try #require(try seen(FileFleet.other))
        #expect(present["hosts"] as? Int == 1 && present["first_seen"] as? String == change["at"] as? String)
        let former = try #require(try seen(FileFleet.commit))
        #expect(former["last_seen"] as? String == change["not_before"] as? String)
        let page = try second.answer("GET", "/commits/\(FileFleet.other)", headers: [("Accept", "text/html")])
        #expect(page.text.contains("Where standing checks saw it"), "\(page.text)")
        try await Self.stop(second)
    }

    @Test("A reload that begins the check anew notes nothing for a host that did not change")
    func reload() async throws {
        let folder = try TemporaryFolder()
        let (fleet, service) = try await Self.proven(folder)
        let before = try Self.changes(service).count
        try ServedCollector.write(fleets: fleet.entry(interval: "1s"), listen: "127.0.0.1:0", in: folder)
        service.program.signal(SIGHUP)
        try await eventually("it is read again") { service.program.error.contains(" Reloaded ") }
        try await Self.isProven(service)
        #expect(try Self.changes(service).count == before)
        try await Self.stop(service)
    }

    @Test("A ledger that cannot be written stops no check, is told once, and has everything once it can")
    func unwritable() async throws {
        let folder = try TemporaryFolder()
        let (fleet, service) = try await Self.proven(folder)
        #expect(try service.answer("GET", "/readyz", token: nil).status == 200)
        let lock = try LedgerLock(folder.path("ledger.db"))
        try fleet.serve(FileFleet.other, on: 1)
        try await eventually("the check goes on") {
            try service.hosts().first?["git_sha"] as? String == FileFleet.other
        }
        #expect(try Self.changes(service).first?["git_sha"] as? String == FileFleet.other, "it is shown meanwhile")
        try await eventually("the problem is logged", within: .seconds(20)) {
            service.program.error.contains("Changes of hosts are not recorded")
        }
        #expect(try service.answer("GET", "/readyz", token: nil).status == 503)
        #expect(try service.fleet()["fresh"] as? Bool == true)
        try fleet.serve(FileFleet.commit, on: 1)
        try await eventually("the check still goes on") {
            try service.hosts().first?["git_sha"] as? String == FileFleet.commit
        }
        try lock.release()
        try await eventually("everything is recorded", within: .seconds(30)) {
            service.program.error.contains("Changes of hosts are recorded again")
        }
        let shown = try Self.changes(service).compactMap { $0["status"] as? String }
        #expect(try await Self.recorded(folder) == shown.reversed())
        #expect(service.program.error.ranges(of: "Changes of hosts are not recorded").count == 1)
        try await eventually("it is ready again", within: .seconds(20)) {
            try service.answer("GET", "/readyz", token: nil).status == 200
        }
        try await Self.stop(service)
    }

    @Test("Old changes are removed by the retention, and the last one of a host stays; the rest is in pages")
    func retention() async throws {
        let folder = try TemporaryFolder()
        let (fleet, service) = try await Self.proven(folder)
        for build in [FileFleet.other, FileFleet.commit] {
            try fleet.serve(build, on: 1)
            try await eventually("it is seen") { try Self.changes(service).first?["git_sha"] as? String == build }
        }
        try await Self.isProven(service)
        let all = try Self.changes(service)
        var (paged, next): ([[String: Any]], String?) = ([], nil)
        repeat {
            let page = try service.object("/api/v1/hosts/host-1?limit=2\(next.map { "&cursor=\($0)" } ?? "")")
            let changes = try #require(page["changes"] as? [[String: Any]])
            #expect(changes.count <= 2 && page["services"] is [Any] && page["timeline"] is [Any])
            paged += changes
            next = page["next"] as? String
        } while next != nil && paged.count < 100
        #expect(paged.map { $0["at"] as? String } == all.map { $0["at"] as? String })
        #expect(try service.answer("GET", "/api/v1/hosts/host-1?cursor=x").status == 400)
        #expect(try service.answer("GET", "/hosts/host-1?cursor=x", headers: [("Accept", "text/html")]).status == 400)
        try await eventually("they are recorded") { try await Self.recorded(folder).count == all.count }
        try LedgerRows.write(
            folder.path("ledger.db"), "UPDATE standing_changes SET at = '2020-01-02T03:04:05.000Z', not_before = NULL")
        try ServedCollector.write(
            fleets: fleet.entry(interval: "500ms"), more: "retention: {verifications: 90d}", listen: "127.0.0.1:0",
            in: folder)
        service.program.signal(SIGHUP)
        try await eventually("it is pruned", detail: { service.program.error }) {
            service.program.error.contains("\(all.count - 1) changes of hosts")
        }
        #expect(try Self.changes(service).map { $0["status"] as? String } == ["converged"])
        try await Self.stop(service)
    }
}
