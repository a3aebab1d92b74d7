import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// The conditions of a proof: nonce, identity, age, soak, instances.
@Suite("Proof of one host")
struct ProofTests {
    @Test("A host that serves the target is proven after the soak, and the verification ends there")
    func soak() {
        var bench = Bench()
        bench.poll(1...10.9, Answer())
        #expect(bench.status() == .soaking)
        bench.poll(11...11, Answer())
        #expect(bench.status() == .converged)
        #expect(bench.verdict == .converged)
        #expect(bench.endedAt == 11)
    }

    @Test("Two different observations are needed even without a soak")
    func twoLooks() {
        var bench = Bench(policy: Policy(soak: .zero))
        bench.see(at: 1, Answer())
        #expect(bench.status() == .soaking)
        // The same observation again, a second later.
        bench.see(at: 2, Answer(age: 1))
        #expect(bench.status() == .soaking)
        bench.see(at: 3, Answer())
        #expect(bench.verdict == .converged)
    }

    @Test("The latency of a slow answer is not part of the soak")
    func slowAnswer() {
        var bench = Bench(policy: Policy(requestTimeout: .seconds(20), soak: .seconds(3)))
        bench.see(at: 1, Answer())
        // Sent at once and answered after four seconds: the observation might be that old.
        bench.see(at: 5, latency: 3.9, .answer(Answer()))
        #expect(bench.status() == .soaking)
        bench.see(at: 9, latency: 3.9, .answer(Answer()))
        #expect(bench.status() == .converged)
    }

    @Test("What an agent saw before the start counts for nothing")
    func beforeTheStart() {
        var bench = Bench(policy: .short)
        bench.see(at: 1, Answer(age: 1.1))
        #expect(bench.status() == .pending)
        #expect(bench.facts().build == .unknown)
        bench.advance(to: 60)
        #expect(bench.status() == .unverifiable)
        #expect(bench.exitCode == 30)
    }

    @Test(
        "An agent whose last observation is more than 60 seconds old has lost its engine",
        arguments: [(60.0, false), (60.1, true)])
    func maximumAge(age: Double, isLost: Bool) {
        var bench = Bench()
        bench.see(at: 100, Answer(age: age))
        #expect((bench.facts().build == .unknown) == isLost)
        // Up to a minute it is evidence, but too old to prove anything.
        #expect(bench.status() == .agentError)
        #expect(bench.hostReason().code == (isLost ? .sourceLost : .sourceStale))
    }

    @Test("A negative age is refused: it would put an observation into the future")
    func negativeAge() {
        var bench = Bench()
        bench.see(at: 1, Answer())
        bench.see(at: 2, Answer(age: -1))
        #expect(bench.status() == .agentError)
        #expect(bench.verdict == nil)
    }

    @Test("A fact that is older than three intervals proves nothing")
    func staleness() {
        var bench = Bench(2)
        bench.poll(1...11) { host, _ in host == 0 ? .answer(Answer()) : .answer(.old) }
        #expect(bench.status(0) == .converged)
        bench.advance(to: 17)
        #expect(bench.status(0) == .converged)
        bench.advance(to: 17.6)
        #expect(bench.status(0) != .converged)
        #expect(bench.verification.proven(at: .seconds(17.6)) == 0)
    }

    @Test("Two proving answers that lie further apart than a fact stays fresh are no unbroken run")
    func gap() {
        var bench = Bench()
        for moment in [1.0, 8, 15, 22] {
            bench.see(at: moment, Answer())
            #expect(bench.status() == .soaking)
        }
    }

    @Test("A lost request does not break the soak, and an answer that shows something else does")
    func interruptions() {
        var bench = Bench()
        bench.poll(1...11) { _, moment in moment == 5 ? .none(.timeout) : .answer(Answer()) }
        #expect(bench.verdict == .converged)
        #expect(bench.history() == [.soaking, .unreachable, .soaking, .converged])
        for seen in [
            Bench.Seen.none(.httpStatus), .answer(.old), .answer(Answer(state: .starting)),
            .answer(Answer(nonce: .missing)),
        ] {
            var broken = Bench()
            broken.poll(1...15) { _, moment in moment == 5 ? seen : .answer(Answer()) }
            #expect(broken.verdict == nil)
            #expect(!broken.history().contains(.converged))
        }
    }

    @Test("Another instance, another start or another restart starts the soak again")
    func otherInstances() {
        let changes: [(inout Answer) -> Void] = [
            { $0.container = "c2" }, { $0.startedAt = "2026-01-01T00:00:09Z" }, { $0.restarts = 1 },
            { $0.others = [Answer(container: "c2")] },
        ]
        for change in changes {
            var bench = Bench()
            bench.poll(1...9, Answer())
            bench.poll(11...19, Answer().with(change))
            #expect(bench.status() == .soaking)
            #expect(bench.verdict == nil)
            bench.poll(21...21, Answer().with(change))
            #expect(bench.verdict == .converged)
        }
    }

    @Test("Replicas that come one after the other are no crash loop")
    func replicas() {
        var bench = Bench()
        bench.poll(1...30) { _, moment in
            let more = (2...4).filter { Double($0) * 2 <= moment }.map { Answer(container: "c\($0)") }
            return .answer(Answer(others: more))
        }
        #expect(!bench.history().contains(.failed))
        #expect(bench.verdict == .converged)
    }

