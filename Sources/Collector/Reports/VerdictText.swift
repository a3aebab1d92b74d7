import Verdict

/// A verdict in words: its tone, and advice. ``Headline`` says what happened.
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
    /// nil if the run only verified.
    private let promotion: PromotionRecord?
    /// The attempt to put the tag back; nil if there was none.
    private let rollback: PromotionRecord.Rollback?
    /// The kind of advice that applies to hosts.
    private let remedy: Remedy
    /// The code of the verdict's cause; nil if it is unknown.
    private let code: Reason.Code?
    /// True if another writer moved the tag, and no newer promotion is known.
    private let isTagMoved: Bool
    /// nil unless this is a status.
    private let sweep: Report.Sweep?

    init(
        verdict: Verdict, exitCode: Int32, promotion: PromotionRecord? = nil,
        rollback: PromotionRecord.Rollback? = nil, remedy: Remedy = .reachTarget, code: Reason.Code? = nil,
        isTagMoved: Bool = false, sweep: Report.Sweep? = nil
    ) {
        self.verdict = verdict
        self.exitCode = exitCode
        self.promotion = promotion
        self.rollback = rollback ?? promotion?.rollback
        self.remedy = remedy
        self.code = code
        self.isTagMoved = isTagMoved
        self.sweep = sweep
    }

    init(_ report: Report) {
        self.init(
            verdict: report.verdict, exitCode: report.exitCode, promotion: report.promotion,
            remedy: report.remedy,
            code: report.reasons.first?.code,
            isTagMoved: report.successor == nil && report.reasons.contains { $0.code == .tagMoved }, sweep: report.sweep
        )
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

    /// What to do next, in one sentence. Each host's reason has the remedy for the host.
    var advice: String {
        if case .done = remedy {
            return "Find out why this build failed and promote a fixed one; there is nothing to do on the hosts."
        }
        if let rollback, rollback.effect == .moved {
            let build = rollback.build ?? "the former build"
            return rollback.verdict == .converged
                ? "Find out why this build failed, and promote a fixed one."
                : "The hosts are not proven to follow: verify them against \(build), leave those that serve it as they are, and "
                    + "find out why this build failed."
        }
        if let promotion, promotion.rollback?.effect == .unknown {
            return
                "Find out what \(promotion.tag ?? "the tag") is now (resolve), and run rollback unless it is the former build."
        }
        if let obstacle = promotion?.rollback?.obstacle {
            return "\(obstacle.remedy), and leave the hosts that serve the former build as they are."
        }
        if verdict == .interrupted, exitCode != 0, let promotion { return Self.advice(afterInterrupted: promotion) }
        guard exitCode != 0 || sweep != nil || verdict == .convergedTolerated, case .hold(let cause) = remedy else {
            return sweepAdvice ?? verdictAdvice
        }
        switch (cause, verdict) {
        case (.putBack, _):
            return
                "Find out who put the tag back, and leave the hosts as they are until it is known which build is intended: then "
                + "promote it and verify again, or run rollback."
        case (_, .failedDeploy), (_, .rolledBack), (_, .superseded): return verdictAdvice
        case (.failed, .unreachable):
            return
                "Find out why hosts failed on this build, leave the hosts that serve another build as they are, and repair the "
                + "hosts that gave no usable answer."
        case (.failed, _):
            return
                "Find out why hosts failed on this build, and leave the hosts that serve another build as they are."
        case (.superseded, _):
            return "Check the verification of the newer promotion, and leave the hosts as they are."
        case (.drift, _): return "Find out the cause of the drift, and leave the hosts as they are until then."
        }
    }

    private static func advice(afterInterrupted promotion: PromotionRecord) -> String {
        let command = promotion.kind == .rollback ? "rollback" : "promote"
        return switch promotion.effect {
        case .moved: "Run verify: the tag was moved, and the hosts are not proven to follow."
        case .unchanged: "Run \(command) again if it is still wanted."
        case .unknown: "Run \(command) again: it first determines whether the tag was moved."
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
        case .converged where exitCode != 0, .convergedTolerated where exitCode != 0:
            "Find the cause of exit code \(exitCode) in the warnings: the verification itself succeeded."
        case .converged where promotion?.kind == .rollback:
            "Nothing to do on the hosts: every expected host serves the build that the tag was put back to."
        case .converged: "Nothing to do: every expected host serves what was promoted."
        case .convergedTolerated: "Look after the tolerated hosts: they are not proven to serve what was promoted."
        case .stragglers: "Bring the hosts that are behind to the target, then verify again."
        case .stalled: "Find out why progress stopped, and whether the deploy is still running; then verify again."
        case .failedDeploy where promotion?.kind == .rollback:
            "Repair the failed hosts: the tag already is the build to return to."
        case .failedDeploy where promotion?.rollback?.isImpossible == true:
            "Repair the failed hosts or promote a fixed build, and leave the hosts that serve another build as they are."
        case .failedDeploy:
            "Roll the deploy back (rollback) or repair the failed hosts, and leave the hosts that serve the former build as "
                + "they are."
        case .rolledBack:
            "Find out what put the older build back, and leave the hosts as they are until then."
        case .unreachable:
            "Repair the hosts that gave no usable answer or their agents, or waive them in the inventory; then verify again."
        case .inconclusive where code == .collectorSuspended:
            "Verify again on a machine that is not suspended meanwhile: nothing is known of the hosts that did not answer since."
        case .inconclusive where code == .collectorShort:
            "Give the collector's machine what it lacks, as the hosts' reasons say, then verify again."
        case .inconclusive where code == .underWay: "Wait until it ends: nothing is decided yet."
        case .inconclusive:
            exitCode == 0
                ? Self.unprovenAdvice
                : "Check this collector's own network and resolver before the fleet, then verify again."
        case .superseded where isTagMoved: "Find out who moved the tag, and leave the hosts as they are until then."
        case .superseded: "Check the verification of the newer promotion: this one is out of date."
        case .emptyInventory:
            exitCode == 0
                ? "Nothing to do: an empty inventory is allowed here."
                : code == .selectionMatchesNothing
                    ? "Check --select: it matches no host of the inventory."
                    : code == .allWaived
                        ? "Check the waivers: every host is waived."
                        : "Check the source of the inventory, and which of its hosts are waived."
        case .inventoryShrunk where code == .requirementWithoutHosts || code == .requirementTooLarge:
            "Check --require, and the labels of the inventory."
        case .inventoryShrunk:
            "Check that the inventory's source is complete; if the fleet is meant to be smaller, give --max-shrink or "
                + "--min-hosts."
        case .identityConflict:
            "Check the URLs, DNS, proxies and caches of the hosts in whose place another host answered."
        case .interrupted: "Verify again: the state of the hosts that were not proven is unknown."
        }
    }
}

extension PromotionRecord.Rollback.Obstacle {
    fileprivate var remedy: String {
        switch self {
        case .killSwitch: "Run rollback when the kill switch is off"
        case .unreadableKillSwitch: "Make the kill switch readable and run rollback"
        case .registry: "Run rollback when the registry can be written"
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
