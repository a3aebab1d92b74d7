import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// The matrix of digests: the digests that each engine reports, by the history of an image, and what they prove if the
/// promoted image is known down to its configurations.
@Suite("Which digest is which")
struct DigestMatrixTests {
    /// D is index 1 with manifests 7 (amd64) and 9 (arm64), configurations 8 and 0; e is its attestation.
    private static let content = PromotedContent(
        isIndex: true,
        manifests: [
            .init(digest: .of("7"), platform: .init(os: "linux", architecture: "amd64"), config: .of("8")),
            .init(digest: .of("9"), platform: .init(os: "linux", architecture: "arm64"), config: .of("0")),
        ])

    private static func target(_ content: PromotedContent? = content) -> Target {
        var target = Target.promoted
        target.content = content
        return target
    }

    private func fact(
        _ digests: [DigestEvidence], _ origin: ImageEvidence.Origin, platform: String? = "linux/amd64",
        sha: Character = "a", tagMoved: Bool = false, target: Target = target()
    ) -> BuildFact {
        let build = Build(gitSHA: .known(.of(sha)), digests: digests, origin: origin)
        let answer = Answer(build: build, tagMoved: tagMoved, platform: platform)
        return BuildMatcher(target: target, promotions: .upToTarget, lookups: DigestLookups())
            .match(BuildEvidence(answer.document(host: 0, nonce: ""))).fact
    }

    private static func config(_ digit: Character) -> DigestEvidence {
        DigestEvidence(digest: .of(digit), kind: .config, source: .containerImage)
    }

    private static func repo(_ digit: Character) -> DigestEvidence {
        DigestEvidence(digest: .of(digit), kind: .indexOrManifest, source: .imageRepoDigests)
    }

    private static func image(_ digit: Character, _ kind: DigestEvidence.Kind = .indexOrManifest) -> DigestEvidence {
        DigestEvidence(digest: .of(digit), kind: kind, source: .containerImage)
    }

    @Test("Classic store: pulled by index, by manifest, loaded, committed, tampered with")
    func classic() {
        #expect(fact([Self.repo("1"), Self.config("8")], .registry) == .match)
        #expect(fact([Self.repo("7"), Self.config("8")], .registry) == .matchPlatform)
        #expect(fact([Self.repo("9"), Self.config("0")], .registry) == .digestWrong)
        // docker load: no registry digest, but the content is the promoted one.
        #expect(fact([Self.config("8")], .none) == .matchConfig)
        // docker commit onto the tag keeps the label.
        #expect(fact([Self.config("5")], .none) == .digestWrong)
        // Pulled from another registry, which made another index of the same content.
        #expect(fact([Self.repo("6"), Self.config("8")], .registry) == .matchConfig)
        #expect(fact([Self.repo("6"), Self.config("5")], .registry) == .digestWrong)
    }

    @Test("Containerd store: the index, the manifest, another image; made-up names prove nothing")
    func containerd() {
        #expect(fact([Self.image("1", .index), Self.image("7", .manifest)], .registry) == .match)
        #expect(fact([Self.image("7", .manifest)], .registry) == .matchPlatform)
        #expect(fact([Self.image("5", .index), Self.image("7", .manifest)], .registry) == .matchPlatform)
        #expect(fact([Self.image("5", .index), Self.image("6", .manifest)], .registry) == .digestWrong)
        // docker load: an own digest, and no configuration to compare. Nothing is known.
        #expect(fact([Self.image("5")], .none) == .unidentified)
    }

    @Test("Podman: configuration, manifest and index at once; one whose name went away")
    func podman() {
        #expect(fact([Self.repo("7"), Self.repo("1"), Self.config("8")], .registry) == .match)
        #expect(fact([Self.repo("7"), Self.config("8")], .registry) == .matchPlatform)
        #expect(fact([Self.config("8")], .none) == .matchConfig)
        #expect(fact([Self.config("5")], .none) == .digestWrong)
        // Pulled since, but not recreated: the running image has lost its names.
        #expect(fact([Self.config("5")], .none, sha: "b", tagMoved: true) == .behind)
    }

    @Test("An attestation and another platform's manifest never match, with a configuration or without")
    func neverMatching() {
        #expect(fact([Self.image("e", .manifest)], .registry) == .digestWrong)
        #expect(fact([Self.image("9", .manifest)], .registry) == .digestWrong)
        #expect(fact([Self.config("0")], .none) == .digestWrong)
        #expect(fact([Self.image("7", .manifest)], .registry, platform: nil) == .digestWrong)
        #expect(fact([Self.config("8")], .none, platform: nil) == .digestWrong)
        #expect(fact([Self.image("7", .manifest)], .registry, platform: "unknown/unknown") == .digestWrong)
        // A child without a known platform is for no host.
        let bare = PromotedContent(
            isIndex: true, manifests: [.init(digest: .of("7"), config: .of("8"))], isIncomplete: true)
        for platform in ["linux/amd64", nil] as [String?] {
            #expect(fact([Self.image("7")], .registry, platform: platform, target: Self.target(bare)) == .digestWrong)
            #expect(fact([Self.config("8")], .none, platform: platform, target: Self.target(bare)) == .digestWrong)
        }
    }

    @Test("The commit has to be right, too, whatever the digest proves")
    func commits() {
        for digests in [[Self.repo("1")], [Self.image("7", .manifest)], [Self.config("8")]] {
            #expect(fact(digests, .registry, sha: "f") == .shaWrong)
        }
    }

    @Test("An index that holds nothing for the host's platform is a wrong promotion, whatever the host serves now")
    func lacking() {
        func fact(_ platform: String, sha: Character, digest: Character) -> BuildFact {
            self.fact([Self.image(digest)], .registry, platform: platform, sha: sha)
        }
        #expect(fact("linux/riscv64", sha: "b", digest: "2") == .digestWrong)
        #expect(fact("linux/riscv64", sha: "f", digest: "f") == .digestWrong)
        #expect(fact("windows/amd64", sha: "a", digest: "5") == .digestWrong)
        // D itself is D, whatever runs it. A later promotion does not make ours wrong.
        #expect(fact("linux/riscv64", sha: "a", digest: "1") == .match)
        // Variants and the 32-bit form might run there.
        for platform in ["linux/arm/v7", "linux/386", "linux/amd64/v3", "linux/arm64/v9"] {
            #expect(fact(platform, sha: "b", digest: "2") == .behind, "\(platform)")
        }
        var incomplete = Self.content
        incomplete.isIncomplete = true
        #expect(
            self.fact(
                [Self.image("2")], .registry, platform: "linux/riscv64", sha: "b", target: Self.target(incomplete))
                == .behind)
    }

    @Test("Such a host fails the deployment, and its reason names the platform")
    func lackingEnds() {
        var bench = Bench(policy: .short, target: Self.target())
        let old = Answer(build: .old, platform: "linux/riscv64")
        bench.finish { _, _ in .answer(old) }
        #expect(bench.status() == .failed)
        #expect(bench.verdict == .failedDeploy)
        #expect(bench.exitCode == 20)
        #expect(bench.reason().contains("linux/riscv64"))
        #expect(bench.reason().contains("promote again"))
    }
}
