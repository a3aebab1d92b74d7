import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// One test for each row of the first table in `docs/incidents.md`, at the level of the state machine.
@Suite("What has gone wrong for real")
struct IncidentRowTests {
    @Test("Row 1: a container that was not recreated after the pull is a straggler, and the reason names the step")
    func notRecreated() {
        var bench = Bench(2, policy: .short, promotions: [])
        bench.finish { host, _ in .answer(.old.with { $0.tagMoved = host == 0 }) }
        #expect(bench.status(0) == .straggler)
        #expect(bench.facts(0).build == .behind)
        #expect(bench.reason(0).hasPrefix("pulled, not recreated: recreate the container of canvas"))
        #expect(bench.status(1) == .straggler)
        #expect(bench.facts(1).build == .foreign)
        #expect(bench.reason(1).hasPrefix("not pulled: "))
        #expect(bench.verdict == .stragglers)
        #expect(bench.exitCode == 10)
    }

    @Test("Row 1: a tag that moved is a straggler too where the running image lost its registry digests")
    func notRecreatedWithoutDigests() {
        for target in [Target.promoted, .byDigest] {
            var bench = Bench(policy: .short, target: target, promotions: [])
            let build = Build(gitSHA: .known(.of("b")), digests: [], origin: .none)
            bench.finish { _, _ in .answer(Answer(build: build, tagMoved: true)) }
            #expect(bench.status() == .straggler, "\(target.summary)")
            #expect(bench.reason().hasPrefix("pulled, not recreated"))
        }
    }

    @Test(
        "Row 2: a page of HTML from every host is an agent error, exit 30",
        arguments: [RequestOutcome.httpStatus, .notBuildinfo])
    func pageOfHTML(reach: RequestOutcome) {
        var bench = Bench(3, policy: .short)
        bench.finish { _, _ in .none(reach) }
        #expect((0..<3).allSatisfy { bench.status($0) == .agentError })
        #expect(bench.verdict == .unreachable)
        #expect(bench.exitCode == 30)
    }

    @Test(
        "Row 3: a fleet that cannot be reached is exit 30", arguments: [RequestOutcome.dns, .refused, .timeout, .tls])
    func unreachable(reach: RequestOutcome) {
        var bench = Bench(6, policy: .short)
        bench.finish { _, _ in .none(reach) }
        #expect((0..<6).allSatisfy { bench.status($0) == .unreachable })
        #expect(bench.reasons == [.unreachable])
        #expect(bench.exitCode == 30)
    }

    @Test("Row 4: a host that the source no longer lists is missing, and a waiver takes it out of the gate")
    func gone() {
        var bench = Bench(2, policy: .short)
        bench.learn(listed: ["host-0"], at: 5)
        bench.finish { host, _ in host == 0 ? .answer(Answer()) : .none(.dns) }
        #expect(bench.status(1) == .missing)
        #expect(bench.exitCode == 30)

        var waived = Bench(2, policy: .short) {
            $0[1].waiver = Waiver(until: "2027-01-01T00:00:00Z", reason: "disk swap", isExpired: false)
        }
        waived.learn(listed: ["host-0"], at: 5)
        waived.finish { host, _ in host == 0 ? .answer(Answer()) : .none(.dns) }
        #expect(waived.status(1) == .missing)
        #expect(waived.verdict == .converged)
        #expect(waived.exitCode == 0)
    }

    @Test("Row 5: a fleet that agrees with a stale tag is behind what was promoted")
    func staleTag() {
        var bench = Bench(5, policy: .short)
        bench.finish { _, _ in .answer(.old) }
        #expect((0..<5).allSatisfy { bench.facts($0).build == .behind && bench.status($0) == .straggler })
        #expect(bench.exitCode == 10)
    }

    @Test("Row 6: an inventory without a host is exit 50, and a verification without one is never green")
    func empty() {
        let refusal = InventoryCheck().refusal(of: [], listed: [])
        #expect(refusal?.verdict == .emptyInventory)
        #expect(refusal?.exitCode == 50)
        var bench = Bench(0, policy: .short)
        bench.finish { _, _ in .skip }
        #expect(bench.verdict != .converged)
        #expect(bench.exitCode != 0)
    }

    @Test("Row 6: a verification of waived hosts only is never green")
    func allWaived() {
        var bench = Bench(2, policy: .short) { hosts in
            for host in hosts.indices {
                hosts[host].waiver = Waiver(until: "2027-01-01T00:00:00Z", reason: "", isExpired: false)
            }
        }
        bench.finish { _, _ in .answer(Answer()) }
        #expect(bench.verdict != .converged)
        #expect(bench.exitCode != 0)
    }

