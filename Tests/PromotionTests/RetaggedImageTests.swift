import Foundation
import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end: tag moved during verification", .timeLimit(.minutes(5)))
struct RetaggedImageTests {
    private func verify(_ promoter: Promoter, _ more: [String] = []) async throws -> RunningProgram.Outcome {
        try await Program.collector().run(
            [
                "verify", "--fleet", promoter.folder.path("fleet.yaml"), "--image",
                "\(promoter.registry.authority)/canvas:latest", "--store", "none", "--interval", "200ms", "--soak",
                "4s",
                "--timeout", "60s", "--readback-timeout", "3s", "--report",
                "evidence=\(promoter.folder.path("evidence.ndjson"))",
            ] + more, environment: ["HOME": promoter.folder.path])
    }

    /// Pushes another build over the tag after this number of reads.
    private func overwrite(_ promoter: Promoter, after reads: Int) {
        let registry = promoter.registry
        let stranger = MadeImage.single(revision: Promoter.stranger)
        registry.behave { request, _ in
            guard request.method == "HEAD", registry.asked.count(where: { $0.method == "HEAD" }) == reads else {
                return .honest
            }
            return .honestThen { registry.push(stranger, "latest") }
        }
    }

    @Test(
        "verify --image ends as superseded, names the new build, and replays to the same verdict",
        arguments: [[], ["--superseded-ok"]])
    func verified(more: [String]) async throws {
        let promoter = try await Promoter.make()
        overwrite(promoter, after: 1)
        let outcome = try await verify(promoter, more)
        #expect(outcome.exitCode == (more.isEmpty ? 40 : 0), "\(outcome.error)")
        #expect(outcome.output.contains("superseded"), "\(outcome.output)")
        #expect(outcome.output.contains("\(Promoter.stranger.prefix(12))"), "\(outcome.output)")
        #expect(outcome.output.contains("somebody moved the tag"), "\(outcome.output)")
        let replayed = try await Program.collector().run(["replay", promoter.folder.path("evidence.ndjson")])
        #expect(replayed.exitCode == (more.isEmpty ? 40 : 0), "\(replayed.error)")
        await promoter.stop()
    }

    @Test("No verification ends green without a read of the tag after the last proof")
    func lastLook() async throws {
        let promoter = try await Promoter.make()
        // After the read at one second and before the proof; the next read would be at two.
        overwrite(promoter, after: 2)
        let outcome = try await verify(promoter, ["--soak", "1400ms"])
        #expect(outcome.exitCode == 40, "\(outcome.error)")
        #expect(try await Program.collector().run(["replay", promoter.folder.path("evidence.ndjson")]).exitCode == 40)
        await promoter.stop()
    }

    @Test("A push by another writer supersedes a promotion")
    func promoted() async throws {
        let promoter = try await Promoter.make()
        let registry = promoter.registry
        let stranger = MadeImage.single(revision: Promoter.stranger)
        // Right after a read of the moved tag, so that it happens during the verification even on a busy machine.
        registry.behave { request, _ in
            switch request.method {
            case "PUT": .honestThen { try? Promoter.serve(promoter.new, Commit.new, in: promoter.folder) }
            case "HEAD" where registry.writes == 1: .honestThen { registry.push(stranger, "latest") }
            default: .honest
            }
        }
        let outcome = try await promoter.run(["--soak", "4s"], verifies: true)
        #expect(registry.tag("latest") == stranger.digest)
        #expect([40, 41].contains(outcome.exitCode), "\(outcome.error)")
        await promoter.stop()
    }

    @Test("One stale answer and a silent registry change no verdict")
    func stale() async throws {
        let promoter = try await Promoter.make()
        let registry = promoter.registry
        let header = ("Docker-Content-Digest", "\(promoter.new.digest)")
        registry.behave { request, _ in
            guard request.method == "HEAD" else { return .honest }
            let number = registry.asked.count { $0.method == "HEAD" }
            return number == 1
                ? .instead(.answer(status: 200, headers: [header], body: []))
                : number == 2 ? .honest : .instead(.status(503))
        }
        let outcome = try await verify(promoter)
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(registry.asked.count { $0.method == "HEAD" } >= 3)
        await promoter.stop()
    }
}
