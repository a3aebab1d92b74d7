import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

@Suite("Tolerance by label")
struct GroupToleranceTests {
    /// A kind of exception, and its tolerance.
    enum Kind: String, CaseIterable, Sendable {
        case straggler, unreachable, failed

        var seen: Bench.Seen {
            switch self {
            case .straggler: .answer(.old)
            case .unreachable: .none(.refused)
            case .failed: .answer(Answer(build: .rebuilt))
            }
        }

        var exitCode: Int32 {
            switch self {
            case .straggler: 10
            case .unreachable: 30
            case .failed: 20
            }
        }

        func tolerate(_ plain: Tolerance, _ byLabel: [GroupTolerance], in policy: inout Policy) {
            switch self {
            case .straggler: (policy.maxStragglers, policy.maxStragglersByLabel) = (plain, byLabel)
            case .unreachable: (policy.maxUnreachable, policy.maxUnreachableByLabel) = (plain, byLabel)
            case .failed: (policy.maxFailed, policy.maxFailedByLabel) = (plain, byLabel)
            }
        }
    }

    /// Runs a fleet in which these hosts are exceptions, and all others are right.
    private func run(
        _ kind: Kind, _ exceptions: Set<Int>, of fleet: [ExpectedHost], plain: Tolerance = .none,
        _ byLabel: [GroupTolerance]
    ) -> Bench {
        var policy = Policy.short
        kind.tolerate(plain, byLabel, in: &policy)
        var bench = Bench(fleet.count, policy: policy) { $0 = fleet }
        bench.finish { host, _ in exceptions.contains(host) ? kind.seen : .answer(Answer()) }
        return bench
    }

    private static let regions = Fleet.hosts(
        Array(repeating: ["region": "eu"], count: 5) + Array(repeating: ["region": "us"], count: 5) + [[:], [:]])
    private static let eu = HostGroup(key: "region", value: "eu")
    private static let us = HostGroup(key: "region", value: "us")

    @Test(
        "A tolerance by label covers the hosts with the label, and a share of these, rounded down",
        arguments: Kind.allCases)
    func within(kind: Kind) {
        let twoOfFive = [GroupTolerance(Self.eu, .percent(40))]
        #expect(run(kind, [0, 1], of: Self.regions, twoOfFive).verdict == .convergedTolerated)
        #expect(run(kind, [0, 1, 2], of: Self.regions, twoOfFive).exitCode == kind.exitCode)
        #expect(run(kind, [5], of: Self.regions, twoOfFive).exitCode == kind.exitCode, "nothing is said of us")
        #expect(run(kind, [0, 1], of: Self.regions, [.init(Self.eu, .percent(39))]).exitCode == kind.exitCode)
        #expect(run(kind, [0], of: Self.regions, [.init(Self.eu, .hosts(1))]).exitCode == 0)
    }