    @Test("Row 7: when a newer push comes, its hosts are ahead and the verdict is superseded, exit 40")
    func twoPushes() {
        var bench = Bench(2, policy: .short)
        bench.poll(1...5) { host, _ in .answer(host == 0 ? Answer(build: .next) : Answer()) }
        #expect(bench.facts(0).build == .foreign)
        bench.learn(.upToSuccessor, at: 5.5)
        #expect(bench.status(0) == .ahead)
        #expect(bench.reason(0).contains("generation 3"))
        #expect(bench.verdict == .superseded)
        #expect(bench.exitCode == 40)
        #expect(bench.verification.conclusion?.reasons.first?.message.contains("promotion no. 3") == true)
    }

    @Test("Row 8: an old container that still answers while it drains is pending, and the host converges")
    func draining() {
        var bench = Bench()
        bench.poll(1...40, every: 1) { _, moment in
            .answer(moment < 3 || (4..<6).contains(moment) ? .old : Answer())
        }
        #expect(bench.history().contains(.pending))
        #expect(!bench.history().contains(.rolledBack))
        #expect(bench.status() == .converged)
        #expect(bench.verdict == .converged)
    }

    @Test("Row 9: a crash loop that serves whenever it is asked is failed, by its restart count")
    func crashLoop() {
        var bench = Bench()
        bench.poll(1...60) { _, moment in
            .answer(
                Answer().with {
                    $0.restarts = Int(moment / 3)
                    $0.startedAt = "start \(Int(moment / 3))"
                })
        }
        #expect(bench.status() == .failed)
        #expect(bench.reason().contains("keeps crashing"))
        #expect(bench.verdict == .failedDeploy)
        #expect(bench.exitCode == 20)
    }

    @Test("Row 9: a crash loop slower than two restarts a soak starts the soak again with each")
    func slowCrashLoop() {
        var bench = Bench(policy: .short)
        bench.finish { _, moment in
            .answer(Answer().with { $0.restarts = Int(moment / 9) })
        }
        #expect(!bench.history().contains(.converged))
        #expect(bench.exitCode != 0)
    }

    @Test("Row 10: a platform that goes back to the old build is rolled back, exit 21, and not stable")
    func rolledBack() {
        var bench = Bench(policy: .short)
        bench.finish { _, moment in .answer(moment < 8 ? Answer() : .old) }
        #expect(bench.status() == .rolledBack)
        #expect(bench.verdict == .rolledBack)
        #expect(bench.exitCode == 21)
    }

