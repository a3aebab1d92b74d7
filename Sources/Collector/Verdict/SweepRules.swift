/// What one look at every host amounts to: the verdict that is nearest, and an exit code that is no gate.
struct SweepRules {
    private let verification: Verification
    private let now: Duration

    init(_ verification: Verification, at now: Duration) {
        self.verification = verification
        self.now = now
    }

    /// Exit code 0, unless no host could be asked: then 30.
    func conclude() -> Conclusion {
        let tracks = verification.tracks
        let answered = tracks.count { $0.facts.reach == .ok }
        let matching = tracks.count { $0.label == .soaking }
        let isBlind = answered == 0
        let causes: [(Verdict, HostLabel.Standing, String)] = [
            (.identityConflict, .conflict, "another host answered, or a cache, or two hosts with one id"),
            (.failedDeploy, .failed, "show a failed deploy"), (.superseded, .ahead, "serve a later promotion"),
            (.unreachable, .unproven, "gave no usable answer"),
        ]
        var reasons = causes.compactMap { verdict, standing, text -> Reason? in
            let count = tracks.count { $0.label.standing == standing }
            return count > 0 ? Reason(verdict: verdict, hosts: count, message: "\(count) \(text)") : nil
        }
        let behind = tracks.count { $0.label.standing == .behind } - matching
        if behind > 0 {
            reasons.append(Reason(verdict: .stragglers, hosts: behind, message: "\(behind) serve something else"))
        }
        if tracks.isEmpty {
            reasons.append(Reason(verdict: .emptyInventory, hosts: 0, message: "the inventory holds no host"))
        }
        if reasons.isEmpty {
            let message = "all \(matching) hosts serve the target now; one look proves no convergence"
            reasons.append(Reason(verdict: .inconclusive, hosts: matching, message: message))
        }
        return Conclusion(
            verdict: reasons[0].verdict, exitCode: isBlind ? Verdict.unreachable.exitCode : 0, reasons: reasons, at: now
        )
    }
}
