import Shared
import Testing

@testable import CollectorFixtures
@testable import Evidence
@testable import Reports
@testable import Verdict

/// The service's own answer to its agent's probe, compared with its image.
@Suite("What the service itself serves")
struct ServedTests {
    private static let url = "http://127.0.0.1:3000/api/buildinfo"

    private static func answer(
        _ outcome: ProbeResult.Outcome = .ok, _ gitSHA: Reported<GitSHA>? = nil, state: ServiceState = .serving,
        build: Build = .target
    ) -> Answer {
        let served = ProbeResult(url: url, outcome: outcome, status: outcome == .ok ? 200 : nil, gitSHA: gitSHA)
        var answer = Answer(build: build)
        answer.edit = { document in
            document.served = served
            document.state = state
        }
        return answer
    }

    private static func ended(
        _ answer: Answer, target: Target = .promoted, promotions: [Promotion] = .upToTarget
    ) -> Bench {
        var bench = Bench(policy: .short, target: target, promotions: promotions)
        bench.finish { _, _ in .answer(answer) }
        return bench
    }

    static let provingTable: [Reported<GitSHA>?] = [
        .known(.of("a")), .unusable("aaaaaaa"), .unusable("dev"), .unusable(""), .absent, nil,
    ]

    @Test(
        "A service that reports the promoted commit is proven, and so is one that reports none, as the reason notes",
        arguments: provingTable)
    func proving(said: Reported<GitSHA>?) {
        let bench = Self.ended(Self.answer(.ok, said))
        #expect(bench.exitCode == 0)
        let tells = said == .known(.of("a")) || said == .unusable("aaaaaaa")
        #expect(bench.reason().contains("does not tell its commit") == !tells)
    }

    @Test(
        "A service that did not answer its probe is never proven, whatever the document's state is",
        arguments: [ProbeResult.Outcome.refused, .timeout, .httpStatus, .notBuildinfo, .tooLarge, .other])
    func silent(outcome: ProbeResult.Outcome) {
        for target in [Target.promoted, .bySHA, .byDigest] {
            let bench = Self.ended(Self.answer(outcome), target: target)
            #expect(bench.status() == .starting)
            #expect(bench.exitCode == 10)
            #expect(!bench.history().contains(.converged))
            #expect(bench.reason().contains("did not answer its probe at \(Self.url)"))
            #expect(bench.reason().contains(": look at its logs"))
        }
    }

    @Test("A service that the agent calls unhealthy for its probe is a failed deploy, and the reason names the probe")
    func unhealthy() {
        let bench = Self.ended(Self.answer(.refused, state: .unhealthy))
        #expect(bench.status() == .failed)
        #expect(bench.exitCode == 20)
        #expect(bench.reason().contains("did not answer its probe at \(Self.url) (connection refused): "))
    }

    static let otherTable: [(Reported<GitSHA>, String)] = [
        (.known(.of("f")), "ffffffffffff"), (.unusable("fffffff"), "fffffff"),
        // The same digits as the promoted commit, and more.
        (GitSHA(contractText: String(repeating: "a", count: 64)).map(Reported.known) ?? .absent, "aaaaaaaaaaaa"),
    ]

