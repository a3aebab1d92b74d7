import Foundation
import Shared
import Support
import Testing

@testable import EndToEndFixtures

extension RealRegistry {
    @Suite("Promote to a host with a real engine")
    struct EnginePromotionTests {
        /// A host that follows `latest`: it pulls and recreates whenever the tag's digest changes.
        private func follow(_ service: Service, _ options: [String] = []) -> Task<Void, any Error> {
            Task {
                var last = try service.yard.registry.manifest(service.name, "latest").digest
                while !Task.isCancelled {
                    try await Task.sleep(for: .milliseconds(100))
                    let now = try service.yard.registry.manifest(service.name, "latest").digest
                    guard now != last else { continue }
                    last = now
                    try await service.pull()
                    try await service.engine.remove(service.name)
                    try await service.run(options)
                }
            }
        }

        private struct Promoted: Decodable {
            struct Rollback: Decodable {
                var said: String
                var verdict: String?
                var generation: Int?
            }
            struct Promotion: Decodable {
                var rollback: Rollback?
            }
            var verdict: String
            var promotion: Promotion?
        }

        /// Promotes the new build; everything but the forge is real.
        private func promote(
            _ service: Service, _ more: [String] = []
        ) async throws -> (outcome: RunningProgram.Outcome, report: Promoted, folder: TemporaryFolder) {
            let agent = try await HostAgent.start(
                "host-1", selector: "container:\(service.name)", engine: service.engine)
            let forge = try await ScriptedGitea.start(history: [Commit.new, Commit.old])
            let folder = try TemporaryFolder()
            let outcome = try await Program.collector().run(
                [
                    "promote", "--image", service.repository, "--sha", Commit.new, "--context", "ci", "--forge",
                    "gitea",
                    "--forge-url", forge.url, "--repository", "acme/canvas", "--branch", "main", "--service", "canvas",
                    "--host",
                    agent.url, "--soak", "2s", "--interval", "200ms", "--timeout", "90s", "--progress", "plain",
                    "--store", folder.path("ledger.db"), "--report", "json=\(folder.path("report.json"))",
                    "--report", "html=\(folder.path("report.html"))",
                ] + more, environment: ["HOME": folder.path, "GITEA_TOKEN": "x"])
            withExtendedLifetime(agent) {}
            await forge.stop()
            try #require(folder.contains("report.json"), "\(outcome.error)")
            let report = try JSONDecoder().decode(Promoted.self, from: Data(try folder.read("report.json").utf8))
            return (outcome, report, folder)
        }

        private func raw(_ service: Service, _ tag: String) async throws -> String {
            try await Program.installed("skopeo", remedy: "apt-get install skopeo").succeed(
                ["inspect", "--raw", "--tls-verify=false", "docker://\(service.repository):\(tag)"])
        }

        @Test("A promotion converges, and skopeo reads the same bytes under both tags")
        func converges() async throws {
            let service = try await Service.make()
            _ = try await service.release(Commit.old)
            try await service.pull()
            try await service.run()
            let digest = try await service.build(Commit.new)
            let host = follow(service)
            let (outcome, report, _) = try await promote(service)
            host.cancel()
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            #expect(report.verdict == "converged")
            let bytes = try await raw(service, "latest")
            #expect(try await raw(service, "staging-\(Commit.new)") == bytes)
            #expect(Digest(sha256: SHA256.hash(Array(bytes.utf8))) == digest)
            try await service.engine.remove(service.name)
        }

        @Test("A crash-looping image is rolled back and verified, and ends with 20")
        func crashLoop() async throws {
            let service = try await Service.make()
            let old = try await service.release(Commit.old)
            try await service.pull()
            try await service.run()
            _ = try await service.build(Commit.new, command: ["0", "1"])
            let host = follow(service, ["--restart", "always"])
            let (outcome, report, folder) = try await promote(service, ["--rollback-on", "failed_deploy"])
            host.cancel()
            #expect(outcome.exitCode == 20, "\(outcome.error)")
            #expect(report.verdict == "failed_deploy")
            #expect(report.promotion?.rollback?.verdict == "converged", "\(outcome.error)")
            #expect(report.promotion?.rollback?.generation == 2)
            #expect(try service.yard.registry.manifest(service.name, "latest").digest == old)
            let page = try folder.read("report.html")
            #expect(page.contains("was put back to \(Commit.old.prefix(12))"))
            try await service.engine.remove(service.name)
        }
    }
}
