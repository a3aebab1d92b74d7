import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// The early end of a verification whose other hosts are proven or tolerated.
struct RestToleratedTests {
    private static let policy = Policy(
        timeout: .seconds(600), soak: .seconds(10), stall: .seconds(600), maxUnreachable: .hosts(1),
        maxFailed: .hosts(1))

    @Test(
        "A dead host that is tolerated does not cost the whole timeout",
        arguments: [RequestOutcome.refused, .timeout, .httpStatus, .notBuildinfo])
    func deadHost(_ reach: RequestOutcome) throws {
        var bench = Bench(3, policy: Self.policy)
        bench.poll(1...60) { host, _ in host == 2 ? .none(reach) : .answer(Answer()) }
        bench.advance(to: 61)
        #expect(bench.verdict == .convergedTolerated)
        #expect(bench.exitCode == 0)
        let end = try #require(bench.endedAt)
        #expect(end >= 10 && end <= 15)
    }

    @Test("A host that hangs, and has answered nothing at all, is unreachable and tolerated after a soak")
    func hangingHost() {
        var bench = Bench(2, policy: Self.policy)
        for moment in stride(from: 1.0, through: 15, by: 1) {
            bench.advance(to: moment)
            if moment == 1 { bench.ask(1, at: 1) }
            bench.see(0, at: moment, Answer())
        }
        bench.advance(to: 16)
        #expect(bench.verdict == .convergedTolerated)
        #expect(bench.status(1) == .unreachable)
    }

    @Test("A host that is merely behind is waited for, although it is tolerated")
    func lateHost() {
        var policy = Self.policy
        policy.maxStragglers = .hosts(1)
        var bench = Bench(3, policy: policy)
        bench.poll(1...120) { host, _ in .answer(host == 2 ? Answer.old : Answer()) }
        #expect(bench.verdict == nil)
        #expect(bench.status(2) == .pending)
    }

    @Test("A host that just fell silent is waited for: it may be restarting")
    func blinkingHost() {
        var bench = Bench(2, policy: Self.policy)
        bench.poll(1...60) { host, moment in
            host == 1 && Int(moment / 6) % 2 == 0 ? .none(.refused) : .answer(Answer())
        }
        #expect(bench.verdict == nil)
    }

    @Test("Nothing ends early below the least number of proven hosts, or beyond what is tolerated")
    func limits() {
        var policy = Self.policy
        policy.minProven = .hosts(3)
        var short = Bench(3, policy: policy)
        short.poll(1...120) { host, _ in host == 2 ? .none(.refused) : .answer(Answer()) }
        #expect(short.verdict == nil)

        var many = Bench(3, policy: Self.policy)
        many.poll(1...120) { host, _ in host > 0 ? .none(.refused) : .answer(Answer()) }
        #expect(many.verdict == nil)
    }
}
