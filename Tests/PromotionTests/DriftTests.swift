import Foundation
import Shared
import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end: drift", .timeLimit(.minutes(5)))
struct DriftTests {
    private struct Found: Decodable {
        struct Build: Decodable {
            var tag: String?
            var digest: String?
            var generation: Int?
            var hosts: Int?
            var actor: String?
        }
        struct Finding: Decodable {
            var kind: String
            var message: String
        }
        struct Drift: Decodable {
            var tag: Build?
            var promoted: Build?
            var served: [Build]
            var unpromoted: [Build]
            var findings: [Finding]
        }
        var drift: Drift?
    }

    private func status(
        _ promoter: Promoter, _ more: [String] = []
    ) async throws -> (drift: Found.Drift, text: String) {
        let arguments =
            [
                "status", "--fleet", promoter.folder.path("fleet.yaml"), "--image",
                "\(promoter.registry.authority)/canvas:latest", "--store", promoter.folder.path("ledger.db"),
            ] + more
        let text = try await Program.collector().run(arguments, environment: ["HOME": promoter.folder.path])
        #expect(text.exitCode == 0, "\(text.error)")
        let json = try await Program.collector().run(
            arguments + ["--report", "json=-"], environment: ["HOME": promoter.folder.path])
        #expect(try await SchemaValidator.defects(json.output, against: .report).isEmpty)
        let found = try JSONDecoder().decode(Found.self, from: Data(json.output.utf8))
        return (try #require(found.drift), text.output)
    }

    @Test(
        "A converged promotion has no drift; a changed host, a moved tag and a new candidate are found"
    )
    func drift() async throws {
        let promoter = try await Promoter.make()
        promoter.followTag()
        let outcome = try await promoter.run(verifies: true)
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        promoter.registry.behave { _, _ in .honest }

        let calm = try await status(promoter)
        #expect(calm.drift.findings.isEmpty, "\(calm.text)")
        #expect(calm.text.contains("drift      none"))
        #expect(calm.drift.tag?.generation == 1)
        #expect(calm.drift.promoted?.actor == "a test")
        #expect(calm.drift.served.map(\.hosts) == [1])
        #expect(calm.drift.served.first?.digest == "\(promoter.new.digest)")

        // A manual deploy, a push over the tag, and a new build by CI.
        try promoter.serve(promoter.old, Commit.old)
        let stranger = MadeImage.single(revision: Promoter.stranger)
        promoter.registry.push(stranger, "latest")
        promoter.registry.push(
            MadeImage.single(revision: Promoter.elder, created: "2026-01-03T03:04:05Z"), "staging-\(Promoter.elder)")
        try await eventually("the agent has seen it") {
            try await promoter.agent.document().contains(Commit.old)
        }
        let wild = try await status(promoter)
        #expect(Set(wild.drift.findings.map(\.kind)) == ["tag_moved", "unpromoted", "host_drifted"], "\(wild.text)")
        #expect(wild.text.contains("which is not in the ledger, but generation 1"), "\(wild.text)")
        #expect(wild.text.contains("host-1 converged on generation 1"), "\(wild.text)")
        #expect(wild.text.contains("staging-\(Promoter.elder) was built"), "\(wild.text)")
        #expect(wild.drift.unpromoted.map(\.tag) == ["staging-\(Promoter.elder)"])

        // A build that was promoted earlier is back without a promotion.
        let again = try await promoter.run(["--allow-rollback"], sha: Commit.old)
        #expect(again.exitCode == 0, "\(again.error)")
        promoter.registry.push(promoter.new, "latest")
        let back = try await status(promoter)
        #expect(back.text.contains("generation 1, but generation 2"), "\(back.text)")
        await promoter.stop()
    }

    @Test("A removed tag is drift, and hosts are compared with the last promotion")
    func removed() async throws {
        let promoter = try await Promoter.make()
        promoter.followTag()
        #expect(try await promoter.run().exitCode == 0)
        promoter.registry.remove(tag: "latest")
        let found = try await status(promoter)
        #expect(found.drift.tag == nil)
        #expect(found.drift.findings.map(\.kind) == ["tag_moved"], "\(found.text)")
        #expect(found.text.contains("does not exist: it was removed"), "\(found.text)")
        #expect(found.text.contains("on target"), "\(found.text)")
        await promoter.stop()
    }

    @Test("A sweep longer than the registry timeout leaves drift its full time")
    func slowSweep() async throws {
        let promoter = try await Promoter.make()
        promoter.followTag()
        #expect(try await promoter.run().exitCode == 0)
        let deaf = try #require(ScriptedHostDeafPort(.full))
        let found = try await status(
            promoter,
            [
                "--service", "canvas", "--host", "127.0.0.1:\(deaf.port)", "--request-timeout", "3s",
                "--registry-timeout", "2s",
            ])
        #expect(found.drift.findings.isEmpty, "\(found.text)")
        await promoter.stop()
        withExtendedLifetime(deaf) {}
    }
}