    @Test("An id that is not the inventory's, or not the first one, is another host's")
    func wrongHost() {
        var bench = Bench { $0[0].id = "host-id-expected" }
        bench.see(at: 1, Answer())
        #expect(bench.facts().identity == .wrongHost)
        #expect(bench.status() == .conflict)

        var changing = Bench()
        changing.see(at: 1, Answer())
        changing.see(at: 3, Answer(hostID: "another-host"))
        #expect(changing.facts().identity == .wrongHost)
        #expect(changing.status() == .conflict)
        changing.poll(5...15, Answer())
        #expect(changing.verdict == .converged)
    }

    @Test("A host that another answered for once gets its own id back, and both can be proven")
    func passingDuplicate() {
        var bench = Bench(2)
        bench.see(0, at: 1, Answer())
        bench.see(1, at: 1, Answer(hostID: "host-id-0"))
        #expect(bench.status(0) == .conflict)
        #expect(bench.status(1) == .conflict)
        bench.poll(3...2.9 + 12, Answer())
        #expect(bench.status(0) != .conflict)
        bench.poll(15...20, Answer())
        #expect(bench.verdict == .converged)
    }

    @Test("A host without an agent is proven by its commit alone, and by nothing where a digest or an id is asked for")
    func plain() {
        var bench = Bench(target: .bySHA)
        bench.poll(1...11) { _, _ in .plain(.known(.of("a"))) }
        #expect(bench.facts().build == .matchSHA)
        #expect(bench.facts().identity == .unknown)
        #expect(bench.verdict == .converged)

        for (target, id) in [(Target.promoted, nil), (.byDigest, nil), (.bySHA, "host-id-0")] {
            var unverifiable = Bench(policy: .short, target: target) { $0[0].id = id }
            unverifiable.finish { _, _ in .plain(.known(.of("a"))) }
            #expect(unverifiable.status() == .unverifiable)
            #expect(unverifiable.exitCode == 30)
        }
    }

    @Test("A document of another service is unverifiable")
    func otherService() {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in .answer(Answer(service: "worker")) }
        #expect(bench.status() == .unverifiable)
        #expect(bench.reason().contains("'worker'"))
        #expect(bench.exitCode == 30)
    }

    @Test("A serving summary does not make up for an instance that is not serving")
    func stateContradiction() {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in
            .answer(Answer(others: [Answer(state: .exited, container: "c2")], edit: { $0.state = .serving }))
        }
        #expect(bench.exitCode == 20)
        #expect(!bench.history().contains(.converged))
    }

    @Test("Answers that show a failure count in a row only")
    func failuresInARow() {
        var bench = Bench(policy: .short)
        bench.poll(1...11) { _, moment in
            .answer(Answer(state: Int(moment) % 6 == 5 ? .serving : .unhealthy))
        }
        #expect(!bench.history().contains(.failed))
        bench.poll(13...17, Answer(state: .unhealthy))
        #expect(bench.history().contains(.failed))
    }

    @Test("An agent that goes blind after failures is an agent error, not failed")
    func blindAfterFailure() {
        var policy = Policy.short
        policy.maxFailed = .hosts(1)
        var bench = Bench(policy: policy)
        bench.poll(1...7, Answer(build: .rebuilt))
        #expect(bench.status() == .failed)
        bench.see(at: 9, Answer(state: .unknown))
        #expect(bench.status() == .agentError)
    }

    @Test("An image that ran out of memory while it starts is a failure")
    func outOfMemory() {
        var bench = Bench()
        bench.poll(1...5, Answer(state: .starting, oomKilled: true))
        #expect(bench.status() == .failed)
        var slow = Bench()
        slow.poll(1...31, Answer(state: .starting))
        #expect(slow.status() == .starting)
    }

    @Test("A host that changes between match and not holds still before it counts")
    func flapping() {
        var bench = Bench()
        bench.poll(1...31) { _, moment in .answer(moment == 3 || moment == 7 ? .old : Answer()) }
        #expect(bench.history().contains(.flapping))
        #expect(bench.verdict == .converged)
        #expect(bench.endedAt.map { $0 > 23 } == true)
    }

    @Test("Mixed instances at the deadline are stragglers")
    func mixed() {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in .answer(Answer(others: [.old])) }
        #expect(bench.status() == .mixed)
        #expect(bench.exitCode == 10)
    }

    @Test("A host that is still starting, or soaking, at the deadline is a straggler for the exit code")
    func notThereYet() {
        var starting = Bench(policy: .short)
        starting.finish { _, _ in .answer(Answer(state: .starting)) }
        #expect(starting.status() == .starting)
        #expect(starting.exitCode == 10)
        var soaking = Bench(policy: .short)
        soaking.finish { _, moment in .answer(moment < 55 ? .old : Answer()) }
        #expect(soaking.status() == .soaking)
        #expect(soaking.exitCode == 10)
    }

    @Test("A host that was never answered is unreachable where it was asked, and pending where it was not")
    func neverAnswered() {
        var bench = Bench(2, policy: .short)
        let nothing = bench.verification.conclusion
        #expect(nothing == nil)
        bench.advance(to: 60)
        #expect(bench.status(0) == .pending)
        #expect(bench.exitCode == 10)
    }
}
