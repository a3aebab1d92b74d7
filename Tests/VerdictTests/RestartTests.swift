import Shared
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

/// Restarts on the target: crash loops, harmless restarts, and the reasons in the report.
@Suite("Restarts on the target")
struct RestartTests {
    private static func answer(_ container: Int, start: Int = 0) -> Answer {
        Answer(container: "c\(container)", startedAt: "2026-01-01T00:00:\(start < 10 ? "0" : "")\(start)Z")
    }

    /// A supervisor that creates a new container each time, with fixed times up and down.
    private static func recreated(at moment: Double, up: Double, gap: Double) -> Answer {
        let round = Int((moment - 1) / (up + gap))
        let isUp = moment - 1 - Double(round) * (up + gap) < up
        return isUp ? answer(round) : Answer(state: .absent)
    }

    @Test(
        "Field 11: a crash loop that makes a new container each time is failed, whatever the gap between two of them",
        arguments: [(4.0, 0.0), (4, 2), (2, 4), (4, 8), (6, 14), (2, 30)])
    func recreateLoop(up: Double, gap: Double) {
        var bench = Bench(policy: Policy(timeout: .seconds(300), stall: .seconds(600)))
        bench.poll(1...200) { _, moment in .answer(Self.recreated(at: moment, up: up, gap: gap)) }
        #expect(bench.status() == .failed)
        #expect(bench.verdict == .failedDeploy)
        #expect(bench.exitCode == 20)
        #expect(bench.reason().hasPrefix("canvas-1 keeps crashing (2 times within "), "\(bench.reason())")
        #expect(!bench.reason().contains(" 0 times"))
    }

    @Test(
        "Field 11: an answer that shows nothing in the gap does not hide the loop",
        arguments: [RequestOutcome.timeout, .httpStatus])
    func gapOfSilence(reach: RequestOutcome) {
        var bench = Bench()
        bench.poll(1...60) { _, moment in
            let round = Int(moment / 6)
            return Int(moment) % 6 >= 4 ? .none(reach) : .answer(Self.answer(round))
        }
        #expect(bench.exitCode == 20)
    }

    @Test("Field 11: a container that something outside restarts is a crash loop by its start time alone")
    func restartedFromOutside() {
        var bench = Bench()
        bench.poll(1...60) { _, moment in .answer(Self.answer(1, start: Int(moment / 5))) }
        #expect(bench.status() == .failed)
        #expect(bench.exitCode == 20)
        #expect(bench.reason().hasPrefix("canvas-1 keeps crashing (2 times within "))
    }

