import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

@Suite("A suspension of the collector")
struct SuspensionTests {
    private static let policy = Policy(timeout: .seconds(300), soak: .seconds(10))

    @Test(
        "A request that was under way across it says nothing about the host, and is sent again",
        arguments: [RequestOutcome.timeout, .refused, .dns, .tls, .protocolError, .httpStatus])
    func cutRequest(reach: RequestOutcome) {
        var bench = Bench(policy: Self.policy)
        bench.poll(0...4, Answer())
        bench.ask(0, at: 6)
        bench.suspend(from: 6.05, until: 40)
        let before = bench.actions.count
        bench.see(at: 40.1, latency: 34.1, .none(reach))
        #expect(bench.status() == .soaking)
        #expect(bench.verification.tracks[0].attempts == 3)
        #expect(bench.actions[before...].contains(.ask(host: 0, at: .milliseconds(40_110))))
        // A later one does.
        bench.see(at: 41, .none(.timeout))
        #expect(bench.status() == .unreachable)
    }

    @Test("No host is called unreachable because of it, and no proof outlasts it")
    func converged() {
        var bench = Bench(2, policy: Self.policy)
        bench.poll(0...20) { host, _ in .answer(host == 0 ? Answer() : Answer(build: .old)) }
        #expect(bench.status() == .converged)
        bench.suspend(from: 20.1, until: 54)
        bench.advance(to: 54)
        #expect(bench.history() == [.soaking, .converged, .soaking])
        #expect(bench.status(1) == .pending)
        // The other host has arrived meanwhile, and nothing ends green before both have soaked again.
        bench.poll(54.1...64, Answer())
        #expect(bench.verdict == nil)
        bench.poll(64.1...67, Answer())
        #expect(bench.verdict == .converged)
        #expect(!bench.history().contains(.unreachable))
    }

    @Test("A host that went back and forth during it does not keep its soak")
    func changedMeanwhile() {
        var bench = Bench(policy: Self.policy)
        bench.poll(0...8, Answer())
        bench.suspend(from: 8.1, until: 20)
        bench.poll(20.1...28, Answer())
        #expect(bench.verdict == nil)
        #expect(bench.status() == .soaking)
    }

    @Test("A host is unreachable only once a request that was sent after it has failed")
    func neverAgain() {
        var bench = Bench(2, policy: Self.policy)
        bench.poll(0...20) { host, _ in .answer(host == 0 ? Answer() : Answer(build: .old)) }
        bench.suspend(from: 20.1, until: 54)
        bench.advance(to: 61)
        #expect(bench.status() == .soaking)
        bench.see(at: 62, latency: 1, .none(.timeout))
        #expect(bench.status() == .unreachable)
    }

    @Test("An answer that waited for the collector is as old as its observation can be")
    func waitingAnswer() {
        var bench = Bench(2, policy: Self.policy)
        bench.poll(0...20) { host, _ in .answer(host == 0 ? Answer() : Answer(build: .old)) }
        bench.ask(0, at: 21)
        bench.suspend(from: 21, until: 31)
        bench.see(at: 31, latency: 10, .answer(Answer()))
        #expect(bench.verification.tracks[0].observedAt == .seconds(21))
        #expect(bench.verification.proven(at: .seconds(31)) == 0)
    }

    @Test("An answer from before it that is noticed after it does not end the verification green")
    func noticedLate() {
        var bench = Bench(policy: Self.policy)
        bench.poll(0...8, Answer())
        bench.suspend(from: 11, until: 45)
        bench.see(at: 10.5, Answer())
        #expect(bench.verdict == nil)
        #expect(bench.status() == .soaking)
        bench.advance(to: 45.1)
        #expect(bench.verdict == nil)
        bench.poll(45.2...57, Answer())
        #expect(bench.verdict == .converged)
    }

    @Test("It is no standstill of the fleet, and the deadline does not wait for its end")
    func stallAndDeadline() {
        var bench = Bench(policy: Policy(timeout: .seconds(300), stall: .seconds(60)))
        bench.poll(0...20, Answer(build: .old))
        bench.suspend(from: 20.1, until: 100)
        bench.advance(to: 100)
        #expect(bench.verdict == nil)
        bench.poll(100.1...180, Answer(build: .old))
        #expect(bench.verdict == .stragglers || bench.verdict == .stalled)
        var late = Bench(policy: Policy(timeout: .seconds(50)))
        late.poll(0...20, Answer())
        late.suspend(from: 20.1, until: 54)
        late.advance(to: 54)
        #expect(late.verdict != nil)
    }

    @Test("A deadline that passed during it is inconclusive, and tolerance does not make it green")
    func deadline() {
        let tolerant = Policy(
            timeout: .seconds(50), soak: .seconds(30), maxStragglers: .percent(100), maxUnreachable: .percent(100))
        for policy in [Policy(timeout: .seconds(50), soak: .seconds(30)), tolerant] {
            var bench = Bench(3, policy: policy)
            bench.poll(0...20, Answer())
            bench.suspend(from: 20.1, until: 54)
            bench.advance(to: 54)
            #expect(bench.exitCode == 31)
            #expect(bench.verification.conclusion?.reasons.first?.code == .collectorSuspended)
            let message = bench.verification.conclusion?.reasons.first?.message ?? ""
            #expect(message.contains("the collector was suspended for 34s"), "\(message)")
        }
    }

    @Test("A deadline that passed during it ends with no tolerated green: a newer promotion may have been missed")
    func missedPromotion() {
        var bench = Bench(2, policy: Policy(timeout: .seconds(30), soak: .seconds(2), maxStragglers: .percent(100)))
        for moment in stride(from: 0.0, through: 28, by: 2) {
            bench.see(0, at: moment, Answer())
            bench.see(1, at: moment, Answer(build: .old))
        }
        bench.suspend(from: 28.1, until: 31)
        bench.advance(to: 31)
        #expect(bench.exitCode == 31)
        #expect(bench.verification.conclusion?.reasons.first?.code == .collectorSuspended)
    }

