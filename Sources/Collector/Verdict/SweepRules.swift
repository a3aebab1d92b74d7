import Shared

/// The finding of a single observation of a host, compared with a target if there is one. Worse findings come later.
package enum SweepFinding: Hashable, Sendable, CaseIterable {
    /// On the target and not down; without a target, a usable answer from a service that is not down.
    case well
    /// On another build, including a later promotion, or with differing instances.
    case behind
    /// No usable answer.
    case unanswered
    /// Crash loop, unhealthy, exited, paused, the wrong image, or no instance.
    case failing
    /// Another host answered.
    case conflicting

    /// - Parameter isStale: true if the last fact is too old to show anything, which happens only if hosts are watched.
    package init(_ track: HostTracker, isCompared: Bool, isStale: Bool = false) {
        let facts = track.facts
        self =
            switch track.status.category {
            case .conflict: .conflicting
            case _ where isStale: .unanswered
            case .failed: .failing
            case _ where facts.reach == .ok && facts.runtime == .absent && track.evidence != nil: .failing
            case _ where facts.reach != .ok || track.evidence == nil: .unanswered
            case _ where !isCompared: facts.runtime.isDown ? .failing : .well
            case _ where facts.build.isMatch: facts.runtime.isDown ? .failing : .well
            case _ where facts.build == .digestWrong || facts.build == .shaWrong: .failing
            case .unproven: .unanswered
            case .proven, .ahead, .behind, .rolledBack: .behind
            }
    }
}

/// The status of one host in a sweep, in words that a single observation can support. Better ones come later.
package enum SweepStatus: String, Codable, Hashable, Sendable, CaseIterable {
    /// Another host answered.
    case conflict
    case failing
    /// Neither the host nor its agent answered.
    case noAnswer = "no_answer"
    /// An answer that does not tell what the host serves.
    case unknown
    case mixed
    /// On a later promotion.
    case ahead
    case behind
    /// On the target, not up yet.
    case starting
    /// A usable answer, and nothing to compare it with.
    case answered
    case onTarget = "on_target"

    package init(_ track: HostTracker, isCompared: Bool, isStale: Bool = false) {
        self =
            switch SweepFinding(track, isCompared: isCompared, isStale: isStale) {
            case .conflicting: .conflict
            case .failing: .failing
            case .unanswered: track.facts.reach == .ok && !isStale ? .unknown : .noAnswer
            case .behind:
                switch track.status {
                case .ahead: .ahead
                case .mixed: .mixed
                default: .behind
                }
            case .well where !isCompared: .answered
            case .well: track.facts.runtime == .serving ? .onTarget : .starting
            }
    }
}

/// Concludes a sweep: the closest verdict, and an exit code that gates nothing unless requested.
package struct SweepRules {
    private let verification: Verification
    private let now: Duration
    private let counts: [SweepFinding: Int]
    private var isCompared: Bool { verification.target.isComparable }

    package init(_ verification: Verification, at now: Duration) {
        self.verification = verification
        self.now = now
        let isCompared = verification.target.isComparable
        let gated = verification.tracks.lazy.filter { !$0.host.isWaived }
        counts = Dictionary(
            gated.map { track in
                let isStale = track.isStale(at: now, policy: verification.timing)
                return (SweepFinding(track, isCompared: isCompared, isStale: isStale), 1)
            }, uniquingKeysWith: +)
    }

    /// The number of hosts in the gate with this finding.
    package func count(_ finding: SweepFinding) -> Int { counts[finding, default: 0] }

    /// Concludes with exit code 0, or 30 if no host could be queried, or 50 if the inventory is empty.
    ///
    /// - Parameter isGating: true if the exit code reports the findings: 60 for another host's answer, 20 for failing hosts,
    ///   30 for hosts without a usable answer, 10 for hosts that serve something else.
    package func conclude(isGating: Bool = false) -> Conclusion {
        guard !verification.tracks.isEmpty else {
            return conclusion(
                [Reason(verdict: .emptyInventory, code: .inventoryEmpty, hosts: 0, message: "the inventory is empty")],
                Verdict.emptyInventory.exitCode)
        }
        var reasons = SweepFinding.allCases.reversed().compactMap(reason)
        let isAnyReachable = verification.tracks.contains(where: \.isReachable)
        var exitCode = (isAnyReachable ? ExitStatus.success : .unreachable).rawValue
        if isGating, isAnyReachable, let worst = reasons.first { exitCode = worst.verdict.exitCode }
        if reasons.isEmpty {
            reasons = [
                isCompared
                    ? Reason(
                        verdict: .inconclusive, code: .singleObservation, hosts: count(.well),
                        message: "a single observation proves nothing: run verify to prove it")
                    : Reason(
                        verdict: .inconclusive, code: .nothingToCompare, hosts: count(.well),
                        message: "nothing to compare with: give --sha, --digest or --image")
            ]
        }
        return conclusion(reasons, exitCode)
    }

    private func conclusion(_ reasons: [Reason], _ exitCode: Int32) -> Conclusion {
        Conclusion(verdict: reasons[0].verdict, exitCode: exitCode, reasons: reasons, at: now)
    }

    /// nil if no host has this finding, or the finding is not a problem.
    private func reason(_ finding: SweepFinding) -> Reason? {
        let hosts = count(finding)
        guard hosts > 0 else { return nil }
        func reason(_ verdict: Verdict, _ code: Reason.Code, _ message: String) -> Reason {
            Reason(verdict: verdict, code: code, hosts: hosts, message: message)
        }
        let isOne = hosts == 1
        switch finding {
        case .well: return nil
        case .conflicting:
            return reason(
                .identityConflict, .identityConflict,
                "\(hosts.hostCount): another host answered, or a cache, or two hosts with one id")
        case .failing:
            let target = isCompared ? " on the target" : ""
            return reason(.failedDeploy, .hostsFailing, "\(hosts.hostCount) \(isOne ? "fails" : "fail")\(target)")
        case .unanswered: return reason(.unreachable, .noUsableAnswer, "\(hosts.hostCount) gave no usable answer")
        case .behind:
            return reason(.stragglers, .hostsBehind, "\(hosts.hostCount) \(isOne ? "serves" : "serve") another build")
        }
    }
}
