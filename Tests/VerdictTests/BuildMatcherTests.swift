import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// The rules that decide if two images are the same, and the facts for all other builds.
@Suite("Comparing builds")
struct BuildMatcherTests {
    private static let amd64 = Platform(os: "linux", architecture: "amd64")
    private static let arm64 = Platform(os: "linux", architecture: "arm64")

    private static func target(_ target: Target, knowing content: PromotedContent?) -> Target {
        var target = target
        target.content = content
        return target
    }

    /// D is an index with children for two platforms.
    private static let index = PromotedContent(
        isIndex: true,
        manifests: [
            .init(digest: .of("7"), platform: amd64, config: .of("8")),
            .init(digest: .of("9"), platform: arm64, config: .of("0")),
        ])

    private func fact(
        _ answer: Answer, _ target: Target = .promoted, _ promotions: [Promotion] = .upToTarget
    ) -> BuildFact {
        let document = answer.document(host: 0, nonce: "")
        return BuildMatcher(target: target, promotions: promotions, lookups: DigestLookups()).match(
            BuildEvidence(document)
        ).fact
    }

    private static func config(_ digit: Character, sha: Character = "a") -> Build {
        Build(
            gitSHA: .known(.of(sha)),
            digests: [DigestEvidence(digest: .of(digit), kind: .config, source: .containerImage)],
            origin: .none)
    }

    @Test(
        "A build is compared by commit and digest",
        arguments: [
            (Build.target, BuildFact.match), (.old, .behind), (.next, .foreign), (.foreign, .foreign),
            (.rebuilt, .digestWrong), (.mislabelled, .shaWrong), (.local, .unidentified), (.unlabelled, .unidentified),
        ])
    func byBoth(build: Build, expected: BuildFact) {
        #expect(fact(Answer(build: build)) == expected)
    }

    @Test(
        "A build is compared by its commit alone where no digest was asked for",
        arguments: [
            (Build.target, BuildFact.matchSHA), (.old, .behind), (.rebuilt, .matchSHA), (.local, .matchSHA),
            (.mislabelled, .behind), (.foreign, .foreign), (.unlabelled, .unidentified),
        ])
    func bySHA(build: Build, expected: BuildFact) {
        // The digest of `mislabelled` belongs to generation 2, and a target without a generation is not in the ledger.
        #expect(fact(Answer(build: build), .bySHA) == expected)
    }

    @Test(
        "A build is compared by its digest alone where no commit was asked for",
        arguments: [
            (Build.target, BuildFact.match), (.old, .behind), (.rebuilt, .foreign), (.local, .unidentified),
            (.mislabelled, .match), (.foreign, .foreign), (.unlabelled, .unidentified),
        ])
    func byDigest(build: Build, expected: BuildFact) {
        #expect(fact(Answer(build: build), .byDigest, [.first]) == expected)
    }

    @Test("A later promotion is ahead, and an earlier one behind, by commit or by digest")
    func generations() {
        #expect(fact(Answer(build: .next), .promoted, .upToSuccessor) == .ahead)
        #expect(fact(Answer(build: Build(sha: "f", digest: "3")), .promoted, .upToSuccessor) == .ahead)
        #expect(fact(Answer(build: Build(sha: "c", digest: "f")), .promoted, .upToSuccessor) == .ahead)
        #expect(fact(Answer(build: Build(sha: "b", digest: "f")), .promoted, .upToSuccessor) == .behind)
        #expect(fact(Answer(build: Build(sha: "f", digest: "f").with(sha: "d"), tagMoved: true)) == .behind)
    }

    @Test(
        "An index is matched through the host's platform only",
        arguments: [
            ("7", "linux/amd64", BuildFact.matchPlatform), ("7", "linux/x86_64", .matchPlatform),
            ("7", "linux/arm64", .digestWrong), ("9", "linux/arm64/v8", .matchPlatform),
            ("9", "linux/amd64", .digestWrong),
            ("7", nil, .digestWrong), ("1", "linux/riscv64", .match), ("7", "nonsense", .digestWrong),
        ] as [(Character, String?, BuildFact)])
    func platforms(digest: Character, platform: String?, expected: BuildFact) {
        let answer = Answer(build: Build(sha: "a", digest: digest), platform: platform)
        #expect(fact(answer, Self.target(.promoted, knowing: Self.index)) == expected)
    }

    @Test("A child of the index proves nothing where the index's bytes are not known")
    func unknownIndex() {
        #expect(fact(Answer(build: Build(sha: "a", digest: "7"))) == .digestWrong)
    }

