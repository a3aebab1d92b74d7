import Shared
import Support

@testable import Verdict

/// The scripts of single hosts.
extension Schedule {
    private typealias Stretch = TrueHost.Stretch

    /// A host that reaches the target after harmless problems, and stays there.
    static func calmHost(
        _ host: Int, before end: Int, wanted: Wanted, of count: Int, _ random: inout SplitMix64
    ) -> TrueHost {
        var made = TrueHost(stretches: [Stretch(from: past, kinds: [.target], state: .serving, container: 1)])
        made.story = "calm"
        if random.chance(70) {
            let deploy = random.pick(-3_000, end)
            made.stretches = [
                Stretch(from: past, kinds: [random.pick(from: [.old, .foreign])], state: .serving, container: 0),
                Stretch(from: deploy, kinds: [], state: .absent, container: 0),
                Stretch(from: deploy + random.pick(1, 900), kinds: [.target], state: .starting, container: 1, start: 1),
                Stretch(
                    from: deploy + random.pick(900, 2_000), kinds: [.target], state: .serving, container: 1, start: 1),
            ]
        }
        setWays(&made, isSlow: false, &random)
        if random.chance(20) {
            made.declared = 1
            for index in made.stretches.indices { made.stretches[index].leftOut = random.pick(0, 2) }
        }
        if wanted == .commit, count == 1, random.chance(40) { becomePlain(&made, &random) }
        made.lookPeriod = random.pick(from: [0, 0, 200, 1_000, 2_000])
        made.lookPhase = random.pick(0, 1_999)
        if random.chance(40) {
            var kinds: [TrueHost.Fault.Kind] = [
                .silence(.refused, after: 1), .silence(.timeout, after: 500), .loss(percent: 50), .garbage(.httpStatus),
                .garbage(.notBuildinfo), .cache, .blind, .frozen,
            ]
            if count > 1 { kinds.append(.misroute(to: (host + 1) % count)) }
            if made.isPlain {
                kinds = [
                    .silence(.refused, after: 1), .loss(percent: 50), .garbage(.httpStatus), .stored(saysSo: true),
                    .stored(saysSo: !made.saysDate), .stored(saysSo: !made.saysDate),
                ]
            }
            let start = random.pick(-2_000, end)
            made.faults = [
                TrueHost.Fault(from: start, until: start + random.pick(1, 2_500), kind: random.pick(from: kinds))
            ]
        }
        return made
    }

    /// A host with any script.
    static func host(_ number: Int, timeout: Int, wanted: Wanted, _ random: inout SplitMix64) -> TrueHost {
        var made = TrueHost(stretches: [])
        let stories: [(String, (Int, inout SplitMix64) -> [TrueHost.Stretch])] = [
            ("right all along", right), ("right all along", right), ("deployed", deployed), ("deployed", deployed),
            ("never deployed", never), ("old one drains", draining), ("crash loop", crashLoop),
            ("rolled back", rolledBack), ("pauses", pauses), ("wrong image", wrong),
            ("wrong image for a while", wrongOnce),
            ("two instances", twoInstances), ("chaos", chaos), ("recreate loop", recreateLoop), ("leftover", leftover),
            ("too few", tooFew), ("keeps its health", keptHealth),
        ]
        let story = random.pick(from: stories)
        made.story = story.0
        made.stretches = story.1(timeout, &random).sorted { $0.from < $1.from }
        setWays(&made, isSlow: random.chance(15), &random)
        made.lookPeriod = random.pick(from: [0, 0, 100, 500, 2_000, 5_000])
        made.lookPhase = random.pick(0, 4_999)
        made.skewDays = random.pick(-400, 400)
        if random.chance(4) { made.replacedAt = random.pick(-1_000, timeout) }
        if story.0 == "too few" { made.declared = random.pick(2, 3) } else if random.chance(10) { made.declared = 1 }
        if wanted == .commit, random.chance(25) { becomePlain(&made, &random) }
        return made
    }

    /// Without an agent, machines and their instances cannot be distinguished.
    private static func becomePlain(_ made: inout TrueHost, _ random: inout SplitMix64) {
        made.isPlain = true
        made.saysDate = random.chance(80)
        made.replacedAt = nil
        made.declared = nil
        for index in made.stretches.indices {
            made.stretches[index].kinds = Array(made.stretches[index].kinds.prefix(1))
            made.stretches[index].leftover = nil
        }
    }

    private static func setWays(_ host: inout TrueHost, isSlow: Bool, _ random: inout SplitMix64) {
        host.wayThere = isSlow ? random.pick(0, 1_900) : random.pick(0, 20)
        host.wayBack = isSlow ? random.pick(0, 1_900) : random.pick(0, 20)
    }

