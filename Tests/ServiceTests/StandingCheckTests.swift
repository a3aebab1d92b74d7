import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("Service, standing checks of real agents", .timeLimit(.minutes(3)))
struct StandingCheckTests {
    @Test("A drift shows although the host is asked once a minute, because the request is held")
    func drift() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(3, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "60s"), in: folder)
        #expect(try service.fleet()["target"] is NSNull)
        try await eventually("every host answered") {
            try service.hosts().map { $0["git_sha"] as? String } == Array(repeating: FileFleet.commit, count: 3)
        }
        #expect(try service.fleet()["fresh"] as? Bool == true)
        #expect(try service.hosts().map { $0["status"] as? String } == Array(repeating: "pending", count: 3))
        #expect(try service.fleet()["proven"] as? Int == 0, "nothing is promoted")
        let report = try await service.verified(FileFleet.commit, key: "1")
        #expect((report["report"] as? [String: Any])?["verdict"] as? String == "converged")
        try await eventually("the fleet is proven by the standing check") {
            try service.fleet()["proven"] as? Int == 3
        }
        let target = try #require(try service.fleet()["target"] as? [String: Any])
        #expect(target["git_sha"] as? String == FileFleet.commit)
        #expect(target["generation"] as? Int == 1)
        try await eventually("a request to every host is held") {
            try fleet.agents.allSatisfy { agent in
                let metrics = try #require(LoopbackRequest("GET", agent.authority, "/metrics").answer()?.text)
                return metrics.contains("buildinfo_http_requests_held 1")
            }
        }
        try fleet.serve(FileFleet.other, on: 2)
        try await eventually("the drift shows", within: .seconds(20)) {
            try service.fleet()["proven"] as? Int == 2
        }
        let drifted = try #require(try service.hosts("?q=HOST-2").first)
        #expect(drifted["git_sha"] as? String == FileFleet.other)
        #expect(drifted["fresh"] as? Bool == true)
        #expect((drifted["reason"] as? String)?.contains("bbbbbbb") == true, "\(drifted)")
        #expect(try service.answer("GET", "/readyz", token: nil).status == 200)
    }

    @Test("A fleet that stops answering is not fresh, nothing of it is green, and the service is not ready")
    func silence() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        _ = try await service.verified(FileFleet.commit, key: "1")
        try await eventually("the host is proven") { try service.fleet()["proven"] as? Int == 1 }
        #expect(try service.answer("GET", "/readyz", token: nil).status == 200)
        fleet.agents[0].program.signal(SIGSTOP)
        defer { fleet.agents[0].program.signal(SIGCONT) }
        try await eventually("the fleet is not fresh") { try service.fleet()["fresh"] as? Bool == false }
        #expect(try service.fleet()["proven"] as? Int == 0)
        #expect(try service.hosts("?status=converged,soaking").isEmpty)
        try await eventually("the request that is under way has failed") {
            try service.hosts().first?["status"] as? String == "unreachable"
        }
        let host = try #require(try service.hosts().first)
        #expect(host["fresh"] as? Bool == false)
        #expect(host["git_sha"] as? String == FileFleet.commit, "what it served last is still shown, with its time")
        let ready = try service.answer("GET", "/readyz", token: nil)
        #expect(ready.status == 503)
        #expect(ready.headers["content-type"] == "application/problem+json")
        #expect(ready.text.contains("canvas in production"))
        let metrics = try service.answer("GET", "/metrics").text
        #expect(metrics.contains(#"buildinfo_fleet_fresh{service="canvas",environment="production"} 0"#))
        #expect(try service.answer("GET", "/healthz", token: nil).status == 200)
        fleet.agents[0].program.signal(SIGCONT)
        try await eventually("the service is ready again") {
            try service.answer("GET", "/readyz", token: nil).status == 200
        }
    }

    @Test("A stopped service that continues shows nothing green until the hosts answered again")
    func stopped() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        _ = try await service.verified(FileFleet.commit, key: "1")
        try await eventually("the host is proven") { try service.fleet()["proven"] as? Int == 1 }
        service.program.signal(SIGSTOP)
        // The host can answer nothing either, so that only the age decides.
        fleet.agents[0].program.signal(SIGSTOP)
        try await Task.sleep(for: .seconds(7))
        service.program.signal(SIGCONT)
        defer { fleet.agents[0].program.signal(SIGCONT) }
        let shown = try service.fleet()
        #expect(shown["proven"] as? Int == 0, "\(shown)")
        #expect(shown["fresh"] as? Bool == false, "\(shown)")
    }

    /// As a user who has used up the inotify instances.
    private static let deaf = [
        "unshare", "-Ur", "sh", "-c", "echo 0 >/proc/sys/user/max_inotify_instances && exec \"$0\" \"$@\"",
    ]

    @Test(
        "A changed inventory is taken over, and one that is invalid is not, also where the kernel announces no changes",
        arguments: [[], deaf])
    func inventory(through prefix: [String]) async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(2, in: folder)
        let both = try folder.read("fleet.yaml")
        try folder.write("fleet.yaml", "hosts:\n  - {name: host-1, url: \"\(fleet.agents[0].url)\"}\n")
        let service = try await ServedCollector.start(
            fleets: fleet.entry(interval: "500ms"), in: folder, through: prefix)
        #expect(try service.fleet()["expected"] as? Int == 1)
        try folder.write("fleet.yaml", both)
        try await eventually("the new host is expected") { try service.fleet()["expected"] as? Int == 2 }
        try folder.write("fleet.yaml", "hosts: [{nam: host-1}]\n")
        try await eventually("the mistake shows") { try service.fleet()["problem"] is String }
        #expect((try service.fleet()["problem"] as? String)?.contains("did you mean 'name'?") == true)
        #expect(try service.fleet()["expected"] as? Int == 2)
    }
}
