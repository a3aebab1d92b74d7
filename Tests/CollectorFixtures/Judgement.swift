import Shared

@testable import Verdict

/// The properties that must hold at the end of every run, whatever its schedule.
struct Judgement {
    let run: Simulation
    private let oracle: Oracle
    private let conclusion: Conclusion
    private let schedule: Schedule

    init?(_ run: Simulation) {
        guard let conclusion = run.verification.conclusion else { return nil }
        self.run = run
        self.conclusion = conclusion
        schedule = run.schedule
        oracle = Oracle(
            schedule: run.schedule, deliveries: run.deliveries, end: Int((conclusion.at.seconds * 1_000).rounded()))
    }

    /// The violated properties; empty if all hold.
    var violations: [String] {
        run.violations + counting + green + red + liveness
    }

    private var gated: [(Int, HostTracker)] {
        run.verification.tracks.enumerated().filter { !schedule.waived.contains($0.offset) }.map {
            ($0.offset, $0.element)
        }
    }

    private func count(_ labels: Set<HostStatus>) -> Int { gated.count { labels.contains($0.1.status) } }

    private var limits: GroupLimits {
        GroupLimits(
            hosts: gated.map { .init(labels: schedule.labels[$0.0], label: $0.1.status) }, schedule: schedule)
    }

    private static let unproven: Set<HostStatus> = [.unreachable, .agentError, .unverifiable, .missing]
    private static let behind: Set<HostStatus> = [
        .straggler, .pending, .starting, .soaking, .flapping, .mixed,
    ]

    // MARK: - (c) Every host once, counts, codes, reasons

    private var counting: [String] {
        var wrong: [String] = []
        let names = run.verification.tracks.map(\.host.name)
        if names != schedule.hosts.indices.map({ "host-\($0)" }) { wrong.append("the hosts are \(names)") }
        let counted = run.verification.counts.filter { $0.value != 0 }
        let labels = Dictionary(grouping: gated.map(\.1.status), by: { $0 }).mapValues(\.count)
        if counted != labels { wrong.append("counts \(counted) are not those of the labels \(labels)") }
        if conclusion.reasons.first?.verdict != conclusion.verdict {
            wrong.append("the first reason is not the verdict")
        }
        if Set(conclusion.reasons.map(\.verdict)).count != conclusion.reasons.count { wrong.append("a reason twice") }
        let table: [Verdict: Set<Int32>] = [
            .converged: [0], .convergedTolerated: [0], .stragglers: [10], .stalled: [11], .failedDeploy: [20],
            .rolledBack: [21], .unreachable: [30], .inconclusive: [31], .superseded: schedule.supersededOK ? [0] : [40],
            .identityConflict: [60], .interrupted: [130],
        ]
        if table[conclusion.verdict]?.contains(conclusion.exitCode) != true {
            wrong.append("\(conclusion.verdict) has the code \(conclusion.exitCode)")
        }
        let resumed = schedule.suspension.map { $0.from <= schedule.timeout ? $0.until : 0 } ?? 0
        let latest = max(schedule.timeout, resumed) + schedule.tick
        if conclusion.at > .milliseconds(latest) { wrong.append("ended after the deadline") }
        let order: [Int32] = [130, 60, 20, 21, 31, 40, 30, 11, 10, 0]
        let codes = conclusion.reasons.map { order.firstIndex(of: $0.verdict.exitCode) ?? -1 }
        if codes != codes.sorted() { wrong.append("reasons are out of order: \(conclusion.reasons.map(\.verdict))") }
        if conclusion.verdict != .interrupted, count([.conflict]) > 0, conclusion.exitCode != 60 {
            wrong.append("a conflict, and not exit 60")
        }
        if (conclusion.verdict == .interrupted) != (schedule.interruptAt != nil && conclusion.exitCode == 130) {
            wrong.append("interrupted or not?")
        }
        for (host, track) in run.verification.tracks.enumerated() {
            if track.transitions.last.map({ $0.status != track.status }) ?? (track.status != .pending) {
                wrong.append("host \(host): the last transition is not the status")
            }
            if track.transitions.map(\.at) != track.transitions.map(\.at).sorted() {
                wrong.append("host \(host): transitions go back in time")
            }
            let reason = track.reason(at: conclusion.at, policy: schedule.policy).text.sentence
            if reason.isEmpty || reason != Sanitizer.singleLine(reason, limit: 1_000) {
                wrong.append("reason: '\(reason)'")
            }
        }
        return wrong
    }

    // MARK: - (a) Never a false green