    @Test("The plain tolerance covers the hosts without one by label, and a share of these", arguments: Kind.allCases)
    func rest(kind: Kind) {
        let byLabel = [GroupTolerance(Self.eu, .hosts(0)), .init(Self.us, .hosts(1))]
        #expect(run(kind, [5, 10], of: Self.regions, plain: .hosts(1), byLabel).exitCode == 0)
        #expect(
            run(kind, [0], of: Self.regions, plain: .hosts(9), byLabel).exitCode == kind.exitCode,
            "the plain one is not for eu")
        #expect(run(kind, [5, 6], of: Self.regions, plain: .hosts(9), byLabel).exitCode == kind.exitCode)
        #expect(run(kind, [10], of: Self.regions, plain: .percent(50), byLabel).exitCode == 0, "one of two")
        #expect(
            run(kind, [10, 11], of: Self.regions, plain: .percent(50), byLabel).exitCode == kind.exitCode,
            "half of the other hosts, not half of the fleet")
    }

    @Test("A host with several of the labels must fit into each of them", arguments: Kind.allCases)
    func several(kind: Kind) {
        let fleet = Fleet.hosts([
            ["region": "eu", "group": "canary"], ["region": "eu"], ["region": "us", "group": "canary"],
            ["region": "us"],
        ])
        let byLabel = [GroupTolerance(Self.eu, .hosts(2)), .init(.canary, .hosts(0))]
        #expect(run(kind, [1], of: fleet, byLabel).exitCode == 0)
        #expect(run(kind, [0], of: fleet, byLabel).exitCode == kind.exitCode)
        #expect(run(kind, [0], of: fleet, [.init(Self.eu, .hosts(1)), .init(.canary, .hosts(1))]).exitCode == 0)
        #expect(
            run(kind, [0], of: fleet, [.init(Self.eu, .hosts(1)), .init(Self.eu, .hosts(0))]).exitCode == kind.exitCode,
            "of two for one label the smaller one holds")
    }

    @Test("Waived hosts are no part of a share")
    func waived() {
        var fleet = Self.regions
        fleet[4].waiver = .active
        #expect(run(.straggler, [0, 4], of: fleet, [.init(Self.eu, .percent(25))]).exitCode == 0, "one of four")
        fleet[3].waiver = .active
        #expect(run(.straggler, [0, 4], of: fleet, [.init(Self.eu, .percent(25))]).exitCode == 10, "none of three")
    }

    @Test("Nothing is tolerated below the least number of proven hosts")
    func minProven() {
        var policy = Policy.short
        policy.maxStragglersByLabel = [.init(.canary, .percent(100))]
        var bench = Bench(2, policy: policy) { $0 = Fleet.hosts(canary: 2, stable: 0) }
        bench.finish { _, _ in .answer(.old) }
        #expect(bench.exitCode == 10)
    }

    @Test("The message names the hosts, their total, and the tolerance")
    func messages() {
        func message(_ bench: Bench) -> String? { bench.verification.conclusion?.reasons.first?.message }
        #expect(
            message(run(.straggler, [0, 1], of: Self.regions, [.init(Self.eu, .percent(40))]))
                == "10 of 12 hosts proven; tolerated: host-0, host-1 (2 straggler); "
                + "2 of 5 hosts with region=eu are behind, 40% (2) tolerated")
        #expect(
            message(run(.straggler, [0, 1, 5], of: Self.regions, [.init(Self.eu, .percent(20))]))
                == "1 of 7 other hosts is behind, none tolerated; "
                + "2 of 5 hosts with region=eu are behind, 20% (1) tolerated: host-0, host-1, host-5")
        let excess = run(.unreachable, [0, 5], of: Self.regions, plain: .hosts(1), [.init(Self.eu, .hosts(0))])
        #expect(message(excess) == "1 of 5 hosts with region=eu gave no usable answer, none tolerated: host-0")
        #expect(excess.verification.conclusion?.reasons.first?.hosts == 1, "tolerated hosts are not part of the cause")
        #expect(
            message(run(.failed, [0, 1], of: Self.regions, [.init(Self.eu, .hosts(1))]))
                == "2 of 5 hosts with region=eu failed, 1 tolerated: host-0, host-1")
    }

    @Test("More failed hosts of a label than allowed stop it at once, however many may fail elsewhere")
    func failFast() {
        var policy = Policy()
        policy.maxFailed = .hosts(5)
        policy.maxFailedByLabel = [.init(.canary, .hosts(0))]
        var bench = Bench(4, policy: policy) { $0 = Fleet.hosts(canary: 1, stable: 3) }
        bench.poll(1...60) { host, _ in host == 0 ? .answer(Answer(build: .mislabelled)) : .answer(.old) }
        #expect(bench.endedAt == 5, "the third answer in a row")
        #expect(bench.verdict == .failedDeploy)

        var stable = Bench(4, policy: policy) { $0 = Fleet.hosts(canary: 1, stable: 3) }
        stable.poll(1...60) { host, _ in host == 1 ? .answer(Answer(build: .mislabelled)) : .answer(.old) }
        #expect(stable.verdict == nil)
    }

    @Test("A dead host that only its label tolerates does not cost the whole timeout, and another one does")
    func restTolerated() throws {
        var policy = Policy(timeout: .seconds(600), stall: .seconds(600))
        policy.maxUnreachableByLabel = [.init(.canary, .hosts(1))]
        func run(dead: Int) -> Bench {
            var bench = Bench(4, policy: policy) { $0 = Fleet.hosts(canary: 2, stable: 2) }
            bench.poll(1...60) { host, _ in host == dead ? .none(.refused) : .answer(Answer()) }
            return bench
        }
        let tolerated = run(dead: 0)
        #expect(tolerated.verdict == .convergedTolerated)
        #expect(try #require(tolerated.endedAt) <= 15)
        #expect(run(dead: 3).verdict == nil)
    }

    private static let texts: [(String, GroupTolerance?)] = [
        ("region=eu:10%", GroupTolerance(eu, .percent(10))), ("region=eu:0", .init(eu, .hosts(0))),
        ("url=http://x:80:2", .init(HostGroup(key: "url", value: "http://x:80"), .hosts(2))),
        ("a=:1", .init(HostGroup(key: "a", value: ""), .hosts(1))),
        ("a=b=c:1", .init(.init(key: "a", value: "b=c"), .hosts(1))),
        ("region=eu", nil), ("region=eu:", nil), ("region=eu:x", nil), ("region:10%", nil), ("=eu:1", nil),
        ("region!=eu:1", nil), ("region==eu:1", nil), ("region=e\u{202E}u:1", nil), ("10%", nil), ("", nil),
    ]

    @Test("It is written as KEY=VALUE:N or KEY=VALUE:P%", arguments: texts)
    func parsing(text: String, expected: GroupTolerance?) {
        #expect(GroupTolerance(parsing: text) == expected)
        if let expected { #expect(expected.description == text) }
    }
}
