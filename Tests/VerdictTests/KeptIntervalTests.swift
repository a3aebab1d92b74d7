import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

@Suite("Freshness follows the interval that is kept")
struct KeptIntervalTests {
    private static func verification(_ hosts: Int = 1, interval: Duration = .seconds(2)) -> Verification {
        Verification(
            target: .bySHA, hosts: (0..<hosts).map { ExpectedHost(name: "host-\($0)", url: "http://host-\($0)") },
            policy: Policy(timeout: .seconds(600), interval: interval, soak: .seconds(10)))
    }

    private static func answer(_ host: Int = 0, at moment: Duration) -> Verification.Input {
        .sample(
            Sample(
                host: host, askedAt: moment, answeredAt: moment, nonce: "n",
                answer: .document(Answer().document(host: host, nonce: "n"))))
    }

    @Test("An answer is stale after three of the intervals that are kept", arguments: [2, 5, 20])
    func stale(kept: Int) {
        var verification = Self.verification()
        _ = verification.take(.started)
        _ = verification.take(Self.answer(at: .zero))
        _ = verification.take(.paced(interval: .seconds(kept), at: .zero))
        _ = verification.take(.time(.seconds(kept * 3)))
        #expect(verification.tracks[0].status == .soaking)
        _ = verification.take(.time(.seconds(kept * 3) + .seconds(1)))
        #expect(verification.tracks[0].status == .unreachable)
    }

    @Test("Answers further apart than the freshness do not extend a proof, and nearer ones do", arguments: [2, 20])
    func proof(kept: Int) {
        var verification = Self.verification()
        _ = verification.take(.started)
        _ = verification.take(.paced(interval: .seconds(kept), at: .zero))
        _ = verification.take(Self.answer(at: .zero))
        _ = verification.take(Self.answer(at: .seconds(15)))
        #expect((verification.conclusion?.verdict == .converged) == (kept == 20))
    }

    @Test("An interval below the policy's does not make answers stale sooner")
    func shorter() {
        // Above the two seconds that an interval counts as at least.
        var verification = Self.verification(interval: .seconds(10))
        _ = verification.take(.started)
        _ = verification.take(Self.answer(at: .zero))
        _ = verification.take(.paced(interval: .milliseconds(1), at: .zero))
        _ = verification.take(.time(.seconds(25)))
        #expect(verification.tracks[0].status == .soaking)
        #expect(verification.longestInterval == .seconds(10))
    }

    @Test("A stretched interval never hides a host that stopped answering")
    func silent() {
        var verification = Self.verification(2)
        _ = verification.take(.started)
        _ = verification.take(.paced(interval: .seconds(60), at: .zero))
        for moment in [0, 6, 12] as [Int64] { _ = verification.take(Self.answer(0, at: .seconds(moment))) }
        #expect(verification.tracks[0].status == .converged)
        _ = verification.take(
            .sample(
                Sample(
                    host: 0, askedAt: .seconds(12), answeredAt: .seconds(13), nonce: "n",
                    answer: .unusable(.refused, detail: "connection refused"))))
        for moment in [2, 8, 14] as [Int64] { _ = verification.take(Self.answer(1, at: .seconds(moment))) }
        #expect(verification.tracks[1].status == .converged)
        #expect(verification.conclusion == nil)
    }

    @Test("A repeated document is the last one with other times, and means nothing without one")
    func repeated() {
        var (whole, short) = (Self.verification(), Self.verification())
        let repeated = RepeatedDocument(nonce: "n", ageSeconds: 0, observedAt: "2026-01-01T00:00:00Z")
        for (second, isFirst) in [(0, true), (5, false), (11, false)] as [(Int64, Bool)] {
            let full = Self.answer(at: .seconds(second))
            _ = whole.take(full)
            guard case .sample(var sample) = full else { return }
            if !isFirst { sample.answer = .repeated(repeated) }
            _ = short.take(.sample(sample))
        }
        #expect(whole.conclusion?.verdict == .converged)
        #expect(short.conclusion == whole.conclusion)
        #expect(short.tracks[0].transitions == whole.tracks[0].transitions)
        var (empty, failed) = (Self.verification(), Self.verification())
        _ = empty.take(
            .sample(
                Sample(host: 0, askedAt: .zero, answeredAt: .zero, nonce: "n", answer: .repeated(repeated))))
        #expect(empty.tracks[0].evidence == nil)
        #expect(!empty.tracks[0].facts.build.isMatch)
        // Nor after an answer of another kind.
        _ = failed.take(Self.answer(at: .zero))
        for (second, answer) in [
            (1, .unusable(.httpStatus, detail: "answered HTTP 500")), (2, .repeated(repeated)),
        ] as [(Int64, Sample.Answer)] {
            let moment = Duration.seconds(second)
            _ = failed.take(
                .sample(Sample(host: 0, askedAt: moment, answeredAt: moment, nonce: "n", answer: answer)))
        }
        #expect(!failed.tracks[0].facts.build.isMatch)
    }
}