    private var green: [String] {
        var wrong: [String] = []
        // Not only at a green end: a host must never be called proven without proof.
        for (host, track) in run.verification.tracks.enumerated() where track.status == .converged {
            // Without an expected id in the inventory, and before the other host answers, it cannot be known who answers.
            // The verdict is green only if every host answered, so the exception does not apply then.
            let isMisrouted = schedule.hosts[host].faults.contains { $0.kind.isMisroute }
            let isGreen = conclusion.exitCode == 0 && conclusion.verdict != .superseded
            if isMisrouted, !schedule.knownIDs.contains(host), !isGreen { continue }
            if !oracle.hasProof(host) { wrong.append("FALSE GREEN: host \(host) is called converged") }
        }
        let proven = count([.converged])
        switch conclusion.verdict {
        case .converged:
            if proven != gated.count || proven == 0 { wrong.append("FALSE GREEN: \(proven) of \(gated.count) proven") }
        case .convergedTolerated:
            let isAllowed =
                limits.areTolerated(Self.behind, schedule.maxStragglers, schedule.stragglerRules)
                && limits.areTolerated(Self.unproven, schedule.maxUnreachable, schedule.unreachableRules)
                && limits.areTolerated([.failed], schedule.maxFailed, schedule.failedRules)
                && count([.conflict, .rolledBack, .ahead]) == 0 && schedule.successorAt.map { $0 > oracle.end } ?? true
            if !isAllowed || limits.isShort { wrong.append("FALSE GREEN: tolerated too much") }
        default:
            if conclusion.exitCode == 0, conclusion.verdict != .superseded { wrong.append("FALSE GREEN: exit 0") }
        }
        if conclusion.exitCode == 0, conclusion.verdict != .superseded, !limits.unmet.isEmpty {
            wrong.append("FALSE GREEN: without what is required")
        }
        return wrong
    }

    // MARK: - No red without a reason

    private var red: [String] {
        var wrong: [String] = []
        for (host, track) in run.verification.tracks.enumerated() {
            let isMisrouted = schedule.hosts[host].faults.contains { $0.kind.isMisroute }
            let isUnattended = oracle.wasLatelyShort || oracle.wasLatelySuspended
            let isSuspect: Bool =
                switch track.status {
                case .failed: !isMisrouted && !oracle.mayFail(host)
                case .rolledBack: !isMisrouted && !oracle.mayHaveGoneBack(host)
                case .conflict: !oracle.mayConflict(host)
                // A waived host's agent is not awaited, so an early end finds the host in its old state.
                case .unverifiable where track.host.isWaived && track.earlyAge != nil: false
                // A host that could not be asked again has the status of what was last known.
                case .unreachable where isUnattended, .unverifiable where isUnattended, .agentError where isUnattended,
                    .straggler where isUnattended:
                    false
                case .unreachable, .agentError, .unverifiable: oracle.isPlainlyVisible(host)
                case .missing: schedule.unlisted?.host != host
                case .straggler: !isMisrouted && !oracle.wasLatelyBehind(host)
                case .ahead: schedule.successorAt == nil
                default: false
                }
            if isSuspect { wrong.append("FALSE RED: host \(host) is called \(track.status.rawValue)") }
        }
        return wrong + blame
    }

    /// A tolerated host is not a cause.
    private var blame: [String] {
        let kinds: [(Verdict, Set<HostStatus>, Int, [StatusOracle])] = [
            (.failedDeploy, [.failed], schedule.maxFailed, schedule.failedRules),
            (.unreachable, Self.unproven, schedule.maxUnreachable, schedule.unreachableRules),
            (.stragglers, Self.behind, schedule.maxStragglers, schedule.stragglerRules),
        ]
        return kinds.compactMap { verdict, labels, plain, rules in
            guard conclusion.reasons.contains(where: { $0.verdict == verdict }),
                limits.areTolerated(labels, plain, rules), !limits.isShort, !limits.isUnmet(by: labels)
            else { return nil }
            return "FALSE RED: \(verdict), and all of it is tolerated"
        }
    }

    // MARK: - (b) Green when nothing is left to wait for

    private var liveness: [String] {
        guard let limit = oracle.mustBeGreenBy else { return [] }
        if conclusion.verdict == .converged, oracle.end <= limit { return [] }
        // A policy that tolerates dead hosts does not have to wait for one to return.
        if conclusion.verdict == .convergedTolerated, schedule.toleratesDead, oracle.end <= limit { return [] }
        return ["NOT GREEN by \(limit) ms: \(conclusion.verdict) at \(oracle.end) ms"]
    }
}
