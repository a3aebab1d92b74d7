import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// A state that existed before the verification and does not change never justifies a rollback; and time never runs
/// backwards.
@Suite("Evidence from before the start")
struct EarlierEvidenceTests {
    private static let longAgo = "2025-12-31T00:00:00Z"

    private static func stopped(_ edit: @escaping @Sendable (inout Instance) -> Void = { _ in }) -> Answer {
        Answer(state: .serving, others: [Answer(state: .exited, container: "c9", startedAt: longAgo)]) {
            edit(&$0.instances[1])
        }
    }

    @Test("Field 4: a stopped container beside a serving one that did nothing since the start fails no deploy")
    func leftover() {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in .answer(Self.stopped { $0.exitCode = 0 }) }
        #expect(!bench.history().contains(.failed))
        #expect(!bench.history().contains(.converged))
        #expect(bench.exitCode == 10)
    }

    @Test("Field 7: a stopped instance beside a serving one fails where its agent counts it, or where it crashed")
    func counted() {
        var fresh = Bench(policy: .short)
        fresh.finish { _, _ in
            .answer(
                Self.stopped { $0.exitCode = 0 }.with { answer in
                    let edit = answer.edit
                    answer.edit = {
                        edit?(&$0)
                        $0.engine = EngineIdentity(name: .docker, store: .classic, platform: "linux/amd64")
                    }
                })
        }
        #expect(fresh.exitCode == 20)
        var crashed = Bench(policy: .short)
        crashed.finish { _, _ in .answer(Self.stopped { $0.exitCode = 1 }) }
        #expect(crashed.exitCode == 20)
    }

    @Test("Field 4: one that stopped under the verification's eyes, or was started since, does")
    func stoppedNow() {
        var bench = Bench(policy: .short)
        bench.see(at: 1, Answer(others: [Answer(container: "c9", startedAt: Self.longAgo)]))
        bench.poll(3...9) { _, _ in .answer(Self.stopped { $0.exitCode = 0 }) }
        #expect(bench.exitCode == 20)
        var started = Bench(policy: .short)
        started.poll(1...9) { _, moment in
            .answer(
                Self.stopped {
                    $0.exitCode = 0
                    // By its own clock, at most one second before each observation.
                    $0.startedAt = "2025-12-31T23:59:59.500Z"
                })
        }
        #expect(started.exitCode == 20)
    }

    @Test("A clock that is wrong by years changes neither", arguments: ["2019-01-01", "2031-01-01"])
    func wrongClock(day: String) {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in
            .answer(
                Self.stopped { $0.startedAt = "\(day)T00:00:00Z" }.with { answer in
                    let edit = answer.edit
                    answer.edit = {
                        edit?(&$0)
                        $0.observedAt = "\(day)T06:00:00Z"
                    }
                })
        }
        #expect(!bench.history().contains(.failed))
    }

    @Test("What runs nothing but the failed promoted build fails, since when does not matter")
    func promotedAgain() {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in .answer(Answer(state: .exited, startedAt: Self.longAgo)) }
        #expect(bench.exitCode == 20)
    }

    @Test("Field 16: a container that was created and never started waits; one whose start failed is failed")
    func created() {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in .answer(Answer(state: .exited, startedAt: nil)) }
        #expect(bench.status() == .starting)
        #expect(bench.exitCode == 10)
        var failed = Bench(policy: .short)
        failed.finish { _, _ in
            .answer(Answer(state: .exited, startedAt: nil, edit: { $0.instances[0].exitCode = 128 }))
        }
        #expect(failed.exitCode == 20)
    }

    @Test("An observation that rounding makes a millisecond too early counts, and proves nothing by itself")
    func rounding() {
        var bench = Bench(policy: .short)
        bench.see(at: 0.255, latency: 0.255, .answer(Answer(age: 0.256)))
        #expect(bench.status() == .soaking)
        #expect(bench.verification.tracks[0].provenSpan == nil)
        var early = Bench(policy: .short)
        early.see(at: 0.255, latency: 0.255, .answer(Answer(age: 0.258)))
        #expect(early.status() == .pending)
    }

    @Test("A counted observation is not lost when it is seen again less exactly")
    func neverBackwards() {
        var bench = Bench()
        bench.see(at: 0.3, latency: 0.3, .answer(Answer(age: 0.2)))
        bench.see(at: 1, latency: 0.01, .answer(Answer(age: 1.04)))
        #expect(bench.history() == [.soaking])
        bench.poll(2...20, Answer())
        #expect(bench.history() == [.soaking, .converged])
    }

    @Test("After an answer from before the start, the host is asked again in time, and its real reason follows")
    func asksAgain() {
        var bench = Bench(policy: .short)
        bench.see(at: 0.1, .answer(.old.with { $0.age = 0.4 }))
        #expect(bench.status() == .pending)
        #expect(bench.reason() == "asking again: this answer was from before the check started (400ms old)")
        guard case .ask(_, let next)? = bench.actions.last else {
            Issue.record("no host is queried")
            return
        }
        #expect(next == .milliseconds(710))
        bench.see(at: 0.71, .answer(.old))
        #expect(bench.history() == [.pending, .pending])
        #expect(bench.verification.tracks[0].transitions[1].reason.code == .neverPulled)
        bench.poll(2...8) { _, _ in .answer(.old) }
        #expect(bench.history() == [.pending, .pending])
    }

    @Test("Field 26: a verification that is superseded at once asks every host afresh before it counts")
    func superseded() {
        var bench = Bench(2, policy: .short)
        bench.learn(.upToSuccessor, at: 0)
        for host in 0..<2 { bench.see(host, at: 0.1, .answer(Answer(build: .next, age: 0.5))) }
        #expect(bench.verdict == nil)
        for host in 0..<2 { bench.see(host, at: 1, .answer(Answer(build: .next))) }
        #expect(bench.verdict == .superseded)
        #expect(bench.verification.conclusion?.reasons.first?.message.hasSuffix("all 2 hosts serve it") == true)
    }

    @Test("Field 26: a host that has nothing newer to say is not waited for")
    func supersededForOld() {
        var bench = Bench(2, policy: .short)
        bench.learn(.upToSuccessor, at: 0)
        bench.see(0, at: 0.1, Answer(build: .next))
        bench.see(1, at: 0.1, Answer(age: 30))
        #expect(bench.verdict == nil)
        bench.see(1, at: 2.2, latency: 0.1, .answer(Answer(age: 32)))
        #expect(bench.verdict == .superseded)
    }
}
