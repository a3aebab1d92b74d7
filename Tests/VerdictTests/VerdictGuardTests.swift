import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// Tests for guards of the verdict that no scenario covers by itself; `Tests/Guards` removes each guard once.
@Suite("Guards of the verdict")
struct VerdictGuardTests {
    @Test("A host without an agent that echoes a nonce at all has to echo this request's")
    func plainNonce() {
        func status(_ nonce: String?) -> HostStatus? {
            var verification = Verification(
                target: .bySHA, hosts: [ExpectedHost(name: "host-0", url: "http://host-0/")], policy: .short)
            let answer = PlainAnswer(gitSHA: .known(.of("a")), nonce: nonce)
            _ = verification.take(
                .sample(
                    Sample(
                        host: 0, askedAt: .seconds(1), answeredAt: .seconds(1), nonce: "this", answer: .plain(answer))))
            return verification.tracks.first?.status
        }
        #expect(status("another") == .conflict)
        #expect(status("this") == .soaking)
        #expect(status(nil) == .soaking)
    }

    @Test(
        "A host that changes its status without end keeps its first and its latest changes, and no more than the limit")
    func transitions() {
        var policy = Policy.short
        policy.timeout = .seconds(100_000)
        policy.stall = .seconds(100_000)
        var bench = Bench(policy: policy)
        bench.poll(1...5_000) { _, moment in
            Int(moment) / 2 % 2 == 0 ? .none(.refused) : .answer(.old)
        }
        let transitions = bench.verification.tracks[0].transitions
        #expect(transitions.count == HostTracker.maximumTransitions)
        #expect(transitions.first.map { $0.at < .seconds(10) } == true)
        #expect(transitions.last.map { $0.at > .seconds(4_990) } == true)
    }

    @Test("An agent that cannot read its engine, and names no container, is blind and not empty")
    func blindAndEmpty() {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in
            .answer(Answer(state: .unknown, reason: "permission denied", edit: { $0.instances = [] }))
        }
        #expect(bench.status() == .agentError)
        #expect(bench.reason().contains("permission denied"))
        #expect(bench.exitCode == 30)
    }

    @Test("Two answers that may rest on one look at the engine are one piece of evidence, even without a soak")
    func oneLook() {
        var policy = Policy.short
        policy.soak = .zero
        var bench = Bench(policy: policy)
        bench.see(at: 2, Answer())
        // Sent before the first answer arrived: both might report the same observation.
        bench.see(at: 3, latency: 2, .answer(Answer()))
        #expect(bench.status() == .soaking)
        #expect(bench.verdict == nil)
        bench.see(at: 4, Answer())
        #expect(bench.status() == .converged)
    }

    @Test("Of two hosts behind one URL, the one that answers last does not decide")
    func twoBehindOne() {
        var bench = Bench(policy: .short)
        bench.finish { _, moment in
            let isOther = Int(moment) / 2 % 3 == 1
            return .answer(Answer(hostID: isOther ? "another-id" : "host-id-0"))
        }
        // The last answer came from the right host.
        #expect(bench.status() == .conflict)
        #expect(bench.exitCode == 60)
    }

    @Test("An id that the inventory gives to another host proves nothing, even while that one is out of reach")
    func idOfAnother() {
        var policy = Policy.short
        policy.maxUnreachable = .hosts(1)
        var bench = Bench(2, policy: policy) { $0[0].id = "host-id-0" }
        bench.finish { host, _ in host == 0 ? .none(.timeout) : .answer(Answer(hostID: "host-id-0")) }
        #expect(bench.status(1) == .conflict)
        #expect(bench.facts(1).identity == .duplicate)
        #expect(bench.exitCode == 60)
    }
}
