import Foundation
import Shared
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures

/// Promotions with the registry behaviours seen in practice.
@Suite("End to end: promote with difficult registries", .timeLimit(.minutes(10)))
struct FieldPromotionTests {
    private func with(_ body: (Promoter) async throws -> Void) async throws {
        let promoter = try await Promoter.make()
        try await body(promoter)
        await promoter.stop()
    }

    struct Story: Decodable {
        struct Rollback: Decodable {
            var said: String
            var verdict: String?
            var generation: Int?
        }
        struct Promotion: Decodable {
            var moved: Bool?
            var rollback: Rollback?
        }
        var verdict: String
        var exitCode: Int32
        var promotion: Promotion?
        var warnings: [String]

        private enum CodingKeys: String, CodingKey {
            case verdict, promotion, warnings
            case exitCode = "exit_code"
        }
    }

    private func report(_ promoter: Promoter) async throws -> Story {
        let json = try promoter.folder.read("report.json")
        #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
        return try JSONDecoder().decode(Story.self, from: Data(json.utf8))
    }

    // MARK: - Field 9

    @Test("Field 9: a promotion waits for a registry that lags for seconds")
    func lag() async throws {
        try await with { promoter in
            promoter.registry.change { $0.lag = .seconds(3) }
            promoter.followTag()
            let outcome = try await promoter.run(["--readback-timeout", "20s"], verifies: true)
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            #expect(promoter.registry.writes == 1)
            #expect(try await promoter.journal() == ["promotion moved 1 \(promoter.short(promoter.new))"])
        }
    }

    @Test(
        "Field 9: an acknowledged change that never appears ends with 69, and the next run settles it"
    )
    func neverShown() async throws {
        try await with { promoter in
            promoter.registry.change { $0.lag = .seconds(3_600) }
            let outcome = try await promoter.run(["--readback-timeout", "2s"])
            #expect(outcome.exitCode == 69, "\(outcome.error)")
            #expect(outcome.error.contains("acknowledged"), "\(outcome.error)")
            #expect(outcome.error.contains("--readback-timeout"), "\(outcome.error)")
            #expect(!outcome.error.contains("nothing was changed"), "\(outcome.error)")
            #expect(try await promoter.journal() == ["promotion intended 1 \(promoter.short(promoter.new))"])
            #expect(try await promoter.promotions().isEmpty)
            promoter.registry.change { $0.lag = .zero }
            let second = try await promoter.run()
            #expect(second.exitCode == 0, "\(second.error)")
            #expect(promoter.registry.writes == 1)
            #expect(try await promoter.promotions() == ["1 \(promoter.short(promoter.new))"])
        }
    }

    @Test("Field 9: a third digest that appears only once is not another writer")
    func blip() async throws {
        try await with { promoter in
            let third = MadeImage.single(revision: Promoter.stranger)
            let registry = promoter.registry
            registry.behave { request, _ in
                guard request.method == "GET", request.path.hasSuffix("/latest"), registry.writes == 1 else {
                    return .honest
                }
                let reads = registry.asked.drop { $0.method != "PUT" }.count { $0.path.hasSuffix("/latest") }
                return reads == 2
                    ? .instead(
                        .answer(
                            status: 200, headers: [("Content-Type", third.manifest.mediaType)],
                            body: third.manifest.bytes))
                    : .honest
            }
            let outcome = try await promoter.run()
            #expect(outcome.exitCode == 0, "\(outcome.error)")
        }
    }

    private func verify(_ promoter: Promoter, _ more: [String]) async throws -> RunningProgram.Outcome {
        try await Program.collector().run(
            [
                "verify", "--fleet", promoter.folder.path("fleet.yaml"), "--image",
                "\(promoter.registry.authority)/canvas:latest", "--interval", "200ms", "--soak", "4s", "--timeout",
                "60s", "--report", "evidence=\(promoter.folder.path("evidence.ndjson"))",
            ] + more, environment: ["HOME": promoter.folder.path])
    }

    /// Makes the tag show another image from the fourth read on, for some time.
    private func flip(_ promoter: Promoter, to image: MadeImage, for time: Duration) {
        let registry = promoter.registry
        let begun = Begun()
        @Sendable func reads() -> Int { registry.asked.count { $0.path.hasSuffix("/latest") } }
        let before = reads()
        registry.behave { request, _ in
            guard request.path.hasSuffix("/latest"), reads() > before + 2 else { return .honest }
            guard begun.elapsed() < time else { return .honest }
            return .instead(
                .answer(
                    status: 200,
                    headers: [
                        ("Content-Type", image.manifest.mediaType), ("Docker-Content-Digest", "\(image.digest)"),
                    ], body: request.method == "HEAD" ? [] : image.manifest.bytes))
        }
    }

