import Shared
import Testing

@testable import Collector

/// Guards of the verdict that no scenario needs by itself; `Tests/Guards` removes each of them once.
@Suite("Guards of the verdict")
struct VerdictGuardTests {
    @Test("A host without an agent that echoes a nonce at all has to echo this request's")
    func plainNonce() {
        func label(_ nonce: String?) -> HostLabel? {
            var verification = Verification(
                target: .bySHA, hosts: [ExpectedHost(name: "host-0", url: "http://host-0/")], policy: .short)
            _ = verification.start()
            _ = verification.observe(
                Sample(
                    host: 0, askedAt: .seconds(1), answeredAt: .seconds(1), nonce: "this",
                    finding: .plain(PlainAnswer(gitSHA: .known(.of("a")), nonce: nonce))))
            return verification.tracks.first?.label
        }
        #expect(label("another") == .conflict)
        #expect(label("this") == .soaking)
        #expect(label(nil) == .soaking)
    }

    @Test(
        "A host that changes its label without end keeps its first and its latest changes, and no more than the limit")
    func transitions() {
        var policy = Policy.short
        policy.timeout = .seconds(100_000)
        policy.stall = .seconds(100_000)
        var bench = Bench(policy: policy)
        bench.poll(1...5_000) { _, moment in
            Int(moment) / 2 % 2 == 0 ? .none(.refused) : .answer(.old)
        }
        let transitions = bench.verification.tracks[0].transitions
        #expect(transitions.count == HostTrack.maximumTransitions)
        #expect(transitions.first.map { $0.at < .seconds(10) } == true)
        #expect(transitions.last.map { $0.at > .seconds(4_990) } == true)
    }
}
