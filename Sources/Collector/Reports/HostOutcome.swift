import Shared
package import Verdict

/// What one host of a report means for the report's exit code.
///
/// The one rule for every format that a pipeline reads, so that none of them is red where another is green.
package enum HostOutcome: Hashable, Sendable {
    case proven
    /// Left out of the gate, whatever its status.
    case waived
    /// Not proven, and within what a `--max-…` flag allows.
    case tolerated
    /// Not proven, and not what the verdict is about: the verification ended before its time was up, or proves nothing.
    case undecided
    /// Among the causes of an exit code other than 0.
    case failing
}

extension Report {
    /// The outcome of every host, in the order of ``hosts``.
    package var outcomes: [HostOutcome] {
        let causes = exitCode == 0 ? [] : Set(reasons.compactMap(\.verdict.category))
        let counts = gatedCounts
        return hosts.map { host in
            let category = host.status.category
            if host.isWaived { return .waived }
            if category == .proven { return .proven }
            if isWell(host) { return .undecided }
            if causes.contains(category) { return .failing }
            if verdict == .convergedTolerated { return .tolerated }
            guard exitCode != 0, verdict != .interrupted else { return .undecided }
            let allowance = policy.allowance(for: category, of: summary.expected)
            return counts[category, default: 0] <= allowance ? .tolerated : .undecided
        }
    }

    /// The reasons that no host's outcome shows: what a report of hosts alone would be green about.
    var reasonsWithoutHosts: [Reason] {
        let counts = gatedCounts
        return reasons.filter { reason in
            guard let category = reason.verdict.category else { return true }
            return counts[category, default: 0] == 0
        }
    }

    /// Whether one look found nothing wrong with the host, which proves nothing either.
    private func isWell(_ host: Host) -> Bool {
        guard let sweep, host.facts.reach == .ok, !host.facts.runtime.isDown else { return false }
        return sweep.onTarget == nil ? host.reason.isEmpty : host.facts.build.isMatch && host.status.category == .behind
    }

    /// How many hosts that the gate is about were never asked, because somebody interrupted before: nobody knows how far they
    /// are.
    package var unasked: Int {
        verdict != .interrupted ? 0 : hosts.count { !$0.isWaived && $0.status == .pending && $0.attempts == 0 }
    }

    /// How many hosts that the gate is about have each category; together as many as are expected.
    package var gatedCounts: [HostStatus.Category: Int] {
        Dictionary(hosts.filter { !$0.isWaived }.map { ($0.status.category, 1) }, uniquingKeysWith: +)
    }
}

extension Report.Host {
    /// Whether the gate leaves the host out.
    package var isWaived: Bool { waived.map { !$0.expired } ?? false }

    /// When the host came to have its status, since the start; nil where it never changed.
    var labelledAt: Duration? { transitions.last.map { Duration(clampingSeconds: $0.seconds) } }

    /// For a person: the commit, or else the digest, in short.
    var shortBuild: String? { gitSHA?.short ?? digest?.short }
}

extension Verdict {
    /// The hosts that a cause is about; nil where it is about none in particular.
    fileprivate var category: HostStatus.Category? {
        switch self {
        case .stragglers: .behind
        case .failedDeploy: .failed
        case .rolledBack: .rolledBack
        case .unreachable: .unproven
        case .superseded: .ahead
        case .identityConflict: .conflict
        case .converged, .convergedTolerated, .stalled, .inconclusive, .emptyInventory, .inventoryShrunk, .interrupted:
            nil
        }
    }
}

extension Report.PolicySummary {
    /// How many hosts of a category the policy allows.
    fileprivate func allowance(for category: HostStatus.Category, of expected: Int) -> Int {
        let text: String? =
            switch category {
            case .behind: maxStragglers
            case .unproven: maxUnreachable
            case .failed: maxFailed
            case .proven, .conflict, .rolledBack, .ahead: nil
            }
        return text.flatMap(Tolerance.init(parsing:))?.limit(of: expected) ?? 0
    }
}