    @Test("The configuration of the host's platform is the same image, and that of another is not")
    func configurations() {
        let target = Self.target(.promoted, knowing: Self.index)
        #expect(fact(Answer(build: Self.config("8")), target) == .matchConfig)
        #expect(fact(Answer(build: Self.config("0")), target) == .digestWrong)
        #expect(fact(Answer(build: Self.config("0"), platform: "linux/arm64"), target) == .matchConfig)
        #expect(fact(Answer(build: Self.config("8", sha: "b")), target) == .shaWrong)
        let single = PromotedContent(isIndex: false, manifests: [.init(digest: .of("1"), config: .of("8"))])
        #expect(fact(Answer(build: Self.config("8")), Self.target(.byDigest, knowing: single)) == .matchConfig)
    }

    @Test("An equal digest is the same image, although the engine forgot its registry")
    func forgotten() {
        var build = Build.target
        build.origin = .none
        #expect(fact(Answer(build: build)) == .match)
        #expect(fact(Answer(build: build), Self.target(.byDigest, knowing: Self.index)) == .match)
        build.digests[0].digest = .of("5")
        #expect(fact(Answer(build: build)) == .unidentified)
    }

    @Test("A digest of the configuration is never taken for one of the registry")
    func configAsTarget() {
        var build = Self.config("1")
        #expect(fact(Answer(build: build)) == .unidentified)
        build.origin = .registry
        build.digests.append(DigestEvidence(digest: .of("5"), kind: .manifest, source: .imageRepoDigests))
        let matcher = BuildMatcher(target: .promoted, promotions: [], lookups: DigestLookups())
        let comparison = matcher.match(BuildEvidence(Answer(build: build).document(host: 0, nonce: "")))
        #expect(comparison == BuildComparison(fact: .digestWrong, detail: .promotedIsConfigDigest))
    }

    @Test("Every instance must match; where they differ, the host is mixed")
    func instances() {
        func fact(_ builds: Build...) -> BuildFact {
            self.fact(Answer(build: builds[0], others: builds.dropFirst().map { Answer(build: $0) }))
        }
        #expect(fact(.target, .target) == .match)
        #expect(fact(.target, .old) == .mixed)
        #expect(fact(.old, .target) == .mixed)
        #expect(fact(.target, .rebuilt) == .mixed)
        #expect(fact(.target, .unlabelled) == .mixed)
        #expect(fact(.old, .old) == .behind)
        #expect(fact(.old, .foreign) == .mixed)
        #expect(fact(.foreign, Build(sha: "f", digest: "f")) == .mixed)
        #expect(fact(.rebuilt, .rebuilt) == .digestWrong)
    }

    @Test("The least direct proof of several instances speaks for the host")
    func weakest() {
        let answer = Answer(others: [Answer(build: Build(sha: "a", digest: "7"))])
        #expect(fact(answer, Self.target(.promoted, knowing: Self.index)) == .matchPlatform)
    }

    @Test("An answer whose summary contradicts its instances does not match")
    func contradictions() {
        let target = Target.promoted
        #expect(fact(Answer(edit: { $0.gitSHA = .known(.of("b")) }), target) == .behind)
        #expect(fact(Answer(edit: { $0.gitSHA = .known(.of("f")) }), target) == .foreign)
        #expect(fact(Answer(edit: { $0.gitSHA = .absent }), target) == .unidentified)
        #expect(fact(Answer(edit: { $0.gitSHA = .unusable("dev") }), .bySHA) == .unidentified)
        #expect(fact(Answer(edit: { $0.digest = .known(.of("f")) }), target) == .digestWrong)
        #expect(fact(Answer(edit: { $0.digest = .known(.of("f")) }), .byDigest) == .foreign)
        // A tie between several digests is not a contradiction.
        #expect(fact(Answer(edit: { $0.digest = .absent }), target) == .match)
    }

    @Test("A summary cannot make up for an instance that does not match")
    func summaryAlone() {
        let edit: @Sendable (inout Document) -> Void = {
            $0.gitSHA = .known(.of("a"))
            $0.digest = .known(.of("1"))
        }
        #expect(fact(Answer(build: .old, edit: edit)) == .behind)
        #expect(fact(Answer(build: .rebuilt, edit: edit)) == .digestWrong)
        #expect(fact(Answer(build: .unlabelled, edit: edit)) == .unidentified)
    }

    @Test("Commits compare in full and in any case")
    func upperCase() throws {
        let upper = String(repeating: "A", count: 40)
        let sha = try GitSHA(parsing: upper)
        #expect(fact(Answer(build: Build(gitSHA: .known(sha), digests: Build.target.digests))) == .match)
    }

    @Test("A service without an instance matches nothing")
    func noInstance() {
        #expect(fact(Answer(state: .absent)) == .unidentified)
        #expect(fact(Answer(state: .absent, edit: { $0.gitSHA = .known(.of("a")) }), .bySHA) == .unidentified)
    }
}

extension Build {
    func with(sha: Character) -> Build {
        var copy = self
        copy.gitSHA = .known(.of(sha))
        return copy
    }
}
