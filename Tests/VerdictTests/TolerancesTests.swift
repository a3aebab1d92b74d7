import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

@Suite("Tolerances: which of two are stricter")
struct TolerancesTests {
    /// Five hosts in two regions, two of them canaries, and a waived one.
    private static let hosts =
        [
            ["region": "eu", "group": "canary"], ["region": "eu"], ["region": "us", "group": "canary"],
            ["region": "us"], [:],
        ].enumerated().map { number, labels in
            ExpectedHost(name: "host-\(number)", url: "http://host-\(number)", labels: labels)
        } + [
            ExpectedHost(
                name: "waived", url: "http://waived", labels: ["region": "eu"],
                waiver: Waiver(until: "2999-01-01T00:00:00Z", reason: "r", isExpired: false))
        ]

    private static func tolerances(_ texts: [String]) throws -> Tolerances {
        Tolerances(
            plain: texts.lazy.compactMap(Tolerance.init(parsing:)).first ?? .none,
            byLabel: texts.compactMap(GroupTolerance.init(parsing:)))
    }

    @Test(
        "A tolerance is within another one if it permits nothing more",
        arguments: [
            (["0"], ["0"], true), (["1"], ["0"], false), (["1"], ["20%"], true), (["20%"], ["1"], true),
            // The waived host is in no percentage.
            (["2"], ["39%"], false), (["100%"], ["5"], true), (["6"], ["5"], true),
            (["region=eu:1"], ["1"], true), (["region=eu:1", "1"], ["1"], false), (["region=eu:1", "1"], ["2"], true),
            (["region=eu:1", "region=us:1"], ["1"], false), (["region=eu:1", "region=us:1"], ["2"], true),
            // A fleet that has limits by label keeps them.
            (["1"], ["region=eu:1"], false), (["1"], ["region=eu:1", "1"], true), (["2"], ["region=eu:1", "1"], false),
            (["region=eu:1"], ["region=eu:1"], true),
            (["region=eu:2"], ["region=eu:1"], false), (["group=canary:1"], ["region=eu:1", "region=us:1"], true),
            (["group=canary:2"], ["region=eu:1", "region=us:1"], true), (["region=eu:1"], ["region=us:1"], false),
        ] as [([String], [String], Bool)])
    func table(_ own: [String], _ other: [String], _ isWithin: Bool) throws {
        #expect(try Self.tolerances(own).isWithin(Self.tolerances(other), for: Self.hosts) == isWithin)
    }

    /// True if these hosts may be exceptions, by the verdict's own limits.
    private static func permits(_ tolerances: Tolerances, _ exceptions: Set<Int>) -> Bool {
        var policy = Policy()
        policy.stragglers = tolerances
        return LimitScope.all(policy: policy, hosts: hosts).filter { $0.purpose == .behind }.allSatisfy { scope in
            exceptions.count { scope.contains(hosts[$0]) } <= scope.limit
        }
    }

    @Test("Whatever is found to be within another tolerance permits no set of hosts that the other one does not")
    func sound() throws {
        let limits = ["0", "1", "2", "40%", "100%"]
        let groups = ["region=eu", "region=us", "group=canary"]
        var generator = SystemRandomNumberGenerator()
        let subsets = (0..<32).map { bits in Set((0..<5).filter { bits >> $0 & 1 == 1 }) }
        func random() throws -> Tolerances {
            try Self.tolerances(
                limits.shuffled(using: &generator).prefix(Int.random(in: 0...1, using: &generator))
                    + groups.filter { _ in Bool.random(using: &generator) }.map {
                        "\($0):\(limits.randomElement(using: &generator) ?? "0")"
                    })
        }
        var found = 0
        for _ in 0..<2_000 {
            let (own, other) = (try random(), try random())
            guard own.isWithin(other, for: Self.hosts) else { continue }
            found += 1
            let more = subsets.first { Self.permits(own, $0) && !Self.permits(other, $0) }
            try #require(more == nil, "\(own) permits \(more ?? []), and \(other) does not")
        }
        #expect(found > 100)
    }
}
