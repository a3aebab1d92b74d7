import Verdict

/// A verdict in words: its tone, a headline, and advice.
struct VerdictText: Hashable, Sendable {
    /// The tone of a verdict, which decides words, symbol and colour.
    enum Tone: String, Hashable, Sendable {
        /// Proven, exit code 0.
        case good
        /// Proven except for tolerated hosts, exit code 0.
        case tolerated
        /// Exit code 0 without a proof, for example in a status or if a flag permits it.
        case neutral
        /// Any other exit code.
        case bad

        /// The symbol in the title of the page.
        var symbol: String {
            switch self {
            case .good, .tolerated: "✓"
            case .neutral: "–"
            case .bad: "✕"
            }
        }
    }

    private let verdict: Verdict
    private let exitCode: Int32
    /// The attempt to put the tag back; nil if there was none.
    private let rollback: PromotionRecord.Rollback?
    /// The kind of advice that applies to hosts.
    private let remedy: Remedy
    /// nil unless this is a status.
    private let sweep: Report.Sweep?

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

    /// The name of the verdict. A status has none.
    var word: String { sweep == nil ? verdict.rawValue : "status" }

    /// Green means proof, never an exit code alone.
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
        case .convergedTolerated: "Converged, with tolerated exceptions"
        case .stragglers: "Not converged: stragglers"
        case .stalled: "Not converged: stalled"
        case .failedDeploy: "Not converged: the deploy failed"
        case .rolledBack: "Not converged: rolled back"
        case .unreachable: "Not converged: hosts unreachable"
        case .inconclusive: "Not converged: inconclusive"
        case .superseded: "Not converged: superseded"
        case .emptyInventory: "Nothing verified: no hosts to verify"
        case .inventoryShrunk: "Nothing verified: too few hosts"
        case .identityConflict: "Not converged: identity conflict"
        case .interrupted: "Not converged: interrupted"
        }
    }

    /// The remedy for the fleet. Each host's reason has the remedy for the host.
    var advice: String {
        if case .done(let former) = remedy {
            return
                "The fleet is back on the former build \(former): there is nothing to do on the hosts. Find out why this build "
                + "failed, and promote a fixed one."
        }
        if let rollback, rollback.digest != nil {
            return rollback.verdict == .converged
                ? "The fleet is back on the former build. Find out why this build failed, and promote a fixed one."
                : "The tag was put back, but the fleet is not proven to have followed. Verify it against the former build; "
                    + "then find out why this build failed."
        }
        guard exitCode != 0 || sweep != nil, case .hold(let cause) = remedy else { return sweepAdvice ?? verdictAdvice }
        switch (cause, verdict) {
        case (.putBack, _):
            return
                "The tag was put back to an earlier build: find out who did it, and leave the hosts as they are. If this build "
                + "is intended, promote it and verify again; if the earlier build is, run rollback."
        case (_, .failedDeploy), (_, .rolledBack), (_, .superseded): return verdictAdvice
        case (.failed, _):
            return
                "Hosts failed on this build: find out why, and leave the hosts that serve another build as they are."
        case (.superseded, _):
            return "A newer promotion took over: check its verification, and leave the hosts as they are."
        case (.drift, _): return "Find out the cause of the drift, and leave the hosts as they are until then."
        }
    }

    private var sweepAdvice: String? {
        guard let sweep, sweep.hosts > 0, verdict != .interrupted else { return nil }
        if let advice = sweep.advice { return "There is \(advice)." }
        return Self.unprovenAdvice
    }

    private static let unprovenAdvice = "One observation proves nothing: run verify for a proof."

    private var verdictAdvice: String {
        switch verdict {
        case .converged: "Nothing to do: every expected host serves what was promoted."
        case .convergedTolerated: "The tolerated hosts do not serve what was promoted: repair them when there is time."
        case .stragglers: "Bring the hosts below to the target, then verify again."
        case .stalled: "Find out why progress stopped, and whether the deploy is still running; then verify again."
        case .failedDeploy:
            "Promote nothing else, and leave the hosts that serve the former build as they are. Repair the failed hosts below "
                + "or roll the deploy back, then verify again."
        case .rolledBack:
            "Find out what put the older build back, and why. Leave the hosts as they are until that is known."
        case .unreachable:
            "The state of the hosts below is unknown. Repair them or their agents, or waive them in the inventory; "
                + "then verify again."
        case .inconclusive:
            exitCode == 0
                ? Self.unprovenAdvice
                : "Check this collector's own network and resolver before the fleet, then verify again."
        case .superseded: "Check the verification of the newer promotion; this one is out of date."
        case .emptyInventory:
            exitCode == 0
                ? "An empty inventory was allowed, so no host was asked and nothing is proven."
                : "Check the source of the inventory, and which of its hosts are waived."
        case .inventoryShrunk:
            "Check that the inventory's source is complete. If the fleet is meant to be smaller, give "
                + "--max-shrink or --min-hosts."
        case .identityConflict:
            "Check the URLs, DNS, proxies and caches of the hosts below: another host answered in their place."
        case .interrupted: "Verify again: the state of the hosts that were not proven is unknown."
        }
    }
}

/// The meanings of host statuses, for legends.
enum StatusText {
    static func meaning(of status: HostStatus) -> String {
        switch status {
        case .conflict: "another host, a cache, or a second host with the same id answered"
        case .failed: "crash loop, unhealthy, exited, paused, or the wrong image"
        case .rolledBack: "served the target, then an older build again"
        case .unreachable: "no answer, or no recent one"
        case .agentError: "an invalid answer, or an agent that cannot read its engine"
        case .unverifiable: "no full commit or digest to compare"
        case .missing: "removed from the inventory during the verification"
        case .mixed: "the host's instances run different builds"
        case .straggler: "still on another build at the deadline"
        case .ahead: "on a later promotion"
        case .pending: "on another build, or not answered yet"
        case .starting: "on the target, not up yet"
        case .flapping: "on the target, but not steadily"
        case .soaking: "on the target, watched until it has stayed up long enough"
        case .converged: "on the target, serving, unchanged through the soak"
        }
    }
}
