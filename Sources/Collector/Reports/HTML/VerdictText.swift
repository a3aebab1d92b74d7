import Verdict

/// What a verdict says to a person: whether it is good, its name in words, and what to do next.
struct VerdictText: Hashable, Sendable {
    /// How the page looks at it: in words, by a symbol's shape, and by colour.
    enum Tone: String, Hashable, Sendable {
        /// Proven, exit code 0.
        case good
        /// Proven but for what was tolerated, exit code 0.
        case tolerated
        /// Exit code 0 without a proof: as somebody asked for, or because nothing was asked for.
        case neutral
        /// Any other exit code.
        case bad

        /// For the title of the page.
        var symbol: String {
            switch self {
            case .good, .tolerated: "✓"
            case .neutral: "–"
            case .bad: "✕"
            }
        }
    }

    let verdict: Verdict
    let exitCode: Int32
    /// The way back, where one was tried.
    var rollback: PromotionRecord.Rollback?
    /// What hosts may be advised.
    var remedy = Remedy.reachTarget
    /// nil unless this is a status.
    var sweep: Report.Sweep?

    init(
        verdict: Verdict, exitCode: Int32, rollback: PromotionRecord.Rollback? = nil, remedy: Remedy = .reachTarget,
        sweep: Report.Sweep? = nil
    ) {
        self.verdict = verdict
        self.exitCode = exitCode
        self.rollback = rollback
        self.remedy = remedy
        self.sweep = sweep
    }

    init(_ report: Report) {
        self.init(
            verdict: report.verdict, exitCode: report.exitCode, rollback: report.promotion?.rollback,
            remedy: report.remedy, sweep: report.sweep)
    }

    /// What the verdict is called: a single look has none.
    var word: String { sweep == nil ? verdict.rawValue : "status" }

    /// Green is for what is proven, and never for an exit code alone.
    var tone: Tone {
        guard exitCode == 0 else { return .bad }
        return switch verdict {
        case .converged: .good
        case .convergedTolerated: .tolerated
        case .stragglers, .stalled, .failedDeploy, .rolledBack, .unreachable, .inconclusive, .superseded,
            .emptyInventory, .inventoryShrunk, .identityConflict, .interrupted:
            .neutral
        }
    }

    var headline: String {
        if let sweep, verdict != .interrupted, sweep.hosts > 0 { return sweep.line }
        if case .done = remedy { return "The deploy failed, and the fleet is back on the former build" }
        return switch verdict {
        case .converged: "Converged"
        case .convergedTolerated: "Converged, with exceptions that are tolerated"
        case .stragglers: "Not converged: stragglers"
        case .stalled: "Not converged: stalled"
        case .failedDeploy: "Not converged: the deploy failed"
        case .rolledBack: "Not converged: rolled back"
        case .unreachable: "Not converged: hosts unreachable"
        case .inconclusive: "Not converged: inconclusive"
        case .superseded: "Not converged: superseded"
        case .emptyInventory: "Nothing verified: no host to verify"
        case .inventoryShrunk: "Nothing verified: too few hosts"
        case .identityConflict: "Not converged: identity conflict"
        case .interrupted: "Not converged: interrupted"
        }
    }

    /// What to do about the whole; what to do about each host, its reason says.
    var advice: String {
        if case .done(let former) = remedy {
            return
                "The fleet is back on the former build \(former): there is nothing to do on the hosts. Find out why this one "
                + "failed, and promote a repaired one."
        }
        if let rollback, rollback.digest != nil {
            return rollback.verdict == .converged
                ? "The fleet is back on the former build. Find out below why this one failed, and promote a repaired one."
                : "The tag was put back, and the fleet is not proven to have followed. Verify it against the former build; "
                    + "then find out below why this one failed."
        }
        guard exitCode != 0 || sweep != nil, case .hold(let cause) = remedy else { return sweepAdvice ?? verdictAdvice }
        switch (cause, verdict) {
        case (.putBack, _):
            return
                "Somebody put the tag back to an earlier build: find out who, and leave the hosts as they are. If this build is "
                + "meant, promote it and verify again; if the earlier one is, run rollback."
        case (_, .failedDeploy), (_, .rolledBack), (_, .superseded): return verdictAdvice
        case (.failed, _):
            return
                "Hosts failed on this build: find out why first, and leave the hosts that serve another build as they are."
        case (.superseded, _):
            return "A newer promotion took over: look at its verification, and leave the hosts as they are."
        case (.drift, _): return "Find out where the drift comes from, and leave the hosts as they are until then."
        }
    }

    private var sweepAdvice: String? {
        guard let sweep, sweep.hosts > 0, verdict != .interrupted else { return nil }
        if let advice = sweep.advice { return "There is \(advice)." }
        return "One look proves nothing: run verify for a proof."
    }

    private var verdictAdvice: String {
        switch verdict {
        case .converged: "Nothing to do: every expected host serves what was promoted."
        case .convergedTolerated: "The tolerated hosts do not serve what was promoted: see to them when there is time."
        case .stragglers: "Bring the hosts below up to the target, then verify again."
        case .stalled: "Find out why nothing moves any more, and whether the deploy still runs; then verify again."
        case .failedDeploy:
            "Promote no further, and leave the hosts that serve the former build as they are. Repair the failed hosts below "
                + "or roll the deploy back, then verify again."
        case .rolledBack:
            "Find out who or what put the older build back, and why. Leave the hosts as they are until that is known."
        case .unreachable:
            "Nothing is known of the hosts below. Repair them or their agents, or waive them in the inventory; "
                + "then verify again."
        case .inconclusive:
            exitCode == 0
                ? "One look proves nothing: run verify for a proof."
                : "Check this collector's own network and resolver before the fleet, then verify again."
        case .superseded: "Look at the verification of the newer promotion; this one is out of date."
        case .emptyInventory:
            exitCode == 0
                ? "An empty inventory was permitted, so nothing was asked and nothing is proven."
                : "Check where the inventory comes from, and which of its hosts are waived."
        case .inventoryShrunk:
            "Check that the inventory's source is complete. If the fleet is meant to be smaller, say so with "
                + "--max-shrink or --min-hosts."
        case .identityConflict:
            "Check URLs, DNS, proxies and caches of the hosts below: somebody else answered in their place."
        case .interrupted: "Verify again: nothing is known of what was not proven by then."
        }
    }
}
