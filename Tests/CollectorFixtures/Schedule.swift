import Shared
import Support

@testable import Verdict

/// A simulated fleet with all its events, drawn from one seed. Times are in milliseconds.
struct Schedule: Sendable, CustomStringConvertible {
    enum Wanted: String, Sendable { case commitAndDigest, commit, digest }

    let seed: UInt64
    var hosts: [TrueHost] = []
    /// The hosts whose expected id is in the inventory.
    var knownIDs: Set<Int> = []
    var waived: Set<Int> = []
    /// The inventory labels of each host.
    var labels: [[String: String]] = []
    var wanted = Wanted.commitAndDigest
    var interval = 1_000
    var soak = 2_000
    var timeout = 20_000
    var requestTimeout = 1_000
    var stall = 60_000
    var failAfter = 3
    /// A number of hosts or, if negative, a percentage: -34 is 34%.
    var maxStragglers = 0
    var maxUnreachable = 0
    var maxFailed = 0
    var minProven = 1
    /// Tolerances by label, and requirements.
    var stragglerRules: [StatusOracle] = []
    var unreachableRules: [StatusOracle] = []
    var failedRules: [StatusOracle] = []
    var required: [StatusOracle] = []
    var supersededOK = false
    var successorAt: Int?
    var interruptAt: Int?
    /// The host that the inventory's source loses, and when.
    var unlisted: (host: Int, at: Int)?
    /// The time in which the collector does not run.
    var suspension: (from: Int, until: Int)?
    /// The time in which the collector lacks what it needs to send most requests.
    var shortage: (from: Int, until: Int)?
    var tick = 50
    /// The time after which every host in the gate is correct, reachable and quiet; nil for never.
    var quietFrom: Int?

    var description: String {
        let numbers = hosts.indices.map { host in
            "  host \(host) \(labels[host].sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: ","))"
                + "\(waived.contains(host) ? " (waived)" : "")\(knownIDs.contains(host) ? " (id known)" : ""): "
                + "\(hosts[host])"
        }
        let about = """
            BUILDINFO_PROPERTY_SEED=\(seed): by \(wanted), interval \(interval), soak \(soak), timeout \(timeout), \
            request timeout \(requestTimeout), stall \(stall), fail after \(failAfter), tolerates \(maxStragglers) \
            stragglers, \(maxUnreachable) unreachable, \(maxFailed) failed, at least \(minProven) proven; \
            by label stragglers \(stragglerRules), unreachable \(unreachableRules), failed \(failedRules), \
            required \(required); \
            successor \(successorAt.map(String.init) ?? "never"), interrupted \(interruptAt.map(String.init) ?? "never"), \
            suspended \(suspension.map { "\($0)" } ?? "never"), short \(shortage.map { "\($0)" } ?? "never"), \
            quiet from \(quietFrom.map(String.init) ?? "never"), tick \(tick)
            """
        return ([about] + numbers).joined(separator: "\n")
    }

    /// Long before the start.
    static let past = -200_000
    /// Long after the deadline.
    static let future = 10_000_000

    init(seed: UInt64) {
        self.seed = seed
        var random = SplitMix64(seed: seed)
        interval = random.pick(from: [500, 1_000, 1_000, 2_000, 2_000])
        soak = random.pick(from: [0, 500, 1_000, 2_000, 3_000])
        requestTimeout = random.pick(from: [500, 1_000, 2_000])
        timeout = random.pick(6, 15) * 1_000
        failAfter = random.pick(from: [1, 2, 3, 3])
        tick = random.pick(from: [50, 250, 500, 500, 500])
        if random.chance(15) { stall = random.pick(3, 8) * 1_000 }
        wanted = random.pick(from: [.commitAndDigest, .commitAndDigest, .commit, .digest])
        let count = random.chance(4) ? random.pick(5, 6) : random.pick(from: [1, 1, 2, 2, 3])
        let isCalm = random.chance(35)
        for host in 0..<count {
            hosts.append(
                isCalm
                    ? Self.calmHost(host, before: random.pick(1, 5) * 1_000, wanted: wanted, of: count, &random)
                    : Self.host(host, timeout: timeout, wanted: wanted, &random))
        }
        if !isCalm {
            for host in hosts.indices where random.chance(45) { addFaults(to: host, within: -5_000...timeout, &random) }
            if random.chance(20) { cutOff(&random) }
        }
        if random.chance(30) {
            maxStragglers = random.pick(from: [0, 1, 2, -34, -50])
            maxUnreachable = random.pick(from: [0, 1, 2, -34, -50])
            maxFailed = random.pick(from: [0, 1, -34])
            minProven = random.pick(from: [0, 1, 2, -50, -100])
        }
        // Drawn from a separate generator, so that the scripts of a seed do not change.
        var labelled = SplitMix64(seed: seed ^ 0x1A_BE15)
        chooseLabels(&labelled)
        chooseIdentities(quietly: isCalm, &random)
        require(&labelled)
        interrupt(within: timeout)
        if isCalm {
            becomeQuiet()
            return
        }
        if random.chance(8) { successorAt = random.pick(0, timeout) }
        supersededOK = random.chance(30)
        if random.chance(4) { interruptAt = random.pick(0, timeout) }
        if random.chance(5) { unlisted = (random.pick(0, count - 1), random.pick(0, timeout)) }
    }

