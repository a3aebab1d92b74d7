import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

@Suite("When a newer promotion takes over")
struct SupersededTests {
    private func message(_ bench: Bench) -> String? { bench.verification.conclusion?.reasons.first?.message }

    @Test("The end counts the hosts on the successor, those still on the target, and the others")
    func counts() throws {
        var bench = Bench(5, policy: .short) { $0[4].waiver = .active }
        bench.poll(1...5) { host, moment in
            switch host {
            case 0, 1, 4: .answer(Answer(build: .next))
            case 2: .answer(Answer())
            // It served the target, and its current build is unknown.
            default: moment < 4 ? .answer(Answer()) : .none(.refused)
            }
        }
        bench.learn(.upToSuccessor, at: 5.5)
        #expect(bench.endedAt == 5.5, "at once, since every host was asked")
        #expect(
            message(bench)
                == "promotion no. 3 (cccccccccccc sha256:333333333333) followed: 2 of 4 hosts serve it, "
                + "1 still serves this target, 1 neither")
        #expect(bench.status(0) == .ahead)
        #expect(bench.reason(0).hasSuffix("promoted later (generation 3)"))
        let report = try SampleFleet.report(bench)
        #expect(
            report.successor
                == Report.Successor(
                    generation: 3, gitSHA: .of("c"), digest: .of("3"), promotedAt: "2026-01-03T00:00:00Z",
                    hostsServing: 2, hostsOnTarget: 1, hostsOnNeither: 1))
        let json = String(decoding: try ReportFormat.json.render(report), as: UTF8.self)
        #expect(json.contains(#""hosts_serving" : 2"#))
        #expect(try JSONDecoder().decode(Report.self, from: Data(json.utf8)) == report)
    }

    @Test("A tag that somebody points elsewhere ends it when every host was asked; one that came back does not")
    func movedTag() {
        let tag = RetaggedImage(image: "registry.example/canvas:latest", digest: .of("9"), gitSHA: .of("9"))
        var bench = Bench(2, policy: .short)
        bench.see(0, at: 0.1, Answer())
        bench.learn(moved: tag, at: 0.2)
        #expect(bench.verdict == nil)
        bench.learn(moved: nil, at: 0.3)
        bench.see(1, at: 0.4, Answer())
        #expect(bench.verdict == nil)
        bench.learn(moved: tag, at: 0.5)
        #expect(bench.verdict == .superseded)
        #expect(bench.exitCode == 40)
        #expect(
            message(bench)
                == "registry.example/canvas:latest is another build now (999999999999 sha256:999999999999): somebody moved "
                + "the tag since")
    }

    @Test("A watched tag is read after the last proof before a green end")
    func lookBeforeGreen() {
        var bench = Bench(2, policy: .short, watchesTag: true)
        bench.seeTag(lookedAt: 0.5)
        bench.poll(1...30, every: 0.5) { host, moment in
            // A reading from before the last proof does not count.
            .answer(Answer())
        }
        // Without a reading, as with a registry that does not answer, the verdict does not change.
        #expect(bench.verdict == .converged)
        let looks = bench.actions.count { $0 == .lookAtTag }
        #expect(looks == 1)
        let ended = bench.endedAt ?? 0

        var plain = Bench(2, policy: .short)
        plain.poll(1...30, every: 0.5) { _, _ in .answer(Answer()) }
        let proven = plain.endedAt ?? 0
        #expect(plain.verdict == .converged)
        #expect(ended == proven + 2)

        var seen = Bench(2, policy: .short, watchesTag: true)
        seen.poll(1...proven, every: 0.5) { _, _ in .answer(Answer()) }
        #expect(seen.verdict == nil)
        seen.seeTag(lookedAt: proven - 0.001)
        seen.advance(to: proven + 0.1)
        #expect(seen.verdict == nil)
        var moved = seen
        seen.seeTag(lookedAt: proven + 0.05)
        seen.advance(to: proven + 0.2)
        #expect(seen.verdict == .converged)
        moved.learn(
            moved: RetaggedImage(image: "r.example/canvas:latest", digest: .of("9"), isFormer: true), at: proven + 0.2)
        moved.advance(to: proven + 0.3)
        #expect(moved.verdict == .superseded)
        #expect(moved.exitCode == 40)
    }

    @Test("Field 9: a tag that may only lag ends nothing green, and nothing as superseded, until it is known")
    func doubted() {
        var tag = RetaggedImage(image: "registry.example/canvas:latest", digest: .of("9"), isDoubted: true)
        var bench = Bench(2, policy: .short)
        bench.learn(moved: tag, at: 0.2)
        bench.poll(1...41, Answer())
        #expect(bench.verdict == nil)
        #expect(bench.status(0) == .converged)
        var lagging = bench
        lagging.learn(moved: nil, at: 42)
        lagging.poll(43...45, Answer())
        #expect(lagging.verdict == .converged)
        tag.isDoubted = nil
        bench.learn(moved: tag, at: 42)
        #expect(bench.verdict == .superseded)
        #expect(bench.exitCode == 40)
    }

    @Test("Field 9: at the deadline an uncertain tag is red, and the reason explains it")
    func doubtedToTheEnd() {
        var bench = Bench(1, policy: .short)
        bench.learn(moved: RetaggedImage(image: "registry.example/canvas", digest: .of("9"), isDoubted: true), at: 0.2)
        bench.finish { _, _ in .answer(Answer()) }
        #expect(bench.exitCode == 40)
        #expect(message(bench)?.contains("the registry answers from a copy that lags") == true)
    }

    @Test(
        "Field 9: a tag that was put back does not count as newer, even with --superseded-ok",
        arguments: [true, false])
    func putBack(isFormer: Bool) {
        var policy = Policy.short
        policy.supersededOK = true
        var bench = Bench(1, policy: policy)
        bench.see(0, at: 0.1, Answer())
        bench.learn(
            moved: RetaggedImage(image: "registry.example/canvas", digest: .of("9"), isFormer: isFormer ? true : nil),
            at: 0.5)
        #expect(bench.verdict == .superseded)
        #expect(bench.exitCode == (isFormer ? 40 : 0))
        #expect(message(bench)?.contains("the tag was put back") == isFormer)
    }

    @Test("A fleet that reached the successor is said to")
    func reached() {
        var bench = Bench(2, policy: .short)
        bench.poll(1...3) { _, _ in .answer(Answer(build: .next)) }
        bench.learn(.upToSuccessor, at: 3.5)
        #expect(message(bench)?.hasSuffix("followed: all 2 hosts serve it") == true)
    }

    @Test("Hosts on a promotion between the target and the last one serve neither")
    func between() {
        var bench = Bench(2, policy: .short)
        bench.poll(1...3) { host, _ in .answer(host == 0 ? Answer(build: .next) : Answer(build: .foreign)) }
        let fourth = Promotion(generation: 4, gitSHA: .of("d"), digest: .of("4"), at: "2026-01-04T00:00:00Z")
        bench.learn(.upToSuccessor + [fourth], at: 3.5)
        #expect(bench.status(0) == .ahead)
        #expect(message(bench)?.contains("promotion no. 4 ") == true)
        #expect(
            message(bench)?.hasSuffix("1 of 2 hosts serves it, 0 still serve this target, 1 neither") == true)
    }

    @Test("A host that was not asked yet is asked before the end, and what hangs is not waited for twice")
    func lastLook() {
        var bench = Bench(2, policy: .short)
        bench.see(0, at: 0.1, Answer(build: .next))
        bench.learn(.upToSuccessor, at: 0.2)
        #expect(bench.verdict == nil)
        bench.see(1, at: 5.1, latency: 5, .none(.timeout))
        #expect(bench.endedAt == 5.1)
        #expect(
            message(bench)?.hasSuffix("1 of 2 hosts serves it, 0 still serve this target, 1 neither") == true)
    }

    @Test("An older job that starts late is superseded after one observation of each host")
    func late() {
        for isFine in [false, true] {
            var policy = Policy()
            policy.supersededOK = isFine
            var bench = Bench(2, policy: policy, promotions: .upToSuccessor)
            bench.see(0, at: 0.1, Answer())
            #expect(bench.verdict == nil)
            bench.see(1, at: 0.2, Answer(build: .next))
            #expect(bench.verdict == .superseded)
            #expect(bench.exitCode == (isFine ? 0 : 40))
            #expect(bench.status(1) == .ahead)
        }
    }

    @Test("A fleet that is proven while the last host is asked is superseded all the same")
    func provenMeanwhile() {
        var bench = Bench(2, policy: .short) { $0[1].waiver = .active }
        bench.poll(1...9) { host, _ in host == 0 ? .answer(Answer()) : .skip }
        bench.learn(.upToSuccessor, at: 9.5)
        bench.poll(11...30) { host, _ in host == 0 ? .answer(Answer()) : .skip }
        #expect(bench.verdict == .superseded)
    }

    @Test("A sweep is not ended by a newer promotion")
    func sweep() {
        var bench = Bench(1, promotions: .upToSuccessor, isSweep: true)
        bench.see(0, at: 0.1, Answer())
        #expect(bench.verdict == nil)
    }

    @Test("A build that was promoted before counts as promoted again, and the report names the flag for a late job")
    func promotedAgain() throws {
        let again = Promotion(generation: 3, gitSHA: .of("a"), digest: .of("1"), at: "2026-01-03T00:00:00Z")
        var target = Target.promoted
        target.generation = 3
        var bench = Bench(1, policy: .short, target: target, promotions: .upToTarget + [again])
        bench.poll(1...11, Answer())
        #expect(bench.verdict == .converged)
        #expect(
            try SampleFleet.report(bench).warnings.contains {
                $0.hasPrefix("generation 2 was already this build") && $0.hasSuffix("give --generation 2")
            })
        var usual = Bench(1, policy: .short)
        usual.poll(1...11, Answer())
        #expect(try !SampleFleet.report(usual).warnings.contains { $0.contains("--generation") })
    }
}
