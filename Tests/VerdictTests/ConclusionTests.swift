import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// The ends of a verification: tolerance, precedence, deadline, stall, superseded, interrupted.
@Suite("Ending a verification")
struct ConclusionTests {
    /// A kind of host that leads to one cause at the deadline, whatever the other hosts do.
    enum Fate: String, CaseIterable, Sendable {
        case conflict, failed, rolledBack, unreachable, straggler

        var exitCode: Int32 {
            switch self {
            case .conflict: 60
            case .failed: 20
            case .rolledBack: 21
            case .unreachable: 30
            case .straggler: 10
            }
        }

        func seen(at moment: Double) -> Bench.Seen {
            switch self {
            case .conflict: .answer(Answer(nonce: .missing))
            case .failed: .answer(Answer(build: .rebuilt))
            case .rolledBack: .answer(moment < 5 ? Answer() : .old)
            case .unreachable: .none(.timeout)
            case .straggler: .answer(.old)
            }
        }
    }

    private static let patient: Policy = {
        var policy = Policy.short
        // A failed host must not end the verification before the other hosts have their statuses.
        policy.failAfter = 1_000
        return policy
    }()

    @Test(
        "Of two causes the one that comes first in the contract gives the exit code", arguments: Fate.allCases,
        Fate.allCases)
    func precedence(one: Fate, other: Fate) {
        var bench = Bench(3, policy: Self.patient)
        bench.finish { host, moment in
            switch host {
            case 0: one.seen(at: moment)
            case 1: other.seen(at: moment)
            default: .answer(Answer())
            }
        }
        let order: [Int32] = [60, 20, 21, 30, 10]
        let codes = order.filter { [one.exitCode, other.exitCode].contains($0) }
        #expect(bench.exitCode == codes.first)
        #expect(bench.reasons.map(\.exitCode) == codes, "every cause is listed, worst first")
    }

    @Test(
        "A newer promotion comes after conflict, failure and loss, and before unreachable and stragglers",
        arguments: Fate.allCases)
    func supersededPrecedence(fate: Fate) {
        for isFine in [false, true] {
            var policy = Self.patient
            policy.failAfter = fate == .rolledBack ? 2 : 3
            policy.maxFailed = .hosts(0)
            policy.supersededOK = isFine
            var bench = Bench(2, policy: policy)
            bench.poll(1...3) { host, moment in host == 0 ? fate.seen(at: moment) : .answer(Answer()) }
            bench.poll(5...7) { host, moment in host == 0 ? fate.seen(at: moment) : .answer(Answer()) }
            bench.learn(.upToSuccessor, at: 8)
            let worse: [Fate] = [.conflict, .failed, .rolledBack]
            let expected = worse.contains(fate) ? fate.exitCode : (isFine ? 0 : 40)
            #expect(bench.exitCode == expected)
            #expect(fate == .failed || bench.reasons.contains(.superseded))
        }
    }

    @Test("Most answering hosts lost at once is inconclusive, before unreachable and after a rollback")
    func inconclusive() {
        func run(_ count: Int, lost: Int, spread: Double = 0, answeredBefore: Bool = true) -> Bench {
            var bench = Bench(count, policy: .short)
            bench.finish { host, moment in
                let isLost = host < lost && moment >= 21 + spread * Double(host)
                return isLost ? .none(.timeout) : answeredBefore ? .answer(.old) : .none(.refused)
            }
            return bench
        }
        #expect(run(5, lost: 5).exitCode == 31)
        #expect(run(5, lost: 5).reasons == [.inconclusive, .unreachable])
        #expect(run(9, lost: 5).exitCode == 31)
        #expect(run(10, lost: 5).exitCode == 30, "half is not more than half")
        #expect(run(4, lost: 4).exitCode == 30, "fewer than five")
        #expect(run(6, lost: 6, spread: 4).exitCode == 30, "one after the other")
        #expect(run(5, lost: 5, answeredBefore: false).exitCode == 30, "they never answered")
    }

    private static let roundingTable: [(Tolerance, Int, Int)] = [
        (Tolerance.hosts(0), 10, 0), (.hosts(3), 10, 3), (.percent(29), 100, 29), (.percent(34), 3, 1),
        (.percent(33), 3, 0),
        (.percent(99.9), 10, 9), (.percent(100), 7, 7), (.percent(50), 1, 0), (.percent(0.5), 199, 0),
    ]

    @Test(
        "Tolerance counts hosts, or a share that is rounded down",
        arguments: roundingTable)
    func rounding(tolerance: Tolerance, expected: Int, limit: Int) {
        #expect(tolerance.limit(of: expected) == limit)
    }

    private static let parsingTable: [(String, Tolerance?)] = [
        ("3", Tolerance.hosts(3)), ("0", .hosts(0)), ("5%", .percent(5)), ("2.5%", .percent(2.5)),
        ("100%", .percent(100)),
        ("101%", nil), ("-1", nil), ("-1%", nil), ("", nil), ("%", nil), ("nan%", nil), ("many", nil), ("1.5", nil),
    ]

    @Test(
        "A tolerance is a whole number or a percentage",
        arguments: parsingTable)
    func parsing(text: String, expected: Tolerance?) {
        #expect(Tolerance(parsing: text) == expected)
    }

