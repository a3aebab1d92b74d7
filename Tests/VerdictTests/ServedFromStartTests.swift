import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

@Suite("Times to converge")
struct ServedFromStartTests {
    private func host(_ bench: Bench) -> HostTracker { bench.verification.tracks[0] }

    @Test(
        "A host that serves the target from the start has none, however old its first observation is",
        arguments: [0, 0.001, 0.5, 0.999, 1, 1.9, 30])
    func unchanged(age: Double) {
        var bench = Bench(policy: .short)
        bench.see(at: 0.001, Answer(age: age))
        bench.poll(2...40, Answer())
        #expect(bench.verdict == .converged)
        #expect(host(bench).servedFromStart)
        #expect(host(bench).convergedAt == nil)
    }

    @Test("A slow first answer, and lost answers later, do not change that")
    func slow() {
        var bench = Bench(policy: .short)
        bench.see(at: 2.5, latency: 2.5, .answer(Answer(age: 1)))
        bench.poll(3...40) { _, moment in moment == 7 ? .none(.timeout) : .answer(Answer()) }
        #expect(bench.verdict == .converged)
        #expect(host(bench).servedFromStart)
    }

    @Test("A digest that the registry had to be asked about was the target from the start, too")
    func learned() {
        let content = PromotedContent(
            isIndex: true, manifests: [.init(digest: .of("7"), platform: Platform(os: "linux", architecture: "amd64"))])
        var target = Target.promoted
        target.content = content
        var bench = Bench(policy: .short, target: target, learnsImages: true)
        bench.poll(1...9, Answer(build: .rebuilt))
        bench.learn(DigestLookup(digest: .of("5"), content: content), at: 9.5)
        bench.poll(11...50, Answer(build: .rebuilt))
        #expect(bench.verdict == .converged)
        #expect(host(bench).servedFromStart)
    }

    static let others: [(String, [Bench.Seen])] = [
        ("another build", [.answer(.old)]),
        ("an older build, in an observation from before the start", [.answer(Answer.old.with { $0.age = 30 })]),
        ("a container that was starting", [.answer(Answer(state: .starting))]),
        ("another container of the build", [.answer(Answer(container: "c0"))]),
        ("the container before a restart", [.answer(Answer(startedAt: "2025-12-31T00:00:00Z"))]),
        ("no answer", [.none(.timeout)]), ("an error", [.none(.httpStatus)]),
        ("an agent that cannot read its engine", [.answer(Answer(state: .unknown))]),
        ("the target, then another build", [.answer(Answer()), .answer(.old)]),
    ]

    @Test("A host that first showed something else converged when it was first seen on the target", arguments: others)
    func moved(what: String, first: [Bench.Seen]) {
        var bench = Bench(policy: .short)
        for (index, seen) in first.enumerated() { bench.see(at: 0.5 + Double(index), seen) }
        bench.poll(3...50, Answer())
        #expect(bench.verdict == .converged, "\(what)")
        #expect(!host(bench).servedFromStart, "\(what)")
        #expect(host(bench).convergedAt == .seconds(3), "\(what)")
    }

    @Test("A reboot ends it, although the containers claim to have run on")
    func rebooted() {
        var bench = Bench(policy: .short)
        bench.poll(1...50) { _, moment in
            .answer(Answer().with { answer in answer.edit = { $0.host.bootID = moment < 5 ? "one" : "two" } })
        }
        #expect(bench.verdict == .converged)
        #expect(host(bench).convergedAt == .seconds(5))
    }

    @Test("A host that did not converge has neither")
    func straggler() {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in .answer(.old) }
        #expect(!host(bench).servedFromStart)
        #expect(host(bench).convergedAt == nil)
    }

    @Test("A host without an agent is judged by what it says")
    func plain() {
        var bench = Bench(policy: .short, target: .bySHA)
        bench.poll(1...50) { _, _ in .plain(Build.target.gitSHA) }
        #expect(bench.verdict == .converged)
        #expect(host(bench).servedFromStart)
    }
}