    /// Adds one to three faults in front of the host.
    mutating func addFaults(to host: Int, within range: ClosedRange<Int>, _ random: inout SplitMix64) {
        for _ in 0..<random.pick(1, 3) {
            let start = random.pick(range.lowerBound, range.upperBound)
            let length = random.pick(from: [500, 1_500, 3_000, 8_000, 100_000])
            var kinds: [TrueHost.Fault.Kind] = [
                .silence(.refused, after: 1), .silence(.timeout, after: requestTimeout), .silence(.dns, after: 10),
                .silence(.tls, after: 20), .loss(percent: random.pick(5, 60)), .garbage(.httpStatus),
                .garbage(.notBuildinfo), .garbage(.auth), .garbage(.tooLarge), .garbage(.protocolError),
            ]
            if !hosts[host].isPlain {
                kinds += [.cache, .cache, .blind, .frozen, .frozen]
                let others = hosts.indices.filter { $0 != host && !hosts[$0].isPlain }
                kinds.append(.misroute(to: others.isEmpty || random.chance(20) ? -1 : random.pick(from: others)))
            } else {
                // Without a cache header or a Date, a stored answer cannot be recognised.
                let isTold = !hosts[host].saysDate
                kinds += [
                    .stored(saysSo: true), .stored(saysSo: isTold), .stored(saysSo: isTold), .stored(saysSo: isTold),
                ]
            }
            let early = random.chance(10) ? 100_000 : 0
            hosts[host].faults.append(
                TrueHost.Fault(from: start - early, until: start + length, kind: random.pick(from: kinds)))
        }
        // A stranger is recognised only by the inventory's id, so a host that can be replaced must not be answered for by
        // one.
        if hosts[host].faults.contains(where: { if case .misroute(to: -1) = $0.kind { true } else { false } }) {
            hosts[host].replacedAt = nil
        }
    }

    private static func right(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        [Stretch(from: past, kinds: [.target], state: .serving, container: 1)]
    }

    private static func deployed(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        let at = random.pick(-5_000, timeout)
        let gap = random.pick(0, 800)
        let warm = random.pick(0, 3_000)
        return [
            Stretch(
                from: past, kinds: [random.pick(from: [.old, .foreign, .unlabelled])], state: .serving, container: 0),
            Stretch(from: at, kinds: [], state: .absent, container: 0),
            Stretch(from: at + gap, kinds: [.target], state: .starting, container: 1, start: 1),
            Stretch(from: at + gap + warm, kinds: [.target], state: .serving, container: 1, start: 1),
        ]
    }

    private static func never(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        let kind = random.pick(from: TrueHost.Kind.allCases.filter { $0 != .target })
        return [Stretch(from: past, kinds: [kind], state: .serving, container: 0, tagMoved: random.chance(50))]
    }

    private static func draining(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        let at = random.pick(-2_000, timeout)
        let back = at + random.pick(100, 4_000)
        return [
            Stretch(from: past, kinds: [.old], state: .serving, container: 0),
            Stretch(from: at, kinds: [.target], state: .serving, container: 1),
            Stretch(from: back, kinds: [.old], state: .serving, container: 0),
            Stretch(from: back + random.pick(100, 4_000), kinds: [.target], state: .serving, container: 1),
        ]
    }

    private static func crashLoop(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        var made = [Stretch(from: past, kinds: [.old], state: .serving, container: 0)]
        var at = random.pick(-4_000, timeout)
        let up = random.pick(200, 6_000)
        let down = random.pick(0, 1_500)
        let end = random.chance(60) ? timeout : at + random.pick(1, 3) * (up + down)
        let isReplaced = random.chance(25)
        var round = 0
        while at < end {
            let container = isReplaced ? 1 + round : 1
            let restarts = isReplaced ? 0 : round
            made.append(
                Stretch(
                    from: at, kinds: [.target], state: .serving, container: container, start: round, restarts: restarts)
            )
            made.append(
                Stretch(
                    from: at + up, kinds: [.target], state: random.pick(from: [.restarting, .starting]),
                    container: container, start: round, restarts: restarts, oomKilled: random.chance(20)))
            at += up + down
            round += 1
        }
        made.append(Stretch(from: at, kinds: [.target], state: .serving, container: 1 + round, start: round))
        return made
    }

    /// A supervisor that creates a new container each time, with a gap without a container, or with an old stopped one.
    private static func recreateLoop(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        var made = [Stretch(from: past, kinds: [.old], state: .serving, container: 0)]
        var at = random.pick(-4_000, timeout / 2)
        let (up, gap) = (random.pick(200, 5_000), random.pick(0, 6_000))
        let end = random.chance(70) ? timeout : at + random.pick(1, 3) * (up + gap)
        let leftover = random.chance(20) ? TrueHost.Kind.old : nil
        var round = 0
        while at < end {
            made.append(Stretch(from: at, kinds: [.target], state: .serving, container: 1 + round, start: round))
            made.append(Stretch(from: at + up, kinds: [], state: .absent, container: 0, leftover: leftover))
            at += up + gap
            round += 1
        }
        made.append(Stretch(from: at, kinds: [.target], state: .serving, container: 1 + round, start: round))
        return made
    }