    @Test("Nothing ends green after it before every host was asked again")
    func endAfterIt() {
        let policy = Policy(timeout: .seconds(60), soak: .seconds(2), maxUnreachable: .percent(100))
        var bench = Bench(2, policy: policy)
        bench.see(1, at: 0.5, latency: 0.4, .none(.timeout))
        for moment in stride(from: 0.0, through: 2, by: 1) { bench.see(0, at: moment, Answer()) }
        #expect(bench.verdict == nil)
        bench.suspend(from: 2.05, until: 4)
        bench.advance(to: 4)
        #expect(bench.verdict == nil)
    }

    @Test("A reading of the tag that it interrupted is requested again")
    func tag() {
        var bench = Bench(policy: Policy(timeout: .seconds(300), soak: .seconds(2)), watchesTag: true)
        bench.poll(0...3, every: 1, Answer())
        #expect(bench.actions.filter { $0 == .lookAtTag }.count == 1)
        bench.suspend(from: 3.1, until: 6)
        bench.see(at: 6.1, Answer())
        bench.advance(to: 6.2)
        #expect(bench.verdict == nil)
        #expect(bench.actions.filter { $0 == .lookAtTag }.count == 2)
        bench.seeTag(lookedAt: 6.3)
        bench.advance(to: 6.4)
        #expect(bench.verdict == .converged)
    }

    @Test("A sweep asks the hosts again whose requests it cut")
    func sweep() {
        var bench = Bench(isSweep: true)
        bench.ask(0, at: 0)
        bench.suspend(from: 0.1, until: 9)
        bench.see(at: 9, latency: 9, .none(.timeout))
        #expect(!bench.verification.isEveryHostAsked)
        bench.see(at: 9.1, Answer())
        #expect(bench.verification.isEveryHostAsked)
    }

    @Test("An answer that repeats one from before a cut request means nothing")
    func repeated() {
        var bench = Bench(policy: Self.policy)
        bench.see(at: 0, Answer())
        bench.ask(0, at: 1)
        bench.suspend(from: 1, until: 9)
        bench.see(at: 9, latency: 8, .none(.timeout))
        var verification = bench.verification
        let repeated = RepeatedDocument(nonce: "n", ageSeconds: 0, observedAt: "2026-01-01T00:00:00Z")
        _ = verification.take(
            .sample(
                Sample(
                    host: 0, askedAt: .seconds(10), answeredAt: .seconds(10), nonce: "n", answer: .repeated(repeated))))
        #expect(!verification.tracks[0].facts.build.isMatch)
    }
}

@Suite("A request that the collector could not send")
struct UnsentRequestTests {
    private static let detail = "not queried: the collector has no free local port for this address"

    private static func unsent(_ host: Int, at moment: Double, _ bench: inout Bench) {
        bench.see(host, at: moment, .none(.notSent))
    }

    @Test("Keeps what is known of the host, which ages")
    func known() {
        var bench = Bench(2, policy: .short)
        bench.poll(0...20) { host, _ in .answer(host == 0 ? Answer() : Answer(build: .old)) }
        Self.unsent(0, at: 22, &bench)
        #expect(bench.status() == .converged)
        #expect(bench.facts().reach == .ok)
        bench.advance(to: 27)
        #expect(bench.status() == .unreachable)
        #expect(bench.hostReason().code == .requestFailed)
        #expect(bench.reason().hasPrefix("made up: not_sent"), "\(bench.reason())")
        bench.see(at: 28, Answer())
        #expect(bench.status() == .soaking)
    }

    @Test("Is inconclusive at the end, not the host's fault, and tolerated as any unproven host")
    func end() {
        var bench = Bench(2, policy: .short)
        bench.finish { host, _ in host == 0 ? .answer(Answer()) : .none(.notSent) }
        #expect(bench.exitCode == 31)
        #expect(bench.reasons == [.inconclusive])
        #expect(bench.verification.conclusion?.reasons.first?.code == .collectorShort)
        #expect(bench.facts(1).reach == .notSent)
        var tolerant = Policy.short
        tolerant.maxUnreachable = .hosts(1)
        var tolerated = Bench(2, policy: tolerant)
        tolerated.finish { host, _ in host == 0 ? .answer(Answer()) : .none(.notSent) }
        #expect(tolerated.verdict == .convergedTolerated)
    }

    @Test("Does not hide that the host did not answer before")
    func dead() {
        var bench = Bench(policy: .short)
        bench.see(at: 1, .none(.timeout))
        Self.unsent(0, at: 3, &bench)
        #expect(bench.status() == .unreachable)
        #expect(bench.facts().reach == .timeout)
        bench.advance(to: 60)
        #expect(bench.reasons.first == .unreachable)
    }

    @Test(
        "Names what the collector lacks, and how to get more",
        arguments: [
            ("the collector has no free local port for this address", "net.ipv4.ip_local_port_range"),
            ("the collector has no free file descriptor", "ulimit -n"),
            ("the collector has no free open file on its machine", "fs.file-max"),
            ("the collector has no free memory for a connection", "more memory"),
            ("something else", "check the machine"),
        ])
    func remedy(_ detail: String, _ part: String) {
        let text = FailedRequest(.notSent, detail: "not queried: \(detail)").text
        #expect(text.sentence.hasPrefix("not queried: \(detail): "), "\(text.sentence)")
        #expect(text.sentence.contains(part), "\(text.sentence)")
        #expect(!text.sentence.contains("check the host"))
    }
}
