import Foundation
import Shared
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures

/// The automatic rollback goes to a proven build, and only after a failure of the promoted one.
@Suite("End to end: rollback target", .timeLimit(.minutes(10)))
struct RollbackTargetTests {
    private typealias Story = FieldPromotionTests.Story

    private func report(_ promoter: Promoter) throws -> Story {
        try JSONDecoder().decode(Story.self, from: Data(try promoter.folder.read("report.json").utf8))
    }

    /// Makes the host serve another build of the right commit while the tag points at the new build.
    private func failOnNew(_ promoter: Promoter) {
        let (registry, folder, old, new) = (promoter.registry, promoter.folder, promoter.old, promoter.new)
        let wrong = MadeImage.single(revision: Commit.new, salt: "wrong")
        registry.behave { request, _ in
            guard request.method == "PUT" else { return .honest }
            return .honestThen {
                let isNew = registry.tag("latest") == new.digest
                try? Promoter.serve(isNew ? wrong : old, isNew ? Commit.new : Commit.old, in: folder)
            }
        }
    }

    @Test(
        "A repeated promotion rolls back to the last proven build, not to itself",
        arguments: [false, true])
    func again(isKilled: Bool) async throws {
        let promoter = try await Promoter.make()
        try await promoter.proveOld()
        if isKilled {
            let running = try promoter.start(["--timeout", "60s"], verifies: true)
            try await eventually("the tag was moved", detail: { running.error }) {
                running.exitCode != nil || running.error.contains("read back: promotion no. 2")
            }
            running.signal(9)
            _ = try await running.wait()
        } else {
            let first = try await promoter.run(["--timeout", "3s"], verifies: true)
            #expect(first.exitCode == 10, "\(first.error)")
        }
        #expect(promoter.registry.tag("latest") == promoter.new.digest)
        // Now the host serves the broken build.
        try promoter.serve(MadeImage.single(revision: Commit.new, salt: "wrong"), Commit.new)
        failOnNew(promoter)
        let second = try await promoter.run(["--rollback-on", "failed_deploy"], verifies: true)
        #expect(second.exitCode == 20, "\(second.error)")
        #expect(promoter.registry.tag("latest") == promoter.old.digest, "\(second.error)")
        #expect(second.error.contains("already was \(promoter.new.digest); nothing was moved"), "\(second.error)")
        #expect(!second.error.contains("was moved from"), "\(second.error)")
        #expect(second.error.contains("(promotion no. 1, converged "), "\(second.error)")
        let story = try report(promoter)
        #expect(story.promotion?.moved == false)
        #expect(story.promotion?.rollback?.verdict == "converged")
        #expect(try await promoter.journal().last == "rollback moved 3 \(promoter.short(promoter.old))")
        await promoter.stop()
    }

    @Test("Without a proven build, the rollback goes to the tag's former build")
    func neverProven() async throws {
        let promoter = try await Promoter.make()
        failOnNew(promoter)
        let outcome = try await promoter.run(["--rollback-on", "failed_deploy"], verifies: true)
        #expect(outcome.exitCode == 20, "\(outcome.error)")
        #expect(promoter.registry.tag("latest") == promoter.old.digest)
        #expect(outcome.error.contains("never proven"), "\(outcome.error)")
        await promoter.stop()
    }

    @Test("Without another build, the tag is not rolled back")
    func nothing() async throws {
        let promoter = try await Promoter.make()
        promoter.registry.push(promoter.new, "latest")
        try promoter.serve(MadeImage.single(revision: Commit.new, salt: "wrong"), Commit.new)
        let outcome = try await promoter.run(["--rollback-on", "failed_deploy"], verifies: true)
        #expect(outcome.exitCode == 20, "\(outcome.error)")
        #expect(outcome.error.contains("no build to roll back to"), "\(outcome.error)")
        #expect(promoter.registry.writes == 0)
        await promoter.stop()
    }

    // MARK: - Evidence from before the PUT

    private static func document(_ image: MadeImage, _ commit: String, state: String, leftOut: String, nonce: String)
        -> String
    {
        """
        {"schema":1,"service":"canvas","git_sha":"\(commit)","digest":"\(image.digest)","state":"\(state)","reason":null,
        "host":{"id":"h1","name":"h1","boot_id":"b1"},"engine":null,
        "observed_at":"2026-01-01T00:00:00Z","age_seconds":0,"nonce":"\(nonce)",
        "agent":{"version":"1.0.0","uptime_seconds":1},\(leftOut)"instances":[{"id":"c-\(commit.prefix(4))","name":"canvas-1",
        "state":"\(state)","health":"\(state == "serving" ? "healthy" : "unhealthy")","started_at":"2026-01-01T00:00:00Z",
        "restart_count":0,"git_sha":"\(commit)","image":{"reference":"canvas:latest","id":"\(image.config ?? image.digest)",
        "digests":[{"digest":"\(image.digest)","kind":"manifest","repository":null,"source":"image.RepoDigests"}],"origin":"registry","tag_moved":false,"revision":"\(commit)"}}]}
        """
    }

    static let before: [(name: String, state: String, leftOut: String)] = [
        ("unhealthy from an earlier run", "unhealthy", ""),
        ("exited from an earlier run", "exited", ""),
        (
            "a one-off that exited", "serving",
            """
            "left_out":[{"id":"c0","name":"canvas-run-1","state":"exited","reason":"one_off","exit_code":1}],
            """
        ),
    ]

    @Test(
        "A failure that a host showed before the PUT causes no rollback",
        arguments: before)
    func evidenceFromBefore(name: String, state: String, leftOut: String) async throws {
        let promoter = try await Promoter.make()
        let (registry, old, new) = (promoter.registry, promoter.old, promoter.new)
        let moved = Moment()
        let host = try await ScriptedHost.start { request in
            let nonce = request.query("nonce") ?? ""
            // Pulling takes a while; until then the former containers remain.
            guard moved.isLongerAgo(than: .seconds(4)) else {
                return .json(Self.document(old, Commit.old, state: state, leftOut: leftOut, nonce: nonce))
            }
            return .json(Self.document(new, Commit.new, state: "serving", leftOut: leftOut, nonce: nonce))
        }
        registry.behave { request, _ in request.method == "PUT" ? .honestThen { moved.set() } : .honest }
        try promoter.folder.write(
            "fleet.yaml", "service: canvas\nhosts:\n  - {name: h1, url: \"\(host.url("/buildinfo"))\"}\n")
        let outcome = try await promoter.run(
            ["--rollback-on", "failed_deploy,rolled_back", "--fail-after", "2"], verifies: true)
        #expect(outcome.exitCode == 0, "\(name): \(outcome.error)")
        #expect(registry.tag("latest") == new.digest)
        #expect(registry.writes == 1)
        #expect(try await promoter.journal() == ["promotion moved 1 \(promoter.short(new))"])
        await host.stop()
        await promoter.stop()
    }

    private final class Moment: Sendable {
        private let moment = Mutex<ContinuousClock.Instant?>(nil)
        func set() { moment.withLock { $0 = $0 ?? .now } }
        func isLongerAgo(than time: Duration) -> Bool { moment.withLock { $0.map { .now - $0 > time } ?? false } }
    }
}
