import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end: promotions of two environments", .timeLimit(.minutes(5)))
struct EnvironmentPromotionTests {
    private static let production = ["--environment", "production"]
    private static let staging = ["--environment", "staging", "--to", "staging", "--moving-tag", "staging"]

    @Test("Staging and production share a ledger: neither supersedes the other, nor is rolled back to its builds")
    func alternating() async throws {
        let promoter = try await Promoter.make()
        promoter.forge.change { $0.history = [Commit.old, Promoter.elder] }
        let first = try await promoter.run(Self.production, sha: Commit.old, verifies: true)
        #expect(first.exitCode == 0, "\(first.error)")
        promoter.forge.change { $0.history = [Commit.new, Commit.old, Promoter.elder] }
        try promoter.serve(promoter.new, Commit.new)
        let newer = try await promoter.run(Self.staging, verifies: true)
        #expect(newer.exitCode == 0, "\(newer.error)")
        #expect(newer.error.contains("promotion no. 1 of canvas in staging"), "\(newer.error)")
        // Without environments, the newer promotion would supersede this one (40).
        promoter.forge.change { $0.history = [Commit.old, Promoter.elder] }
        try promoter.serve(promoter.old, Commit.old)
        let again = try await promoter.run(Self.production, sha: Commit.old, verifies: true)
        #expect(again.exitCode == 0, "\(again.error)")
        #expect(again.error.contains("promotion no. 1 of canvas in production"), "\(again.error)")
        #expect(promoter.registry.tag("latest") == promoter.old.digest)
        #expect(promoter.registry.tag("staging") == promoter.new.digest)
        // Production proved the old build, staging never did.
        let rollback = try await promoter.rollback(["--environment", "staging", "--tag", "staging"])
        #expect(rollback.exitCode == 64, "\(rollback.error)")
        #expect(rollback.error.contains("no build is left to roll back to"), "\(rollback.error)")
        await promoter.stop()
    }

    @Test("A kill switch of one environment holds its promotions and names them; the other environment's go on")
    func killSwitch() async throws {
        let promoter = try await Promoter.make()
        let environment = [
            "HOME": promoter.folder.path, "GITEA_TOKEN": Promoter.token, "STAGING_AUTO_DEPLOY_DISABLED": "1",
        ]
        let collector = try Program.collector()
        let held = try await collector.start(promoter.arguments(Self.staging), environment: environment).wait()
        #expect(held.exitCode == 41)
        let message =
            "promotion of canvas to staging held: the kill switch is on: env:STAGING_AUTO_DEPLOY_DISABLED is '1'"
        #expect(held.error.contains(message), "\(held.error)")
        let moved = try await collector.start(promoter.arguments(Self.production), environment: environment).wait()
        #expect(moved.exitCode == 0, "\(moved.error)")
        await promoter.stop()
    }
}
