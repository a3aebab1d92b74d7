import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("Service, verifications by API", .timeLimit(.minutes(3)))
struct VerificationAPITests {
    @Test("A verification runs in the service, is recorded with evidence, and its reports are those of verify")
    func verification() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(2, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        let ended = try await service.verified(FileFleet.commit, key: "1")
        let id = try #require(ended["id"] as? String)
        #expect(ended["as_of"] is String)
        for (name, sign) in [
            ("report.json", "\"verdict\" : \"converged\""), ("report.html", "<!DOCTYPE html>"),
            ("report.md", "converged"),
            ("report.xml", "<testsuite"), ("report.txt", "host-1"),
        ] {
            let answer = try service.answer("GET", "/api/v1/verifications/\(id)/\(name)")
            #expect(answer.status == 200, "\(name): \(answer.text)")
            #expect(answer.text.contains(sign), "\(name): \(answer.text.prefix(300))")
        }
        let evidence = try service.answer("GET", "/api/v1/verifications/\(id)/evidence.ndjson")
        #expect(evidence.status == 200)
        let replay = try await Program.collector().run(
            ["replay", try folder.write("evidence.ndjson", evidence.text)])
        #expect(replay.exitCode == 0, "\(replay.output)\(replay.error)")
        let promotions = try #require(
            try service.object("/api/v1/promotions?service=canvas&environment=production")["promotions"]
                as? [[String: Any]])
        #expect(promotions.count == 1)
        #expect(promotions[0]["verdict"] as? String == "converged")
        #expect(promotions[0]["verification"] as? String == id)
        #expect(try service.answer("GET", "/metrics").text.contains("verdict=\"converged\"} 1"))
        #expect(try service.answer("GET", "/api/v1/verifications/\(id)/report.pdf").status == 404)
    }

    @Test("The same key joins the verification, and another body with it is refused")
    func idempotency() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(
            fleets: fleet.entry(interval: "500ms", soak: "20s"), in: folder)
        let first = try service.verify(FileFleet.commit, key: "k")
        #expect(first.status == 201)
        let id = try #require(try ServedCollector.object(first)["id"] as? String)
        #expect(first.headers["location"] == "/api/v1/verifications/\(id)")
        let second = try service.verify(FileFleet.commit, key: "k")
        #expect(second.status == 200)
        #expect(try ServedCollector.object(second)["id"] as? String == id)
        #expect(try service.verify(FileFleet.other, key: "k").status == 409)
        #expect(try service.verify(FileFleet.commit, key: "").status == 400)
        let running = try service.object("/api/v1/verifications/\(id)", headers: [("Prefer", "wait=5")])
        #expect(running["state"] as? String == "running")
        #expect((running["report"] as? [String: Any])?["verdict"] as? String == "inconclusive")
        #expect(running["fresh"] as? Bool == true)
        #expect(try service.answer("GET", "/api/v1/verifications/\(id)/report.txt").status == 409)
        #expect(
            try service.answer("DELETE", "/api/v1/verifications/\(id)", token: ServedCollector.verifyToken).status
                == 202)
        var last: [String: Any] = [:]
        try await eventually("it is interrupted") {
            last = try service.object("/api/v1/verifications/\(id)")
            return last["state"] as? String == "finished"
        }
        #expect((last["report"] as? [String: Any])?["verdict"] as? String == "interrupted")
    }

    @Test(
        "A policy can be stricter than the fleet's, and not laxer",
        arguments: [
            (#"{"soak": "2s"}"#, 201), (#"{"soak": "500ms"}"#, 400), (#"{"timeout": "30s"}"#, 201),
            (#"{"timeout": "5m"}"#, 400), (#"{"max_unreachable": 1}"#, 400), (#"{"max_unreachable": "0"}"#, 201),
            (#"{"max_failed": "100%"}"#, 400), (#"{"min_proven": 1}"#, 201), (#"{"fail_after": 99}"#, 400),
            (#"{"soka": "2s"}"#, 400), (#"{"soak": "soon"}"#, 400), (#"{"soak": "2m"}"#, 400),
            (#"{"interval": "100ms"}"#, 400),
        ])
    func policy(_ policy: String, _ status: Int) async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        let answer = try service.verify(FileFleet.commit, key: "1", policy: policy)
        #expect(answer.status == status, "\(answer.text)")
    }

    @Test("Policies by label, requirements and limits of the inventory are checked like the options of verify")
    func lists() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        for (policy, status) in [
            (#"{"require": "group=g:100%"}"#, 204), (#"{"require": ["group=g:1", "group=g:100%"]}"#, 204),
            (#"{"require": []}"#, 400), (#"{"require": "group=h:1"}"#, 400), (#"{"require": "group=g:0"}"#, 400),
            (#"{"require": {"group": "g"}}"#, 400), (#"{"max_failed": ["group=g:0", 0]}"#, 204),
            (#"{"max_failed": ["group=g:1"]}"#, 400), (#"{"max_failed": [0, 0]}"#, 400), (#"{"soak": ["2s"]}"#, 204),
            (#"{"soak": ["2s", "3s"]}"#, 400), (#"{"min_hosts": 1}"#, 204), (#"{"max_shrink": "10%"}"#, 204),
            (#"{"max_shrink": "21%"}"#, 400), (#"{"max_shrink": 10}"#, 400),
        ] as [(String, Int)] {
            let answer = try service.answer(
                "POST", "/api/v1/verifications?dry_run=true", token: ServedCollector.verifyToken,
                body: """
                    {"service": "canvas", "environment": "production", "git_sha": "\(FileFleet.commit)",
                     "policy": \(policy)}
                    """)
            #expect(answer.status == status, "\(policy): \(answer.text)")
        }
        withExtendedLifetime(fleet) {}
    }

    @Test("A dry run checks everything, and starts nothing")
    func dryRun() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(2, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        func check(
            _ more: String, token: String = ServedCollector.verifyToken, query: String = "dry_run=true",
            environment: String = "production", key: String? = nil
        ) throws -> LoopbackRequest.Answer {
            try service.answer(
                "POST", "/api/v1/verifications?\(query)", token: token,
                headers: key.map { [("Idempotency-Key", $0)] } ?? [],
                body: #"{"service": "canvas", "environment": "\#(environment)", \#(more)}"#)
        }
        let commit = #""git_sha": "\#(FileFleet.commit)""#
        let fine = try check(commit)
        #expect(fine.status == 204 && fine.body.isEmpty, "\(fine.text)")
        #expect(try check(commit, token: ServedCollector.readToken).status == 403)
        #expect(try check(commit, environment: "staging").status == 404)
        #expect(try check(commit + #", "policy": {"soak": "1ms"}"#).status == 400)
        #expect(try check(#""git_sha": "abc""#).status == 400)
        #expect(try check(commit + #", "change": "promoted""#).status == 400)
        #expect(try check(commit + #", "change": "rollback""#).status == 204)
        #expect(try check(commit, query: "dry_run=maybe").status == 400)
        #expect(try check(commit, query: "dry_run=false").status == 400, "without a key")
        #expect(try check(commit, key: String(repeating: "k", count: 255)).status == 204)
        #expect(try check(commit, key: String(repeating: "k", count: 256)).status == 400)
        let few = try check(commit + #", "policy": {"min_hosts": 3}"#)
        #expect(few.status == 409, "\(few.text)")
        #expect(try ServedCollector.object(few)["verdict"] as? String == "inventory_shrunk")
        let promotions = try service.object("/api/v1/promotions?service=canvas&environment=production")
        #expect((promotions["promotions"] as? [Any])?.isEmpty == true, "\(promotions)")
        #expect(!service.program.error.contains("verification="), "\(service.program.error)")
    }

    @Test("A verification that the ledger cannot record is not acknowledged, and its key can be used again")
    func acknowledgement() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        // Another process writes for longer than the service waits.
        let sqlite = try Program.installed("sqlite3", remedy: "apt-get install sqlite3")
        let writer = try sqlite.start(
            [
                folder.path("ledger.db"), ".timeout 5000", "BEGIN IMMEDIATE",
                ".shell touch \(folder.path("locked")) && sleep 60", "COMMIT",
            ])
        try await eventually("the ledger is locked", detail: { writer.error }) {
            access(folder.path("locked"), F_OK) == 0
        }
        let refused = try service.verify(FileFleet.commit, key: "k")
        #expect(refused.status == 503, "\(refused.text)")
        #expect(refused.text.contains("did not start") && !refused.text.contains("--store"), "\(refused.text)")
        writer.kill()
        let answer = try service.verify(FileFleet.commit, key: "k")
        #expect(answer.status == 201, "\(answer.text)")
        // A kill right after the answer does not lose it.
        service.program.kill()
        let id = try #require(try ServedCollector.object(answer)["id"] as? String)
        let report = try await Program.collector().run(["report", id, "--store", folder.path("ledger.db")])
        #expect(report.output.contains("interrupted"), "\(report.output)\(report.error)")
    }

    @Test("SIGTERM interrupts what is under way, records it, and ends with 0")
    func drain() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(
            fleets: fleet.entry(interval: "500ms", soak: "20s"), in: folder)
        let id = try #require(
            try ServedCollector.object(try service.verify(FileFleet.commit, key: "k"))["id"] as? String)
        _ = try service.object("/api/v1/verifications/\(id)", headers: [("Prefer", "wait=2")])
        service.program.signal(SIGTERM)
        let outcome = try await service.program.wait()
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        let report = try await Program.collector().run(["report", id, "--store", folder.path("ledger.db")])
        #expect(report.output.contains("interrupted"), "\(report.output)\(report.error)")
    }

    @Test("Evidence can be followed from an offset while the verification runs, and its parts are the whole")
    func followed() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        let id = try #require(
            try ServedCollector.object(try service.verify(FileFleet.commit, key: "k"))["id"] as? String)
        let path = "/api/v1/verifications/\(id)/evidence.ndjson"
        var (bytes, end, parts): ([UInt8], Int?, Int) = ([], nil, 0)
        while end == nil || bytes.count < end ?? 0 {
            let part = try service.answer("GET", "\(path)?offset=\(bytes.count)", headers: [("Prefer", "wait=5")])
            try #require(part.status == 200, "\(part.text)")
            #expect(part.headers["buildinfo-offset"] == "\(bytes.count)")
            bytes += part.body
            end = part.headers["buildinfo-end"].flatMap(Int.init)
            parts += 1
        }
        #expect(parts > 1, "nothing was seen before the end")
        #expect(bytes == (try service.answer("GET", path).body))
        for (offset, status) in [("-1", 400), ("x", 400), ("\(bytes.count + 1)", 400), ("\(bytes.count)", 200)] {
            #expect(try service.answer("GET", "\(path)?offset=\(offset)").status == status, "\(offset)")
        }
        #expect(try service.answer("GET", "/api/v1/verifications/\(id)/report.json?offset=0").status == 400)
        #expect(try service.answer("GET", "/api/v1/verifications/nowhere/evidence.ndjson?offset=0").status == 404)
    }

    @Test("A key joins its verification after a restart of the service, too")
    func restarted() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(1, in: folder)
        let entry = fleet.entry(interval: "500ms")
        var service = try await ServedCollector.start(fleets: entry, in: folder)
        let ended = try await service.verified(FileFleet.commit, key: "k")
        service.program.kill()
        service = try await ServedCollector.start(fleets: entry, in: folder)
        let joined = try service.verify(FileFleet.commit, key: "k")
        #expect(joined.status == 200)
        #expect(try ServedCollector.object(joined)["id"] as? String == ended["id"] as? String)
        #expect(try ServedCollector.object(joined)["state"] as? String == "finished")
        #expect(try service.verify(FileFleet.other, key: "k").status == 409)
        #expect(try service.verify(FileFleet.commit, key: "k2").status == 201)
    }
}