    @Test("Row 11: a cached answer is a conflict, by its nonce", arguments: [Answer.Nonce.missing, .another])
    func cached(nonce: Answer.Nonce) {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in .answer(Answer(nonce: nonce)) }
        #expect(bench.facts().identity == .replayed)
        #expect(bench.status() == .conflict)
        #expect(bench.exitCode == 60)
    }

    @Test("Row 11: a balancer that answers with another host's id is a conflict")
    func balanced() {
        var bench = Bench(2, policy: .short)
        bench.finish { _, _ in .answer(Answer(hostID: "the-same-host")) }
        #expect(bench.status(0) == .conflict)
        #expect(bench.status(1) == .conflict)
        #expect(bench.facts(0).identity == .duplicate)
        #expect(bench.exitCode == 60)
    }

    @Test("Row 12: an image rebuilt from the same commit is failed, digest_wrong")
    func rebuilt() {
        var bench = Bench()
        bench.poll(1...60, Answer(build: .rebuilt))
        #expect(bench.facts().build == .digestWrong)
        #expect(bench.status() == .failed)
        #expect(bench.exitCode == 20)
    }

    @Test(
        "Row 13: an unusable git_sha is unverifiable, and the reason shows it",
        arguments: [
            (Reported<GitSHA>.unusable("dev"), "'dev' is not hexadecimal"),
            (.unusable(""), "'' is empty"),
            (.absent, "is null"),
            (.unusable("unknown"), "'unknown' is not hexadecimal"),
            (.unusable("abcdef0"), "has 7 digits"),
            (.unusable(String(repeating: "0", count: 40)), "is all zeros"),
            (.unusable("abcdef0-dirty"), "uncommitted changes"),
        ])
    func unusable(gitSHA: Reported<GitSHA>, text: String) {
        for target in [Target.promoted, .bySHA] {
            var bench = Bench(policy: .short, target: target)
            bench.finish { _, _ in .answer(Answer(build: Build(gitSHA: gitSHA, digests: Build.target.digests))) }
            #expect(bench.status() == .unverifiable)
            #expect(bench.facts().build == .unidentified)
            #expect(bench.reason().contains(text))
            #expect(bench.exitCode == 30)
        }
    }

    @Test("Row 14: a host that reports its platform's manifest matches the promoted index")
    func platformManifest() {
        var target = Target.promoted
        target.content = PromotedContent(
            isIndex: true,
            manifests: [.init(digest: .of("7"), platform: Platform(os: "linux", architecture: "x86_64"))])
        var bench = Bench(target: target)
        bench.poll(1...60, Answer(build: Build(sha: "a", digest: "7")))
        #expect(bench.facts().build == .matchPlatform)
        #expect(bench.verdict == .converged)
    }

    @Test(
        "Row 15: what does not serve is not proven, and failed after --fail-after answers",
        arguments: [ServiceState.paused, .unhealthy, .restarting, .exited])
    func notServing(state: ServiceState) {
        var bench = Bench()
        bench.poll(1...4, Answer(state: state))
        #expect(bench.status() == .starting)
        #expect(bench.verdict == nil)
        bench.poll(5...6, Answer(state: state))
        #expect(bench.status() == .failed)
        #expect(bench.exitCode == 20)
    }

    @Test("Row 15: an instance that is called serving and unhealthy is not proven")
    func contradictingHealth() {
        var bench = Bench()
        bench.poll(1...6, Answer(edit: { $0.instances[0].health = .unhealthy }))
        #expect(bench.status() == .failed)
        #expect(bench.exitCode == 20)
    }

    @Test("Row 16: an agent that cannot read its engine is an agent error, and not absent")
    func unreadable() {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in .answer(Answer(state: .unknown, reason: "permission denied")) }
        #expect(bench.status() == .agentError)
        #expect(bench.reason().contains("permission denied"))
        #expect(bench.exitCode == 30)
    }

    @Test("Row 17: one dead host delays no other, and the deadline is one for all")
    func oneDeadHost() {
        var bench = Bench(3, policy: .short)
        bench.finish { host, _ in host == 0 ? .none(.timeout) : .answer(Answer()) }
        #expect(bench.endedAt == 60)
        #expect(bench.exitCode == 30)
        for host in 1..<3 {
            #expect(bench.verification.tracks[host].transitions.last.map { $0.at < .seconds(14) } == true)
        }
    }

    @Test("Row 18: only changes of a status are reported")
    func changesOnly() {
        var bench = Bench(2, policy: .short)
        bench.finish { host, _ in .answer(host == 0 ? .old : Answer()) }
        let changes = bench.actions.filter { if case .changed = $0 { true } else { false } }
        #expect(changes.count == 4, "pending, straggler; soaking, converged: \(changes)")
    }

    @Test("Row 19: a clock that is wrong by a day changes nothing")
    func wrongClock() {
        var (bench, reference) = (Bench(), Bench())
        reference.poll(1...60, Answer())
        bench.poll(1...60, Answer(edit: { $0.observedAt = "2025-12-31T00:00:00Z" }))
        #expect(bench.verdict == .converged)
        #expect(bench.verification.conclusion == reference.verification.conclusion)
    }

    @Test(
        "Row 20: an interrupted verification is 130 or 143 and reports what it knew", arguments: [(2, 130), (15, 143)])
    func interrupted(signal: Int32, exitCode: Int32) {
        var bench = Bench(2)
        bench.poll(1...5) { host, _ in .answer(host == 0 ? Answer() : .old) }
        bench.interrupt(signal: signal, at: 5.5)
        #expect(bench.verdict == .interrupted)
        #expect(bench.exitCode == exitCode)
        #expect(bench.status(0) == .soaking)
        #expect(bench.status(1) == .pending)
    }

    @Test("Row 21: a parked page is an agent error, not_buildinfo")
    func parked() {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in .none(.notBuildinfo) }
        #expect(bench.facts().reach == .notBuildinfo)
        #expect(bench.status() == .agentError)
        #expect(bench.exitCode == 30)
    }

    @Test("Row 22: a tolerance of one on a fleet of one proves nothing, and is not tolerated")
    func toleranceOfOne() {
        var policy = Policy.short
        policy.maxStragglers = .hosts(1)
        policy.maxUnreachable = .hosts(1)
        policy.maxFailed = .hosts(1)
        for (seen, code) in [
            (Bench.Seen.answer(.old), 10), (.none(.timeout), 30), (.answer(Answer(build: .rebuilt)), 20),
        ] {
            var bench = Bench(policy: policy)
            bench.finish { _, _ in seen }
            #expect(bench.exitCode == Int32(code))
            let message = bench.verification.conclusion?.reasons.first?.message
            #expect(message?.contains("only 0 of at least 1") == true)
        }
    }
}