    @Test("Each kind of exception has its own tolerance, and one more is not tolerated")
    func kinds() {
        func run(_ fate: Fate, hosts: Int, _ change: (inout Policy) -> Void) -> Int32? {
            var policy = Policy.short
            change(&policy)
            var bench = Bench(4, policy: policy)
            bench.finish { host, moment in host < hosts ? fate.seen(at: moment) : .answer(Answer()) }
            if bench.exitCode == 0 { #expect(bench.verdict == .convergedTolerated) }
            return bench.exitCode
        }
        #expect(run(.straggler, hosts: 1) { $0.maxStragglers = .hosts(1) } == 0)
        #expect(run(.straggler, hosts: 2) { $0.maxStragglers = .hosts(1) } == 10)
        #expect(run(.straggler, hosts: 1) { $0.maxUnreachable = .hosts(4) } == 10)
        #expect(run(.unreachable, hosts: 2) { $0.maxUnreachable = .percent(50) } == 0)
        #expect(run(.unreachable, hosts: 2) { $0.maxUnreachable = .percent(49) } == 30)
        #expect(run(.unreachable, hosts: 1) { $0.maxStragglers = .hosts(4) } == 30)
        #expect(run(.failed, hosts: 1) { $0.maxFailed = .hosts(1) } == 0)
        #expect(run(.failed, hosts: 2) { $0.maxFailed = .hosts(1) } == 20)
        #expect(
            run(.conflict, hosts: 1) {
                $0.maxFailed = .hosts(4); $0.maxUnreachable = .hosts(4)
            } == 60)
        #expect(
            run(.rolledBack, hosts: 1) {
                $0.maxFailed = .hosts(4); $0.maxStragglers = .hosts(4)
            } == 21)
        #expect(
            run(.straggler, hosts: 2) {
                $0.maxStragglers = .hosts(2); $0.minProven = .hosts(2)
            } == 0)
        #expect(
            run(.straggler, hosts: 2) {
                $0.maxStragglers = .hosts(2); $0.minProven = .hosts(3)
            } == 10)
        #expect(
            run(.straggler, hosts: 4) {
                $0.maxStragglers = .hosts(4); $0.minProven = .hosts(0)
            } == 10)
    }

    @Test("More failed hosts than allowed stop it at once")
    func failFast() {
        var bench = Bench(3)
        bench.poll(1...60) { host, _ in host == 0 ? .answer(Answer(build: .mislabelled)) : .answer(.old) }
        #expect(bench.endedAt == 5, "the third answer in a row")
        #expect(bench.verdict == .failedDeploy)
        #expect(bench.status(1) == .pending)
    }

    @Test("Nothing that changes for --stall ends it, but never while a host soaks")
    func stall() {
        var bench = Bench(2)
        bench.finish { host, _ in host == 0 ? .answer(Answer()) : .answer(.old) }
        #expect(bench.verdict == .stalled)
        #expect(bench.exitCode == 11)
        #expect(bench.reasons == [.stalled, .stragglers])
        #expect(bench.endedAt == 191, "180 seconds after the last change")
        #expect(bench.status(1) == .straggler)

        var soaking = Bench(policy: Policy(soak: .seconds(300)))
        soaking.finish { _, _ in .answer(Answer()) }
        #expect(soaking.verdict == .converged)
    }

    @Test("A stall with what is tolerated is a tolerated end")
    func toleratedStall() {
        var policy = Policy()
        policy.maxStragglers = .hosts(1)
        var bench = Bench(2, policy: policy)
        bench.finish { host, _ in host == 0 ? .answer(Answer()) : .answer(.old) }
        #expect(bench.verdict == .convergedTolerated)
        #expect(bench.exitCode == 0)
    }

    @Test("A waived host keeps its status and is left out of the gate; an expired waiver counts for nothing")
    func waivers() {
        func run(isExpired: Bool) -> Bench {
            var bench = Bench(2, policy: .short) {
                $0[1].waiver = Waiver(until: "2026-02-01T00:00:00Z", reason: "disk", isExpired: isExpired)
            }
            bench.finish { host, _ in .answer(host == 0 ? Answer() : Answer(build: .rebuilt)) }
            return bench
        }
        let waived = run(isExpired: false)
        #expect(waived.verdict == .converged)
        #expect(waived.status(1) == .failed)
        #expect(waived.verification.expected == 1)
        #expect(run(isExpired: true).exitCode == 20)
    }

    @Test("A delisted host that still answers is not missing")
    func missing() {
        var bench = Bench()
        bench.learn(listed: [], at: 0.5)
        #expect(bench.status() == .missing)
        bench.poll(1...11, Answer())
        #expect(bench.verdict == .converged)
    }

    @Test("Nothing changes after the end")
    func afterTheEnd() {
        var bench = Bench()
        bench.poll(1...11, Answer())
        let count = bench.actions.count
        bench.see(at: 13, Answer.old)
        bench.learn(.upToSuccessor, at: 14)
        bench.learn(listed: [], at: 14)
        bench.interrupt(signal: 2, at: 15)
        bench.advance(to: 700)
        #expect(bench.actions.count == count)
        #expect(bench.verdict == .converged)
    }

    private static let codesTable: [(Verdict, Int32)] = [
        (Verdict.converged, 0), (.convergedTolerated, 0), (.stragglers, 10), (.stalled, 11), (.failedDeploy, 20),
        (.rolledBack, 21), (.unreachable, 30), (.inconclusive, 31), (.superseded, 40), (.emptyInventory, 50),
        (.inventoryShrunk, 50), (.identityConflict, 60), (.interrupted, 130),
    ]

    @Test(
        "Every verdict has the exit code of the contract",
        arguments: codesTable)
    func codes(verdict: Verdict, code: Int32) {
        #expect(verdict.exitCode == code)
    }
}
