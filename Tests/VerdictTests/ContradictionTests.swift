import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// A document that contradicts itself proves nothing, and the reason names the contradiction.
@Suite("Answers that contradict themselves")
struct ContradictionTests {
    struct Case: Sendable, CustomStringConvertible {
        var says: String
        var description: String { says }
        var edit: @Sendable (inout Document) -> Void

        init(_ says: String, _ edit: @escaping @Sendable (inout Document) -> Void) {
            (self.says, self.edit) = (says, edit)
        }
    }

    private static let cases: [Case] = [
        Case("it calls the service serving, and lists no instance") { $0.instances = [] },
        Case("it calls the service starting, and lists no instance") {
            $0.instances = []
            $0.state = .starting
        },
        Case("it calls the service exited, and lists no instance") {
            $0.instances = []
            $0.state = .exited
        },
        Case("it calls the service absent, and lists 1 instance") { $0.state = .absent },
        Case("it calls the service unhealthy, and no instance is") { $0.state = .unhealthy },
        Case("it calls the service paused, and no instance is") { $0.state = .paused },
        Case("it calls the service restarting, and no instance is") { $0.state = .restarting },
        Case("it calls the service exited, and no instance is") { $0.state = .exited },
        Case("it calls the service serving, and its instance canvas-1 absent") { $0.instances[0].state = .absent },
        Case("it calls the service serving, and its instance canvas-1 unknown") { $0.instances[0].state = .unknown },
        Case("its git_sha ffffffffffff is not that of every instance") { $0.gitSHA = .known(.of("f")) },
        Case("its git_sha aaaaaaaaaaaa is not that of every instance") { $0.instances[0].gitSHA = .absent },
        Case("its git_sha aaaaaaaaaaaa is not that of every instance") {
            $0.instances.append($0.instances[0])
            $0.instances[1].id = "c2"
            $0.instances[1].gitSHA = .known(.of("b"))
        },
        Case("it says no git_sha, and every instance runs aaaaaaaaaaaa: two projects match") {
            $0.gitSHA = .absent
            $0.reason = "two projects match"
        },
        Case("it says no git_sha, and every instance runs aaaaaaaaaaaa") { $0.gitSHA = .unusable("dev") },
        Case("its digest sha256:ffffffffffff is not among those of every instance") { $0.digest = .known(.of("f")) },
        Case("its digest sha256:111111111111 is not among those of every instance") {
            $0.instances[0].image.digests = []
        },
        Case("it lists an instance twice") { $0.instances.append($0.instances[0]) },
        Case("it lists canvas-1 as an instance, and as left out") {
            $0.leftOut = [LeftOutContainer(id: "c1", name: "canvas-1", reason: .oneOff, state: .serving)]
        },
        Case("it leaves canvas-0 out as replaced, and its state is restarting") {
            $0.leftOut = [LeftOutContainer(id: "c0", name: "canvas-0", reason: .replaced, state: .restarting)]
        },
        Case("it leaves migrate out as task, and its state is serving") {
            $0.leftOut = [LeftOutContainer(id: "c0", name: "migrate", reason: .task, state: .serving)]
        },
        Case("it counts fewer than 0 restarts of canvas-1") { $0.instances[0].restartCount = -1 },
        Case("it expects 0 instances, and lists 1 instance") { $0.instancesExpected = 0 },
        Case("it calls its probe's answer fine, and the status is 503") {
            $0.served = ProbeResult(url: "http://127.0.0.1/", outcome: .ok, status: 503, gitSHA: .known(.of("a")))
        },
    ]

    @Test("Field 25: each pair of statements that cannot both be true proves nothing", arguments: cases)
    func contradicts(_ example: Case) {
        for target in [Target.promoted, .bySHA, .byDigest] {
            var bench = Bench(policy: .short, target: target)
            bench.finish { _, _ in .answer(Answer(edit: example.edit)) }
            #expect(bench.status() == .unverifiable, "\(target.summary): \(bench.reason())")
            #expect(bench.reason() == "the answer contradicts itself: \(example.says)")
            #expect(bench.exitCode == 30)
        }
    }

    @Test("Field 25: an instance that is worse than the summary counts as it is, and the reason names both")
    func worseInstance() {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in .answer(Answer(edit: { $0.instances[0].health = .unhealthy })) }
        #expect(bench.exitCode == 20)
        #expect(bench.reason().contains("canvas-1 unhealthy (the answer's summary says serving)"))
        var starting = Bench(policy: .short)
        starting.finish { _, _ in .answer(Answer(edit: { $0.instances[0].health = .starting })) }
        #expect(starting.status() == .starting)
        #expect(starting.exitCode == 10)
    }

    @Test("Consistent statements are not a contradiction")
    func consistent() {
        let answers: [Answer] = [
            Answer(), Answer(state: .absent), Answer(state: .unhealthy), Answer(state: .exited), .old,
            Answer(build: .unlabelled), Answer(build: .local), Answer(others: [Answer(build: .old, container: "c2")]),
            Answer(edit: { $0.digest = .absent }),
            // A probe that fails makes a service worse than its instances, and so does one that is missing.
            Answer(edit: {
                $0.state = .starting
                $0.served = ProbeResult(url: "http://127.0.0.1/", outcome: .refused)
            }),
            Answer(edit: {
                $0.state = .unhealthy
                $0.served = ProbeResult(url: "http://127.0.0.1/", outcome: .timeout)
            }),
            Answer(edit: {
                $0.state = .starting
                $0.instancesExpected = 2
            }),
            Answer(edit: {
                $0.leftOut = [LeftOutContainer(id: "c0", name: "canvas-old", reason: .replaced, state: .exited)]
            }),
            // Scaled up beyond the declared number.
            Answer(others: [Answer(container: "c2")], edit: { $0.instancesExpected = 1 }),
        ]
        for answer in answers {
            let document = answer.document(host: 0, nonce: "")
            #expect(document.contradiction == nil, "\(document.contradiction ?? "")")
        }
    }

    @Test("Field 22: fewer instances than were declared are not proven, and enough are", arguments: [1, 2, 3, 4])
    func instances(running: Int) {
        var bench = Bench(policy: .short)
        let others = (1..<running).map { Answer(container: "c\($0 + 1)") }
        bench.finish { _, _ in .answer(Answer(others: others, edit: { $0.instancesExpected = 3 })) }
        if running < 3 {
            #expect(bench.status() == .starting)
            #expect(bench.reason().contains("\(running) of 3 instances run"))
            #expect(bench.exitCode == 10)
        } else {
            #expect(bench.verdict == .converged)
        }
    }
}