    @Test("Field 11: the reason counts what was seen, and names the last exit code")
    func counted() {
        var bench = Bench(policy: .short)
        bench.see(at: 1, Answer())
        bench.see(at: 3, Answer(restarts: 2, edit: { $0.instances[0].exitCode = 1 }))
        #expect(bench.status() == .soaking)
        bench.see(at: 5, Answer(restarts: 3, edit: { $0.instances[0].exitCode = 1 }))
        #expect(
            bench.reason()
                == "canvas-1 keeps crashing (exit 1, 3 times within 4.0s): docker logs canvas-1")
    }

    @Test("Field 11: one recreate, one restart, a rolling one of all replicas, and scaling are no loop")
    func harmless() {
        func ends(_ see: (Double) -> Answer) -> Verdict? {
            var bench = Bench()
            bench.poll(1...60) { _, moment in .answer(see(moment)) }
            #expect(!bench.history().contains(.failed))
            return bench.verdict
        }
        #expect(ends { $0 < 6 ? Self.answer(1) : Self.answer(2) } == .converged)
        #expect(ends { $0 < 6 ? Self.answer(1) : $0 < 12 ? Answer(state: .absent) : Self.answer(2) } == .converged)
        #expect(ends { Self.answer(1, start: $0 < 6 ? 0 : 6) } == .converged)
        // Deployed during the verification, and restarted once by its operator.
        #expect(ends { $0 < 4 ? .old : $0 < 8 ? Self.answer(1) : Self.answer(1, start: 8) } == .converged)
        // One replica after the other, each once.
        #expect(
            ends { moment in
                let ids = (0..<3).map { moment > Double(5 + 2 * $0) ? 10 + $0 : $0 }
                return Self.answer(ids[0]).with { $0.others = ids.dropFirst().map { Self.answer($0) } }
            } == .converged)
        // Three replicas, two, one, and two again.
        #expect(
            ends { moment in
                let count = moment < 4 ? 3 : moment < 6 ? 2 : moment < 8 ? 1 : 2
                return Self.answer(0).with { $0.others = (1..<max(1, count)).map { Self.answer($0) } }
            } == .converged)
    }

    @Test("Field 11: one of several replicas that crashes again and again is a loop")
    func oneOfSeveral() {
        var bench = Bench()
        bench.poll(1...60) { _, moment in
            let round = Int(moment / 6)
            let isUp = Int(moment) % 6 < 4
            return .answer(Self.answer(0).with { $0.others = isUp ? [Self.answer(10 + round)] : [] })
        }
        #expect(bench.exitCode == 20)
        #expect(!bench.history().contains(.converged))
    }

    @Test("An old stopped container in the gaps of a crash loop is not a rollback")
    func leftoverInTheGap() {
        var bench = Bench()
        bench.poll(1...60) { _, moment in
            let round = Int(moment / 8)
            return .answer(Int(moment) % 8 >= 4 ? .old.with { $0.state = .exited } : Self.answer(round))
        }
        #expect(!bench.history().contains(.rolledBack))
        #expect(bench.status() == .failed)
        #expect(bench.exitCode == 20)
    }

    @Test("An engine that restarts, and all its containers with it, is one restart")
    func engineRestart() {
        var bench = Bench()
        bench.poll(1...40) { _, moment in
            switch moment {
            case ..<6: .answer(Self.answer(1))
            case ..<10: .answer(Answer(state: .unknown, reason: "the engine refuses connections"))
            default: .answer(Self.answer(1, start: 9))
            }
        }
        #expect(bench.verdict == .converged)
        #expect(bench.verification.tracks[0].restartWarning == "its container restarted once during this verification")
    }

    @Test("Field 29: a restart in the soak begins it again with a transition and a reason, and a warning stays")
    func restartInSoak() throws {
        var bench = Bench()
        bench.poll(1...5, Answer())
        bench.poll(7...30, Answer(restarts: 1, edit: { $0.instances[0].exitCode = 137 }))
        #expect(bench.history() == [.soaking, .soaking, .converged])
        let again = bench.verification.tracks[0].transitions[1]
        #expect(again.at == .seconds(7))
        #expect(
            again.reason.text.finding.contains(
                "restarted once during this verification, last exit 137: the soak began again)"))
        #expect(bench.endedAt == 17)
        #expect(
            bench.verification.tracks[0].restartWarning
                == "its container restarted once during this verification, last exit 137")
        let report = try SampleFleet.report(bench)
        #expect(report.warnings.contains { $0.contains("converged after restarts") && $0.contains("host-0") })
    }

    @Test("Field 29: another boot begins the soak again, although the instances are said to run on")
    func otherBoot() {
        var bench = Bench()
        bench.poll(1...30) { _, moment in
            .answer(Answer(edit: { $0.host.bootID = moment < 8 ? "boot-1" : "boot-2" }))
        }
        #expect(bench.verdict == .converged)
        #expect(bench.endedAt == 19)
    }

    @Test("A host without restarts has no word about them")
    func noRestart() throws {
        var bench = Bench()
        bench.poll(1...30, Answer(restarts: 7))
        #expect(bench.verdict == .converged)
        #expect(!bench.reason().contains("restart"))
        let report = try SampleFleet.report(bench)
        #expect(!report.warnings.contains { $0.contains("restart") })
    }

    @Test("A crash loop that is tolerated stays failed through its good moments, until it has soaked")
    func staysFailed() {
        var policy = Policy(timeout: .seconds(200), stall: .seconds(600))
        policy.maxFailed = .hosts(1)
        policy.maxStragglers = .hosts(1)
        var bench = Bench(2, policy: policy)
        bench.poll(1...119) { host, moment in
            if host == 1 { return .answer(.old) }
            let round = Int(moment / 16)
            let isDown = moment.truncatingRemainder(dividingBy: 16) > 9
            return .answer(
                Answer(
                    state: moment < 80 && isDown ? .restarting : .serving, restarts: moment < 80 ? round : 5))
        }
        let labels = bench.history(0)
        #expect(labels.filter { $0 == .failed }.count == 1, "\(labels)")
        #expect(labels.last == .converged)
    }

    @Test("A health result from before a restart does not count")
    func keptHealth() {
        var policy = Policy.short
        policy.failAfter = 2
        var bench = Bench(policy: policy)
        bench.see(at: 1, Answer(state: .unhealthy))
        bench.poll(3...15, Answer(state: .unhealthy, startedAt: "2026-01-01T00:00:02Z"))
        #expect(!bench.history().contains(.failed))
        bench.see(at: 17, Answer(state: .starting, startedAt: "2026-01-01T00:00:02Z"))
        bench.poll(19...21, Answer(state: .unhealthy, startedAt: "2026-01-01T00:00:02Z"))
        #expect(bench.status() == .failed)
    }
}