    private final class Begun: Sendable {
        private let start = Mutex<ContinuousClock.Instant?>(nil)
        func elapsed() -> Duration {
            start.withLock { start in
                let first = start ?? .now
                start = first
                return .now - first
            }
        }
    }

    @Test(
        "Field 9: a tag that shows another build for seconds changes no verdict",
        arguments: [true, false])
    func verifiedWhileItLags(hasLedger: Bool) async throws {
        try await with { promoter in
            try promoter.serve(promoter.new, Commit.new)
            promoter.registry.push(promoter.new, "latest")
            flip(promoter, to: promoter.old, for: .seconds(6))
            let outcome = try await verify(
                promoter, ["--store", hasLedger ? promoter.folder.path("ledger.db") : "none"])
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            let replayed = try await Program.collector().run(["replay", promoter.folder.path("evidence.ndjson")])
            #expect(replayed.exitCode == 0, "\(replayed.error)")
        }
    }

    @Test(
        "Field 9: an earlier promotion that stays under the tag ends with 40, even with --superseded-ok")
    func putBack() async throws {
        try await with { promoter in
            let store = ["--store", promoter.folder.path("ledger.db")]
            let first = try await verify(promoter, store)
            #expect(first.exitCode == 0, "\(first.error)")
            try promoter.serve(promoter.new, Commit.new)
            promoter.registry.push(promoter.new, "latest")
            promoter.registry.behave { _, _ in .honest }
            flip(promoter, to: promoter.old, for: .seconds(3_600))
            let outcome = try await verify(promoter, store + ["--superseded-ok", "--readback-timeout", "4s"])
            #expect(outcome.exitCode == 40, "\(outcome.error)")
            #expect(outcome.output.contains("the tag was put back"), "\(outcome.output)")
            let replayed = try await Program.collector().run(["replay", promoter.folder.path("evidence.ndjson")])
            #expect(replayed.exitCode == 40, "\(replayed.error)")
        }
    }

    // MARK: - Field 12

    @Test(
        "Field 12: a rollback restores manifests that the registry removed, children first",
        arguments: [false, true])
    func untagged(isIndex: Bool) async throws {
        let promoter = try await Promoter.make(isIndex: isIndex)
        let (registry, old, new) = (promoter.registry, promoter.old, promoter.new)
        registry.remove(tag: "staging-\(Commit.old)")
        registry.change { nature in
            nature.removesUntagged = true
            nature.checksParts = true
        }
        let wrong = MadeImage.single(revision: Commit.new, salt: "wrong")
        let folder = promoter.folder
        registry.behave { request, _ in
            guard request.method == "PUT" else { return .honest }
            return .honestThen {
                let isNew = registry.tag("latest") == new.digest
                if isNew { #expect(!registry.has(old.digest), "the former manifest is there still") }
                let image = isNew ? wrong : old
                try? Promoter.serve(image, isNew ? Commit.new : Commit.old, in: folder)
            }
        }
        let outcome = try await promoter.run(["--rollback-on", "failed_deploy"], verifies: true)
        #expect(outcome.exitCode == 20, "\(outcome.error)")
        #expect(registry.tag("latest") == old.digest)
        #expect(registry.bytes(old.digest) == old.manifest.bytes)
        #expect(old.children.allSatisfy { registry.has($0.digest) })
        #expect(try await report(promoter).promotion?.rollback?.verdict == "converged", "\(outcome.error)")
        await promoter.stop()
    }

    @Test("Field 12: missing blobs of the rollback target are reported before the tag is moved")
    func blobsGone() async throws {
        try await with { promoter in
            let gone = promoter.old.blobs[1].digest
            promoter.registry.behave { request, _ in
                request.method == "HEAD" && request.path.hasSuffix("\(gone)") ? .instead(.status(404)) : .honest
            }
            let outcome = try await promoter.run()
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            let warning = try #require(outcome.error.firstRange(of: "cannot roll back to"))
            let moved = try #require(outcome.error.firstRange(of: "read back: promotion no."))
            #expect(warning.lowerBound < moved.lowerBound)
            #expect(outcome.error.contains("lacks 1 of its 2 blobs"), "\(outcome.error)")
        }
    }

    // MARK: - Field 13, 20

    @Test(
        "Field 13: a promotion works with a registry that serves manifests under a generic type",
        arguments: ["application/json", ""])
    func generic(type: String) async throws {
        try await with { promoter in
            promoter.registry.change { $0.contentType = type }
            promoter.followTag()
            let outcome = try await promoter.run(verifies: true)
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            #expect(
                promoter.registry.asked.first { $0.method == "PUT" }?.header("content-type") == MadeImage.ociManifest)
        }
    }

