import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Registry
@testable import Transfer
@testable import Verdict

/// Digest lookups of a session, from a host's document to the registry and back.
@Suite(.timeLimit(.minutes(2)))
struct DigestLookupSessionTests {
    private static let commit = String(repeating: "a", count: 40)
    private static let image = MadeImage.single(revision: commit)
    private static let promoted = MadeImage.index([
        .init(image, "linux/amd64"), .init(.attestation("one"), "unknown/unknown"),
    ])
    private static let sibling = MadeImage.index([
        .init(image, "linux/amd64"), .init(.attestation("two"), "unknown/unknown"),
    ])

    /// A host that serves this digest, without other evidence for comparison.
    private func run(
        serving digest: Digest, in registry: ScriptedRegistry
    ) async throws -> (ended: Verification, target: Target) {
        let host = try await ScriptedHost.start { request in
            let build = Build(
                gitSHA: .known(.of("a")),
                digests: [DigestEvidence(digest: digest, kind: .indexOrManifest, source: .containerImage)])
            let document = Answer(build: build).document(host: 0, nonce: request.query("nonce") ?? "")
            guard let json = try? JSONEncoder().encode(document) else { return .close }
            return .json(String(decoding: json, as: UTF8.self))
        }
        let reference = try registry.reference()
        let hosts = [ExpectedHost(name: "host-0", url: host.url())]
        let policy = Policy(timeout: .seconds(60), interval: .milliseconds(100), soak: .milliseconds(300))
        let engine = try TransferClient(limits: TransferLimits(openFiles: 1_024))
        let result = try await withRegistryClient { client in
            let target = try TargetResolver.complete(
                Target(service: "canvas"), by: try await client.resolve(reference), for: hosts)
            var session = FleetSession(transfers: SessionTransfers([engine]), noncePrefix: "test") { _ in
                RequestCredentials()
            }
            session.learner = client.learner(in: reference)
            let (ended, _) = await session.run(
                Verification(target: target, hosts: hosts, policy: policy, learnsImages: true), observers: [])
            return (ended, target)
        }
        await engine.shutdown()
        await host.stop()
        return result
    }

    @Test("A host with another index of the promoted image is proven through the registry")
    func wrapped() async throws {
        let registry = try await ScriptedRegistry.start(["latest": Self.promoted, "other": Self.sibling])
        let (ended, target) = try await run(serving: Self.sibling.digest, in: registry)
        #expect(target.digest == Self.promoted.digest)
        #expect(ended.conclusion?.verdict == .converged)
        #expect(ended.tracks[0].facts.build == .matchIndex)
        #expect(registry.seen.count { $0.path.hasSuffix("\(Self.sibling.digest)") } == 1)
        // An attestation is not an image, and is not read.
        for name in ["one", "two"] {
            #expect(!registry.seen.contains { $0.path.hasSuffix("\(MadeImage.attestation(name).digest)") })
        }
        await registry.stop()
    }

    @Test("A digest that the registry lacks or lies about proves nothing")
    func unknown() async throws {
        let sibling = Self.sibling
        let promoted = Self.promoted
        let unknown = try await ScriptedRegistry.start(["latest": promoted])
        let lying = try await ScriptedRegistry.start(["latest": promoted]) { request in
            request.path.hasSuffix("\(sibling.digest)")
                ? .manifest(promoted.manifest, digest: "\(sibling.digest)") : nil
        }
        for registry in [unknown, lying] {
            let (ended, _) = try await run(serving: sibling.digest, in: registry)
            #expect(ended.conclusion?.verdict == .failedDeploy)
            #expect(ended.tracks[0].facts.build == .digestWrong)
            #expect(ended.conclusion?.exitCode == 20)
            await registry.stop()
        }
    }
}
