import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

@Suite("Standing checks") struct StandingTests {
    private static let policy = Policy(
        timeout: .seconds(60), interval: .seconds(15), soak: .seconds(10), stall: .seconds(30))

    @Test("A host is proven by the rules of a verification, and the check goes on")
    func proven() {
        var bench = Bench(2, policy: Self.policy, lateFrom: .zero)
        bench.poll(1...200, every: 15) { _, _ in .answer(Answer()) }
        #expect(bench.status(0) == .converged && bench.status(1) == .converged)
        #expect(bench.verification.proven(at: .seconds(196)) == 2)
        #expect(bench.verdict == nil)
        #expect(bench.history(0) == [.soaking, .converged])
    }

    @Test("Neither the deadline nor a stall, failures, conflicts or a newer promotion end it")
    func endless() {
        var bench = Bench(3, policy: Self.policy, lateFrom: .zero)
        bench.poll(1...400, every: 15) { host, _ in
            switch host {
            case 0: .answer(Answer(state: .exited))
            case 1: .none(.timeout)
            default: .answer(.old)
            }
        }
        bench.learn(
            [Promotion].upToTarget + [Promotion(generation: 99, gitSHA: Build.old.gitSHA.value, at: "")], at: 401)
        bench.advance(to: 500_000)
        #expect(bench.verdict == nil)
        #expect(bench.status(0) != .converged && bench.status(1) == .unreachable)
    }

    @Test("A fact that is older than three intervals proves nothing, although nobody says so")
    func stale() {
        var bench = Bench(1, policy: Self.policy, lateFrom: .zero)
        bench.poll(1...61, every: 15) { _, _ in .answer(Answer()) }
        #expect(bench.verification.proven(at: .seconds(61)) == 1)
        #expect(bench.verification.proven(at: .seconds(105)) == 1)
        #expect(bench.verification.proven(at: .seconds(107)) == 0)
        bench.advance(to: 107)
        #expect(bench.status() == .unreachable)
    }

    @Test("While the promotion is young, a host that is behind is pending; then it is a straggler")
    func late() {
        var bench = Bench(1, policy: Self.policy, lateFrom: .seconds(60))
        bench.see(at: 1, .old)
        #expect(bench.status() == .pending)
        bench.see(at: 59, .old)
        #expect(bench.status() == .pending)
        bench.see(at: 60, .old)
        #expect(bench.status() == .straggler)
    }

    @Test(
        "A host that goes back is not green from its first answer on, and rolled back at once when the promotion is old"
    )
    func drift() {
        for (lateFrom, status) in [(Duration.zero, HostStatus.rolledBack), (.seconds(1_000), .pending)] {
            var bench = Bench(1, policy: Self.policy, lateFrom: lateFrom)
            bench.poll(1...61, every: 15) { _, _ in .answer(Answer()) }
            #expect(bench.status() == .converged)
            bench.see(at: 62, .old)
            #expect(bench.status() == status)
            #expect(bench.verification.proven(at: .seconds(62)) == 0)
        }
    }

    @Test("A machine that replaces a host is in conflict, and is the host once it has answered alone for ten minutes")
    func replaced() {
        var bench = Bench(1, policy: Self.policy, lateFrom: .zero)
        bench.poll(1...61, every: 15) { _, _ in .answer(Answer()) }
        let successor = Answer().with { $0.hostID = "successor" }
        bench.poll(76...661, every: 15) { _, _ in .answer(successor) }
        #expect(bench.status() == .conflict)
        bench.see(at: 676, successor)
        #expect(bench.status() == .conflict, "one answer as the host proves nothing")
        bench.poll(691...721, every: 15) { _, _ in .answer(successor) }
        #expect(bench.status() == .converged)
        #expect(bench.history() == [.soaking, .converged, .conflict, .converged])
    }

    @Test("Two machines that answer in turns stay in conflict, and so does one that the inventory does not expect")
    func turns() {
        var bench = Bench(1, policy: Self.policy, lateFrom: .zero)
        let other = Answer().with { $0.hostID = "other" }
        bench.poll(1...2_000, every: 15) { _, moment in .answer(Int(moment) % 2 == 1 ? Answer() : other) }
        #expect(bench.verification.proven(at: .seconds(2_000)) == 0)
        bench.see(at: 2_001, other)
        #expect(bench.status() == .conflict)
        var expected = Bench(1, policy: Self.policy, lateFrom: .zero) { $0[0].id = "host-id-0" }
        expected.poll(1...2_000, every: 15) { _, _ in .answer(Answer().with { $0.hostID = "other" }) }
        #expect(expected.status() == .conflict)
    }

    @Test("A host that was not asked yet is pending, however old the promotion is")
    func notAsked() {
        var bench = Bench(1, policy: Self.policy, lateFrom: .zero)
        bench.ask(0, at: 1)
        bench.advance(to: 5)
        #expect(bench.status() == .pending)
        // An observation from before the start says nothing yet.
        bench.see(at: 6, Answer().with { $0.age = 30 })
        #expect(bench.status() == .pending)
    }
}