    @Test(
        "A service that reports another commit than its image is a failed deploy, by commit and by digest",
        arguments: otherTable)
    func other(said: Reported<GitSHA>, shown: String) {
        for target in [Target.promoted, .bySHA, .byDigest] {
            let bench = Self.ended(Self.answer(.ok, said), target: target)
            #expect(bench.facts().build == .shaWrong)
            #expect(bench.status() == .failed)
            #expect(bench.exitCode == 20)
            #expect(
                bench.reason().hasPrefix("the service serves \(shown), its image says aaaaaaaaaaaa: restart it"),
                "\(bench.reason())")
            #expect(!bench.history().contains(.soaking))
        }
    }

    @Test("A commit in a failed answer contradicts, too")
    func otherAndFailed() {
        let bench = Self.ended(Self.answer(.httpStatus, .known(.of("f"))))
        #expect(bench.facts().build == .shaWrong)
        #expect(bench.exitCode == 20)
    }

    @Test(
        "A service that still reports an earlier promotion is late: a straggler at the deadline",
        arguments: [.known(.of("b")), .unusable("bbbbbbbb")] as [Reported<GitSHA>])
    func late(said: Reported<GitSHA>) {
        let bench = Self.ended(Self.answer(.ok, said))
        #expect(bench.facts().build == .behind)
        #expect(bench.status() == .straggler)
        #expect(bench.exitCode == 10)
        #expect(bench.reason().hasPrefix("the service serves bbbbbbbb"))

        var recovering = Bench(policy: .short)
        recovering.poll(1...20, Self.answer(.ok, said))
        #expect(recovering.status() == .pending)
        recovering.poll(21...59, Self.answer(.ok, .known(.of("a"))))
        #expect(recovering.exitCode == 0)
    }

    @Test("A service that goes back to an earlier promotion behind the right image is rolled back")
    func rolledBack() {
        var bench = Bench(policy: .short)
        bench.poll(1...7, Self.answer(.ok, .known(.of("a"))))
        #expect(bench.status() == .soaking)
        bench.poll(9...59, Self.answer(.ok, .known(.of("b"))))
        bench.advance(to: 60)
        #expect(bench.exitCode == 21)
        #expect(bench.reason().contains("went back to bbbbbbbbbbbb"))
    }

    @Test("A proof does not outlast a failed probe: the soak restarts")
    func interrupted() {
        var bench = Bench(policy: .short)
        bench.poll(1...9, Self.answer(.ok, .known(.of("a"))))
        bench.see(at: 10, Self.answer(.timeout))
        #expect(bench.status() == .starting)
        bench.poll(11...19, Self.answer(.ok, .known(.of("a"))))
        #expect(bench.verdict == nil)
        bench.poll(21...25, Self.answer(.ok, .known(.of("a"))))
        #expect(bench.exitCode == 0)
    }

    @Test("The image is judged first: a probe cannot make a wrong image right")
    func wrongImage() {
        for build in [Build.old, .foreign, .rebuilt, .mislabelled, .unlabelled] {
            let bench = Self.ended(Self.answer(.ok, .known(.of("a")), build: build))
            #expect(bench.exitCode != 0)
            #expect(!bench.history().contains(.converged))
        }
    }

    @Test("Evidence keeps what the service said, and replays to the same verdict")
    func replayed() throws {
        let answers: [Answer] = [
            Self.answer(.ok, .known(.of("f"))), Self.answer(.ok, .unusable("fffffff")), Self.answer(.refused),
            Self.answer(.ok, .unusable("dev")), Self.answer(.ok, .absent),
        ]
        for answer in answers {
            var policy = Policy.short
            policy.timeout = .seconds(8)
            policy.soak = .seconds(2)
            var verification = Verification(
                target: .promoted, hosts: [ExpectedHost(name: "host-0", url: "http://host-0/")], policy: policy,
                promotions: .upToTarget)
            var recording = Recording(verification)
            func take(_ input: Verification.Input) {
                recording.take(input, verification.take(input), by: verification)
            }
            take(.started)
            for second in 1..<9 where verification.conclusion == nil {
                let moment = Duration.seconds(second)
                take(.time(moment))
                take(.asked([0], at: moment))
                let nonce = "n\(second)"
                let document = answer.document(host: 0, nonce: nonce)
                take(
                    .sample(
                        Sample(
                            host: 0, askedAt: moment, answeredAt: moment, nonce: nonce, answer: .document(document))))
            }
            if verification.conclusion == nil { take(.time(policy.timeout)) }
            let conclusion = try #require(verification.conclusion)
            let outcome = try recording.replay(conclusion)
            #expect(outcome.report.exitCode == conclusion.exitCode)
            // A report leaves out advice that would spread a failed build.
            let reported = try #require(outcome.report.hosts.first?.reason)
            let text = verification.tracks[0].reason(at: conclusion.at, policy: policy).text
            #expect(text.sentence.hasPrefix(reported) || reported.hasPrefix("\(text.cause): find out why"))
            #expect(!reported.isEmpty)
        }
    }
}