    /// An older agent that lists a stopped container beside the one that serves.
    private static func leftover(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        let at = random.pick(-3_000, timeout)
        let kind = random.pick(from: [TrueHost.Kind.target, .target, .old])
        return [
            Stretch(
                from: past, kinds: [random.pick(from: [.old, .target])], state: .serving, container: 0, leftover: kind),
            Stretch(
                from: at, kinds: [.target], state: .serving, container: 1, leftover: random.chance(50) ? kind : nil),
        ]
    }

    /// Replicas that start one after the other, and possibly never all of them.
    private static func tooFew(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        var made = [Stretch(from: past, kinds: [.old, .old, .old], state: .serving, container: 0)]
        var at = random.pick(-5_000, timeout)
        for count in 1...random.pick(1, 3) {
            made.append(
                Stretch(from: at, kinds: Array(repeating: .target, count: count), state: .serving, container: 10))
            at += random.pick(100, 3_000)
        }
        return made
    }

    /// An unhealthy container that is restarted while its engine keeps the health result for a while.
    private static func keptHealth(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        let at = random.pick(-3_000, timeout)
        let restarted = at + random.pick(100, 2_000)
        let checked = restarted + random.pick(100, 5_000)
        return [
            Stretch(from: past, kinds: [.target], state: .serving, container: 1),
            Stretch(from: at, kinds: [.target], state: .unhealthy, container: 1),
            Stretch(from: restarted, kinds: [.target], state: .unhealthy, container: 1, start: 1),
            Stretch(from: checked, kinds: [.target], state: .starting, container: 1, start: 1),
            Stretch(from: checked + random.pick(0, 500), kinds: [.target], state: .serving, container: 1, start: 1),
        ]
    }

    private static func rolledBack(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        let at = random.pick(-3_000, timeout / 2)
        let back = at + random.pick(300, 8_000)
        return [
            Stretch(from: past, kinds: [.old], state: .serving, container: 0),
            Stretch(from: at, kinds: [.target], state: .serving, container: 1),
            Stretch(
                from: back, kinds: [random.pick(from: [.old, .foreign])], state: .serving,
                container: random.pick(from: [0, 2])),
        ]
    }

    private static func pauses(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        var made = [Stretch(from: past, kinds: [.target], state: .serving, container: 1)]
        for _ in 0..<random.pick(1, 3) {
            let at = random.pick(-1_000, timeout)
            let state = random.pick(from: [ServiceState.paused, .unhealthy, .exited, .starting, .unknown])
            made.append(Stretch(from: at, kinds: [.target], state: state, container: 1))
            if random.chance(80) {
                // An exited container that is started again by hand has another start time.
                made.append(
                    Stretch(
                        from: at + random.pick(200, 7_000), kinds: [.target], state: .serving, container: 1,
                        start: state == .exited ? at : 0))
            }
        }
        return made
    }

    private static func wrong(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        let kind = random.pick(from: [TrueHost.Kind.rebuilt, .mislabelled, .local, .unlabelled, .next, .foreign])
        return [
            Stretch(from: past, kinds: [.old], state: .serving, container: 0),
            Stretch(from: random.pick(-5_000, timeout), kinds: [kind], state: .serving, container: 1),
        ]
    }

    private static func wrongOnce(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        wrong(timeout / 2, &random) + [
            Stretch(from: random.pick(timeout / 2, timeout), kinds: [.target], state: .serving, container: 2)
        ]
    }

    private static func twoInstances(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        let at = random.pick(-3_000, timeout)
        let other = random.pick(from: TrueHost.Kind.allCases)
        return [
            Stretch(from: past, kinds: [.old, .old], state: .serving, container: 0),
            Stretch(from: at, kinds: [.target, other], state: .serving, container: 2),
            Stretch(from: at + random.pick(100, 6_000), kinds: [.target, .target], state: .serving, container: 4),
        ]
    }

    private static func chaos(_ timeout: Int, _ random: inout SplitMix64) -> [TrueHost.Stretch] {
        var made = [Stretch(from: past, kinds: [.old], state: .serving, container: 0)]
        for round in 1...random.pick(2, 7) {
            let kind = random.chance(60) ? TrueHost.Kind.target : random.pick(from: TrueHost.Kind.allCases)
            let state =
                random.chance(70)
                ? ServiceState.serving
                : random.pick(from: ServiceState.allCases.filter { $0 != .absent && $0 != .unknown })
            // A container runs the same image for its whole life.
            let kinds = random.chance(15) ? [kind, .target] : [kind]
            let image = (TrueHost.Kind.allCases.firstIndex(of: kind) ?? 0) * 2 + kinds.count
            made.append(
                Stretch(
                    from: random.pick(-3_000, timeout), kinds: kinds, state: state,
                    container: 10 * image + 2 * random.pick(0, round / 3), start: random.pick(0, 1), restarts: round / 3
                ))
        }
        return made
    }
}
