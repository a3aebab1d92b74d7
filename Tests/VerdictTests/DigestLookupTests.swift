import Shared
import Testing

@testable import CollectorFixtures
@testable import Evidence
@testable import Reports
@testable import Verdict

/// A host digest that is another index of the promoted image: the registry is queried, and its answer is one more input.
@Suite("Learning what a digest is")
struct DigestLookupTests {
    private static let amd64 = Platform(os: "linux", architecture: "amd64")
    private static let arm64 = Platform(os: "linux", architecture: "arm64")
    private static let content = PromotedContent(
        isIndex: true, manifests: [.init(digest: .of("7"), platform: amd64), .init(digest: .of("9"), platform: arm64)])
    /// The same manifests with other attestations.
    private static let sibling = DigestLookup(digest: .of("5"), content: content)

    private static func bench(
        _ count: Int = 1, learns: Bool = true, content: PromotedContent? = content, target: Target = .promoted
    ) -> Bench {
        var target = target
        target.content = content
        return Bench(count, policy: .short, target: target, learnsImages: learns)
    }

    /// The digests that the state machine asked the registry about.
    private static func questions(_ bench: Bench) -> [Digest] {
        bench.actions.compactMap { if case .learn(let digest) = $0 { digest } else { nil } }
    }

    @Test("A digest that is not the promoted one is asked for once, however often and by whomever it is seen")
    func asksOnce() {
        var bench = Self.bench(3)
        bench.poll(1...9, Answer(build: .rebuilt))
        #expect(Self.questions(bench) == [.of("5")])
        #expect(bench.status() == .pending)
        #expect(bench.reason().contains("asking the registry"))
    }

    @Test("Another index of the same manifest proves the host, through its soak, as match_index")
    func wrapped() {
        var bench = Self.bench()
        bench.poll(1...9, Answer(build: .rebuilt))
        #expect(bench.status() == .pending)
        bench.learn(Self.sibling, at: 9.5)
        #expect(bench.facts().build == .matchIndex)
        #expect(bench.status() == .soaking)
        bench.poll(11...50, Answer(build: .rebuilt))
        #expect(bench.verdict == .converged)
        #expect(bench.reason().contains("another index of the same image"))
    }

    @Test("So it is where a single manifest was promoted, and the host has an index around it")
    func wrappedManifest() {
        let single = PromotedContent(isIndex: false, manifests: [.init(digest: .of("1"), platform: Self.amd64)])
        let around = PromotedContent(isIndex: true, manifests: [.init(digest: .of("1"), platform: Self.amd64)])
        var bench = Self.bench(content: single)
        bench.poll(1...3, Answer(build: .rebuilt))
        bench.learn(DigestLookup(digest: .of("5"), content: around), at: 3.5)
        #expect(bench.facts().build == .matchIndex)
    }

    static let others: [(String, PromotedContent)] = [
        (
            "only another platform's manifest is the same",
            .init(
                isIndex: true,
                manifests: [.init(digest: .of("6"), platform: amd64), .init(digest: .of("9"), platform: arm64)])
        ),
        (
            "the manifest is there for another platform",
            .init(isIndex: true, manifests: [.init(digest: .of("7"), platform: arm64)])
        ),
        ("the manifest is there for no platform", .init(isIndex: true, manifests: [.init(digest: .of("7"))])),
        ("it is not an index", .init(isIndex: false, manifests: [.init(digest: .of("7"), platform: amd64)])),
        ("it is empty", .init(isIndex: true, manifests: [])),
    ]

    @Test("What has not the same manifest for the host's platform stays a wrong digest, and fails", arguments: others)
    func notWrapped(name: String, content: PromotedContent) {
        var bench = Self.bench()
        bench.poll(1...3, Answer(build: .rebuilt))
        bench.learn(DigestLookup(digest: .of("5"), content: content), at: 3.5)
        #expect(bench.facts().build == .digestWrong)
        bench.poll(5...30, Answer(build: .rebuilt))
        #expect(bench.verdict == .failedDeploy)
        #expect(!bench.reason().contains("--index would tell"))
    }

    @Test("A host that reports no platform is not proven by it")
    func noPlatform() {
        var bench = Self.bench()
        bench.poll(1...3, Answer(build: .rebuilt, platform: nil))
        #expect(Self.questions(bench).isEmpty)
        #expect(bench.facts().build == .digestWrong)
    }

    @Test("A failed lookup proves nothing: the host fails as before, and the reason explains why")
    func trouble() {
        var bench = Self.bench()
        bench.poll(1...9, Answer(build: .rebuilt))
        #expect(bench.verdict == nil)
        bench.learn(DigestLookup(digest: .of("5"), failure: "the registry is away"), at: 9.5)
        #expect(bench.facts().build == .digestWrong)
        bench.poll(11...30, Answer(build: .rebuilt))
        #expect(bench.verdict == .failedDeploy)
        #expect(bench.reason().contains("the registry is away"))
    }