    @Test("Field 20: an immutable tag is 64 with a remedy and changes nothing")
    func immutable() async throws {
        try await with { promoter in
            promoter.registry.behave { request, _ in
                request.method == "PUT"
                    ? .instead(
                        .answer(
                            status: 412, headers: [("Content-Type", "application/json")],
                            body: Array(
                                #"{"errors":[{"code":"PRECONDITION","message":"'canvas:latest' configured as immutable"}]}"#
                                    .utf8)))
                    : .honest
            }
            let outcome = try await promoter.run()
            #expect(outcome.exitCode == 64, "\(outcome.error)")
            #expect(outcome.error.contains("the tag is immutable"), "\(outcome.error)")
            #expect(outcome.error.contains("nothing was changed"), "\(outcome.error)")
            #expect(try await promoter.journal() == ["promotion unmoved 1 \(promoter.short(promoter.new))"])
        }
    }

    // MARK: - Field 23

    @Test(
        "Field 23: a promotion that is interrupted during the PUT writes its reports",
        arguments: [(Int32(15), true), (2, false)])
    func interrupted(signal: Int32, isDone: Bool) async throws {
        try await with { promoter in
            promoter.registry.behave { request, _ in
                guard request.method == "PUT" else { return .honest }
                return isDone ? .doneBut(.hang) : .instead(.hang)
            }
            let running = try promoter.start(verifies: true)
            let registry = promoter.registry
            try await eventually("the tag is being written", detail: { running.error }) {
                running.exitCode != nil || registry.writes == 1
            }
            running.signal(signal)
            let outcome = try await running.wait()
            #expect(outcome.exitCode == 128 + signal, "\(outcome.error)")
            let report = try await report(promoter)
            #expect(report.verdict == "interrupted")
            #expect(report.exitCode == 128 + signal)
            #expect(report.promotion?.moved == isDone)
            #expect(report.warnings.contains { $0.contains("no host was asked") })
            #expect(
                try await promoter.journal() == [
                    "promotion \(isDone ? "moved" : "intended") 1 \(promoter.short(promoter.new))"
                ])
        }
    }

    @Test("Field 23: a promotion that is interrupted before the tag moves writes its reports")
    func interruptedEarly() async throws {
        try await with { promoter in
            promoter.forge.change { $0.status = "pending" }
            let (evidence, outputs) = (promoter.folder.path("evidence.ndjson"), promoter.folder.path("outputs"))
            let running = try Program.collector().start(
                promoter.arguments(["--ci-timeout", "60s", "--report", "evidence=\(evidence)"], verifies: true),
                environment: [
                    "HOME": promoter.folder.path, "GITEA_TOKEN": Promoter.token, "GITHUB_ACTIONS": "true",
                    "GITHUB_OUTPUT": outputs,
                ])
            try await eventually("CI is waited for", detail: { running.error }) {
                running.exitCode != nil || running.error.contains("pending")
            }
            running.signal(15)
            let outcome = try await running.wait()
            #expect(outcome.exitCode == 143, "\(outcome.error)")
            let report = try await report(promoter)
            #expect(report.verdict == "interrupted")
            #expect(report.promotion?.moved == false, "the report says that the tag was not moved")
            #expect(report.warnings.contains { $0.contains("before") && $0.contains("was moved") })
            #expect(promoter.registry.writes == 0)
            // Evidence and history record the run, without a promotion. Hosts that were not asked do not count as late.
            let replayed = try await Program.collector().run(["replay", evidence])
            #expect(replayed.exitCode == 143, "\(replayed.error)")
            #expect(replayed.error.contains("no host was asked") || replayed.output.contains("no host was asked"))
            let text = try promoter.folder.read("outputs")
            #expect(text.contains("stragglers=0\n") && text.contains("not_asked=1\n"), "\(text)")
            let id = try #require(text.firstMatch(of: /verification=(\S+)/)).1
            let store = ["--store", promoter.folder.path("ledger.db")]
            let recorded = try await Program.collector().run(["report", String(id)] + store)
            #expect(recorded.exitCode == 143 || recorded.exitCode == 0, "\(recorded.error)")
            #expect(recorded.output.contains("interrupted"), "\(recorded.error)")
            #expect(try await promoter.promotions().isEmpty)
            let checked = try await Program.collector().run(["ledger", "check"] + store)
            #expect(checked.exitCode == 0, "\(checked.output)\(checked.error)")
        }
    }
}
