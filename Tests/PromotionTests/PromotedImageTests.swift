import Support
import Testing

@testable import EndToEndFixtures

extension RealRegistry {
    @Suite("A promotion")
    struct PromotedImageTests {
        @Test("Row 1: a host that pulled without recreating is a straggler with that reason; recreated, it converges")
        func pulledNotRecreated() async throws {
            let service = try await Service.make()
            _ = try await service.release(Commit.old)
            try await service.pull()
            try await service.run()
            let digest = try await service.release(Commit.new)
            try await service.pull()
            let agent = try await HostAgent.start(
                "host-1", selector: "container:\(service.name)", engine: service.engine)
            var verify = Verify(hosts: [agent.host], sha: Commit.new, digest: digest, timeout: Verify.short)

            let before = try await verify.run()
            let host = try before.host("host-1")
            #expect(before.exitCode == 10, "\(before.progress)")
            #expect(before.report.verdict == "stragglers")
            #expect(host.status == "straggler")
            #expect(host.reason.contains("pulled, not recreated"))
            let document = try await agent.document()
            #expect(document.contains(#""tag_moved":true"#))
            #expect(document.contains(Commit.old))

            try await service.recreate()
            verify.timeout = "60s"
            let after = try await verify.run()
            #expect(after.exitCode == 0, "\(after.progress)")
            #expect(after.report.verdict == "converged")
            #expect(try after.host("host-1").facts.build == "match")
            #expect(after.report.warnings?.contains { $0.contains("without a health check") } == true)
            #expect(try await agent.document().contains("\(digest)"))
        }

        @Test("Row 1: a host that never pulled is a straggler with that reason")
        func neverPulled() async throws {
            let service = try await Service.make()
            _ = try await service.release(Commit.old)
            try await service.pull()
            try await service.run("--label", "com.docker.compose.service=shop")
            let digest = try await service.release(Commit.new)
            let agent = try await HostAgent.start("host-1", selector: "compose:shop", engine: service.engine)

            let result = try await Verify(
                hosts: [agent.host], sha: Commit.new, digest: digest, timeout: Verify.short
            ).run()
            #expect(result.exitCode == 10, "\(result.progress)")
            #expect(try result.host("host-1").status == "straggler")
            #expect(try result.host("host-1").reason.contains("not pulled"))
            try await service.engine.remove(service.name)
        }

        @Test("Row 5: a host on a stale tag is compared with the promoted build, and is a straggler")
        func staleTag() async throws {
            let service = try await Service.make()
            _ = try await service.release(Commit.old)
            try await service.pull()
            try await service.run()
            // Built, and never promoted: the tag in the registry and the host agree on the old build.
            let digest = try await service.build(Commit.new)
            let agent = try await HostAgent.start(
                "host-1", selector: "container:\(service.name)", engine: service.engine)

            let result = try await Verify(
                hosts: [agent.host], sha: Commit.new, digest: digest, timeout: Verify.short
            ).run()
            #expect(result.exitCode == 10, "\(result.progress)")
            #expect(try result.host("host-1").status == "straggler")
            try await service.engine.remove(service.name)
        }

        @Test("Row 12: an image rebuilt from the same commit is a failed deploy with the wrong digest")
        func rebuilt() async throws {
            let service = try await Service.make()
            let promoted = try await service.release(Commit.new)
            let rebuilt = try await service.release(Commit.new)
            #expect(rebuilt != promoted)
            try await service.pull()
            try await service.run()
            let agent = try await HostAgent.start(
                "host-1", selector: "image:\(service.repository)", engine: service.engine)

            let result = try await Verify(hosts: [agent.host], sha: Commit.new, digest: promoted).run()
            let host = try result.host("host-1")
            #expect(result.exitCode == 20, "\(result.progress)")
            #expect(result.report.verdict == "failed_deploy")
            #expect(host.status == "failed")
            #expect(host.facts.build == "digest_wrong")
            try await service.engine.remove(service.name)
        }

        @Test(
            "A container committed onto the tag keeps the commit label, has no registry digest, and is unverifiable")
        func committed() async throws {
            let service = try await Service.make()
            let digest = try await service.release(Commit.new)
            try await service.pull()
            try await service.run()
            try await service.engine.docker("commit", service.name, service.latest)
            try await service.recreate("--label", "tier=web")
            let agent = try await HostAgent.start("host-1", selector: "label:tier=web", engine: service.engine)

            let result = try await Verify(
                hosts: [agent.host], sha: Commit.new, digest: digest, timeout: Verify.short
            ).run()
            #expect(result.exitCode == 30, "\(result.progress)")
            #expect(try result.host("host-1").status == "unverifiable")
            #expect(try result.host("host-1").reason.contains("no registry digest"))
            #expect(try await agent.document().contains(#""origin":"none""#))
            try await service.engine.remove(service.name)
        }

        @Test("An image built on the host is unverifiable by digest, and converges if only the commit is required")
        func builtHere() async throws {
            let service = try await Service.make()
            let digest = try await service.build(Commit.new)
            try await service.engine.makeImage(service.latest, revision: Commit.new)
            try await service.run()
            let agent = try await HostAgent.start(
                "host-1", selector: "container:\(service.name)", engine: service.engine)

            let strict = try await Verify(
                hosts: [agent.host], sha: Commit.new, digest: digest, timeout: Verify.short
            ).run()
            #expect(strict.exitCode == 30, "\(strict.progress)")
            #expect(try strict.host("host-1").status == "unverifiable")

            let byCommit = try await Verify(hosts: [agent.host], sha: Commit.new).run()
            #expect(byCommit.exitCode == 0, "\(byCommit.progress)")
            #expect(try byCommit.host("host-1").facts.build == "match_sha")
            try await service.engine.remove(service.name)
        }

        @Test("Row 13: an image labelled 'dev' is unverifiable, and the reason says which commit it claims")
        func labelledDev() async throws {
            let service = try await Service.make()
            try await service.engine.makeImage(service.latest, revision: "dev")
            try await service.run()
            let agent = try await HostAgent.start(
                "host-1", selector: "container:\(service.name)", engine: service.engine)

            let result = try await Verify(hosts: [agent.host], sha: Commit.new, timeout: Verify.short).run()
            #expect(result.exitCode == 30, "\(result.progress)")
            #expect(try result.host("host-1").status == "unverifiable")
            #expect(try result.host("host-1").reason.contains("git_sha"))
            #expect(try await agent.document().contains("'dev'"))
            try await service.engine.remove(service.name)
        }
    }
}
