import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

@Suite("What must be proven, whatever is tolerated")
struct RequirementTests {
    /// Everything is tolerated, but the canary hosts (0 and 1 of five) must be proven.
    private static func policy(_ share: Tolerance = .percent(100)) -> Policy {
        var policy = Policy.short
        policy.maxStragglers = .percent(100)
        policy.maxUnreachable = .percent(100)
        policy.maxFailed = .percent(100)
        policy.require = [Requirement(group: .canary, share: share)]
        return policy
    }

    private func run(
        _ policy: Policy = policy(), edit: (inout [ExpectedHost]) -> Void = { _ in },
        _ seen: (_ host: Int, _ moment: Double) -> Bench.Seen
    ) -> Bench {
        var bench = Bench(5, policy: policy) {
            $0 = Fleet.hosts(canary: 2, stable: 3)
            edit(&$0)
        }
        bench.finish(seen)
        return bench
    }

    private func message(_ bench: Bench) -> String { bench.verification.conclusion?.reasons.first?.message ?? "" }

    @Test(
        "Tolerance never covers the canary: it is what its own host is, and the requirement is named",
        arguments: GroupToleranceTests.Kind.allCases)
    func canary(kind: GroupToleranceTests.Kind) {
        let canary = run { host, _ in host == 1 ? kind.seen : .answer(Answer()) }
        #expect(canary.exitCode == kind.exitCode)
        #expect(canary.verification.conclusion?.reasons.map(\.hosts) == [1])
        #expect(message(canary).contains("host-1; --require group=canary:100% asks for 2 of 2 proven, and "))
        let stable = run { host, _ in host == 2 ? kind.seen : .answer(Answer()) }
        #expect(stable.verdict == .convergedTolerated)
    }

    @Test("A requirement counts only the hosts of its label; other tolerances stay")
    func othersStayTolerated() {
        let bench = run { host, _ in host == 0 ? .none(.refused) : host > 2 ? .answer(.old) : .answer(Answer()) }
        #expect(bench.reasons == [.unreachable])
        #expect(
            message(bench)
                == "1 host gave no usable answer: host-0; --require group=canary:100% asks for 2 of 2 proven, and 1 is")
    }

    @Test("A requirement that is not met is a cause beside others")
    func besideOthers() {
        var policy = Self.policy()
        policy.maxStragglers = .none
        let bench = run(policy) { host, _ in
            host == 0 ? .none(.refused) : host == 4 ? .answer(.old) : .answer(Answer())
        }
        #expect(bench.reasons == [.unreachable, .stragglers])
        #expect(bench.exitCode == 30)
    }

    @Test("It asks for a share of the expected hosts, rounded up, and waived ones are not expected")
    func shares() {
        func isGreen(_ share: Tolerance, missing: Set<Int>, waived: Set<Int> = []) -> Bool {
            let bench = run(
                Self.policy(share),
                edit: { hosts in for host in waived { hosts[host].waiver = .active } },
                { host, _ in missing.contains(host) ? .none(.refused) : .answer(Answer()) })
            return bench.exitCode == 0
        }
        #expect(isGreen(.hosts(1), missing: [0]))
        #expect(!isGreen(.hosts(1), missing: [0, 1]))
        #expect(isGreen(.percent(50), missing: [0]))
        #expect(!isGreen(.percent(51), missing: [0]), "half of two is not 51 percent")
        #expect(isGreen(.percent(100), missing: [0], waived: [0]))
        #expect(!isGreen(.percent(100), missing: [1], waived: [0]))
    }

    @Test(
        "A percentage is rounded up, and at least one",
        arguments: [
            (Tolerance.percent(50), 3, 2), (.percent(7), 100, 7), (.percent(29), 100, 29), (.percent(0.1), 5, 1),
            (.percent(100), 7, 7), (.percent(99.9), 10, 10), (.hosts(3), 10, 3), (.percent(50), 0, 1),
        ])
    func rounding(share: Tolerance, expected: Int, minimum: Int) {
        #expect(Requirement(group: .canary, share: share).minimum(of: expected) == minimum)
    }

    @Test("A failed canary stops it at once, although failures are tolerated")
    func failFast() {
        let bench = run { host, _ in host == 0 ? .answer(Answer(build: .mislabelled)) : .answer(.old) }
        #expect(bench.endedAt == 5, "the third answer in a row")
        #expect(bench.verdict == .failedDeploy)
        #expect(message(bench).contains("--require group=canary:100%"))
        let enough = run(Self.policy(.hosts(1))) { host, _ in
            host == 0 ? .answer(Answer(build: .mislabelled)) : .answer(.old)
        }
        #expect(enough.endedAt == 60, "the other one can still do it")
    }

    @Test("Nothing ends early while a required host is missing")
    func restTolerated() {
        var policy = Self.policy()
        policy.timeout = .seconds(600)
        func end(dead: Int) -> Double? {
            var bench = Bench(5, policy: policy) { $0 = Fleet.hosts(canary: 2, stable: 3) }
            bench.poll(1...60) { host, _ in host == dead ? .none(.refused) : .answer(Answer()) }
            return bench.endedAt
        }
        #expect(end(dead: 4).map { $0 <= 15 } == true)
        #expect(end(dead: 0) == nil)
    }

    @Test("A stall is red where the canary is not there")
    func stall() {
        var policy = Self.policy()
        policy.stall = .seconds(20)
        let bench = run(policy) { host, _ in host == 0 ? .answer(.old) : .answer(Answer()) }
        #expect(bench.reasons == [.stalled, .stragglers])
        #expect(bench.exitCode == 11)
    }

    @Test("A requirement that no expected host can fulfil is never green, although every host is proven")
    func impossible() {
        let few = run(Self.policy(.hosts(3))) { _, _ in .answer(Answer()) }
        #expect(few.verdict == .inventoryShrunk)
        #expect(few.exitCode == 50)
        let none = run(edit: { for host in $0.indices { $0[host].labels = [:] } }, { _, _ in .answer(Answer()) })
        #expect(none.verdict == .emptyInventory)
        #expect(none.exitCode == 50)
    }

    private static let texts: [(String, Requirement?)] = [
        ("group=canary:100%", Requirement(group: .canary, share: .percent(100))),
        ("group=canary:2", .init(group: .canary, share: .hosts(2))),
        ("group=canary:0", nil), ("group=canary:0%", nil), ("group=canary", nil), ("100%", nil), ("3", nil),
    ]

    @Test("It is written as KEY=VALUE:N or KEY=VALUE:P%, and asks for something", arguments: texts)
    func parsing(text: String, expected: Requirement?) {
        #expect(Requirement(parsing: text) == expected)
        if let expected { #expect(expected.description == text) }
    }
}