    @Test("An answer that never comes does not make green: at the deadline it is a wrong digest")
    func noAnswer() {
        var bench = Self.bench()
        bench.finish { _, _ in .answer(Answer(build: .rebuilt)) }
        #expect(bench.status() == .failed)
        #expect(bench.exitCode == 20)
    }

    @Test("Nothing is asked without a registry, without content, for another commit, or for what the ledger knows")
    func asksNothing() {
        for (bench, answer) in [
            (Self.bench(learns: false), Answer(build: .rebuilt)), (Self.bench(content: nil), Answer(build: .rebuilt)),
            (Self.bench(), Answer(build: .foreign)), (Self.bench(), .old), (Self.bench(), Answer()),
            (Self.bench(), Answer(build: .local)), (Self.bench(), Answer(build: Build(sha: "a", digest: "2"))),
        ] {
            var bench = bench
            bench.poll(1...3, answer)
            #expect(Self.questions(bench).isEmpty)
        }
    }

    @Test("By digest alone, what is not the promoted one is asked for, too")
    func byDigest() {
        var bench = Self.bench(target: .byDigest)
        bench.poll(1...3, Answer(build: .rebuilt))
        bench.learn(Self.sibling, at: 3.5)
        bench.poll(5...30, Answer(build: .rebuilt))
        #expect(bench.verdict == .converged)
    }

    @Test("Hosts that make up digests cause a limited number of questions")
    func limit() {
        var bench = Self.bench(50)
        bench.poll(1...1) { host, _ in
            var build = Build.rebuilt
            build.digests[0].digest = .made("digest \(host)")
            return .answer(Answer(build: build))
        }
        #expect(Self.questions(bench).count == DigestLookups.limit)
        #expect(bench.reason(49).contains("wrong image"))
    }

    @Test("An answer that was not requested is not used")
    func unasked() {
        var bench = Self.bench()
        bench.learn(Self.sibling, at: 0.5)
        bench.poll(1...3, Answer(build: .rebuilt))
        #expect(bench.facts().build == .digestWrong)
    }

    @Test("Every instance has to match: one that is not among what was learned makes the host mixed")
    func mixed() {
        var bench = Self.bench()
        let answer = Answer(build: .rebuilt, others: [Answer(build: Build(sha: "a", digest: "6"), container: "c2")])
        bench.poll(1...3, answer)
        #expect(Self.questions(bench) == [.of("5"), .of("6")])
        bench.learn(Self.sibling, at: 3.5)
        #expect(bench.facts().build == .mixed)
    }

    @Test("Evidence of a lookup replays to the same statuses and verdict, and not without its line")
    func replays() throws {
        var target = Target.promoted
        target.content = Self.content
        var verification = Verification(
            target: target, hosts: [ExpectedHost(name: "host-0", url: "http://host-0/")], policy: .short,
            promotions: .upToTarget, learnsImages: true)
        var recording = Recording(verification, learnsImages: true)
        func take(_ input: Verification.Input) {
            let actions = verification.take(input)
            recording.take(input, actions, by: verification)
        }
        take(.started)
        for second in 1..<40 where verification.conclusion == nil {
            let moment = Duration.seconds(second)
            take(.asked([0], at: moment))
            if second == 3 { take(.learned(Self.sibling, at: moment)) }
            let finding = Sample.Answer.document(Answer(build: .rebuilt).document(host: 0, nonce: "n\(second)"))
            take(
                .sample(
                    Sample(host: 0, askedAt: moment, answeredAt: moment, nonce: "n\(second)", answer: finding)))
        }
        let conclusion = try #require(verification.conclusion)
        #expect(conclusion.verdict == .converged)
        #expect(recording.lines.contains { $0.kind == .learned })
        let outcome = try recording.replay(conclusion)
        #expect(
            try ReportFormat.json.render(outcome.report)
                == ReportFormat.json.render(recording.report(verification, conclusion)))
        let without = recording.lines.filter { $0.kind != .learned } + [.verdict(.init(conclusion, notes: ["a note"]))]
        #expect(throws: EvidenceError.self) {
            try Replay.run(EvidenceReader(try Recording.file(without), named: "e.ndjson"))
        }
    }
}

extension Digest {
    static func made(_ text: String) -> Digest {
        guard let digest = Digest(sha256: SHA256.hash(Array(text.utf8))) else { preconditionFailure("a hash") }
        return digest
    }
}