    /// A host that cannot be distinguished from another without its expected id keeps the id in the inventory. With
    /// tolerance or waivers this applies to the whole fleet: the state machine is not at fault for what is invisible.
    private mutating func chooseIdentities(quietly: Bool, _ random: inout SplitMix64) {
        let isMisrouted = hosts.contains { host in
            host.faults.contains { if case .misroute = $0.kind { true } else { false } }
        }
        let isStranger = hosts.contains { host in
            host.faults.contains { if case .misroute(to: -1) = $0.kind { true } else { false } }
        }
        // A host that another one answered for before its own first answer needs the inventory's id to recover.
        let needsIDs = isStranger || isRing || (quietly && isMisrouted) || (toleratesAny && isMisrouted)
        if needsIDs || random.chance(20) {
            // The inventory cannot know the id of a machine that is replaced.
            if needsIDs { for host in hosts.indices { hosts[host].replacedAt = nil } }
            knownIDs = Set(hosts.indices.filter { !hosts[$0].isPlain && hosts[$0].replacedAt == nil })
        }
        guard !isMisrouted || isStranger, hosts.count > 1, random.chance(10) else { return }
        waived = [random.pick(0, hosts.count - 1)]
    }

    /// True if hosts might answer for one another in a ring: each id then occurs once, under another host's name.
    private var isRing: Bool {
        func others(_ host: Int) -> [Int] {
            hosts[host].faults.compactMap {
                if case .misroute(let other) = $0.kind, other >= 0 { other } else { nil }
            }
        }
        return hosts.indices.contains { start in
            var reached = Set(others(start))
            while true {
                let next = reached.union(reached.flatMap(others))
                if next == reached { return reached.contains(start) }
                reached = next
            }
        }
    }

    var toleratesDead: Bool {
        maxUnreachable != 0 || maxFailed != 0 || !unreachableRules.isEmpty || !failedRules.isEmpty
    }
    private var toleratesAny: Bool { toleratesDead || maxStragglers != 0 || !stragglerRules.isEmpty }

    /// Keeps the collector itself from running, or from sending requests, for a time.
    private mutating func interrupt(within timeout: Int) {
        // Drawn from a separate generator, so that the scripts of a seed do not change.
        var random = SplitMix64(seed: seed ^ 0x57_0BBED)
        if random.chance(15) {
            let from = random.pick(0, timeout)
            suspension = (from, from + random.pick(from: [1_000, 2_000, 4_000, 7_000, 12_000, 30_000]))
        }
        if random.chance(8) {
            let from = random.pick(0, timeout)
            shortage = (from, from + random.pick(1, 9) * 1_000)
        }
    }

    /// Makes most of the fleet silent at once.
    private mutating func cutOff(_ random: inout SplitMix64) {
        let start = random.pick(0, timeout)
        let until = random.chance(50) ? Self.future : start + random.pick(1, 8) * 1_000
        for host in hosts.indices where random.chance(80) {
            hosts[host].faults.insert(
                TrueHost.Fault(from: start, until: until, kind: .silence(.timeout, after: requestTimeout)), at: 0)
        }
    }

    /// The time after which a calm fleet is correct, reachable and quiet.
    private mutating func becomeQuiet() {
        let changes = hosts.flatMap { host in host.stretches.map(\.from) + host.faults.map(\.until) }
        quietFrom = max(0, changes.max() ?? 0, suspension?.until ?? 0, shortage?.until ?? 0)
        timeout = 60_000
        stall = 120_000
    }
}
