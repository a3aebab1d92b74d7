import Shared

/// What one look says about a host, compared with a target or not.
package enum SweepFinding: Hashable, Sendable, CaseIterable {
    /// On the target and not down; or, where there is nothing to compare with, a usable answer of a service that is not.
    case well
    /// Serves something else, a later promotion too, or its instances differ.
    case behind
    /// Crash loop, unhealthy, exited, paused, the wrong image, or nothing that runs.
    case failing
    /// No usable answer.
    case unanswered
    /// Another host answered.
    case conflicting

    init(_ track: HostTracker, isCompared: Bool) {
        let facts = track.facts
        self =
            switch track.status.category {
            case .conflict: .conflicting
            case .failed, .rolledBack: .failing
            case _ where facts.reach == .ok && facts.runtime == .absent && track.evidence != nil: .failing
            case _ where facts.reach != .ok || track.evidence == nil: .unanswered
            case _ where !isCompared: facts.runtime.isDown ? .failing : .well
            case _ where facts.build.isMatch: facts.runtime.isDown ? .failing : .well
            case _ where facts.build == .digestWrong || facts.build == .shaWrong: .failing
            case .unproven: .unanswered
            case .proven, .ahead, .behind: .behind
            }
    }
}

/// What one look at every host amounts to: the verdict that is nearest, and an exit code that is no gate.
package struct StatusRules {
    private let verification: Verification
    private let now: Duration
    /// How many hosts of the gate were found so.
    private let counts: [SweepFinding: Int]
    private var isCompared: Bool { verification.target.isComparable }

    package init(_ verification: Verification, at now: Duration) {
        self.verification = verification
        self.now = now
        let isCompared = verification.target.isComparable
        let gated = verification.tracks.filter { !$0.host.isWaived }
        counts = Dictionary(gated.map { (SweepFinding($0, isCompared: isCompared), 1) }, uniquingKeysWith: +)
    }

    /// How many hosts of the gate were found so.
    package func count(_ finding: SweepFinding) -> Int { counts[finding, default: 0] }

    /// Exit code 0, unless no host could be asked: 30; or there was none: 50.
    ///
    /// - Parameter isGating: whether the exit code tells what was found: 60 for another host's answer, 20 for what fails,
    ///   30 for hosts without a usable answer, 10 for hosts that serve something else.
    package func conclude(isGating: Bool = false) -> Conclusion {
        guard !verification.tracks.isEmpty else {
            let reason = Reason(verdict: .emptyInventory, hosts: 0, message: "the inventory holds no host")
            return Conclusion(
                verdict: reason.verdict, exitCode: reason.verdict.exitCode, reasons: [reason], at: now)
        }
        let kinds: [(SweepFinding, Verdict, String)] = [
            (.conflicting, .identityConflict, "another host answered, or a cache, or two hosts with one id"),
            (.failing, .failedDeploy, isCompared ? "failing on the target" : "failing"),
            (.unanswered, .unreachable, "gave no usable answer"), (.behind, .stragglers, "serving something else"),
        ]
        var reasons = kinds.compactMap { finding, verdict, text -> Reason? in
            let count = count(finding)
            return count > 0
                ? Reason(verdict: verdict, hosts: count, message: "\(count.hostCount): \(text)") : nil
        }
        let answered = verification.tracks.count { $0.facts.reach == .ok }
        var exitCode = (answered == 0 ? ExitStatus.unreachable : .success).rawValue
        if isGating, answered > 0, let worst = reasons.first { exitCode = worst.verdict.exitCode }
        if reasons.isEmpty {
            let message =
                isCompared
                ? "one look proves no convergence: run verify to prove it"
                : "nothing to compare with: give --sha, --digest or --image"
            reasons.append(Reason(verdict: .inconclusive, hosts: count(.well), message: message))
        }
        return Conclusion(verdict: reasons[0].verdict, exitCode: exitCode, reasons: reasons, at: now)
    }
}
