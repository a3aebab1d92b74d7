import Shared
package import Verdict

/// The contribution of one host to the report's exit code.
///
/// Every format that a pipeline reads applies this one rule, so that all of them are red or green together.
package enum HostOutcome: Hashable, Sendable {
    case proven
    /// Outside the gate, whatever its status.
    case waived
    /// Not proven, but within what a `--max-…` flag allows.
    case tolerated
    /// Not proven, and not a cause of the verdict: the verification ended early, or proves nothing.
    case undecided
    /// A cause of an exit code other than 0.
    case failing
}

extension Report {
    /// The outcome of every host, in the order of ``hosts``.
    package var outcomes: [HostOutcome] {
        let causes = exitCode == 0 ? [] : Set(reasons.compactMap(\.verdict.category))
        let counts = gatedCounts
        // Every host that is not proven and not well has the outcome of its category.
        let outcomes = Dictionary(
            uniqueKeysWithValues: counts.keys.map { category -> (HostStatus.Category, HostOutcome) in
                if causes.contains(category) { return (category, .failing) }
                if verdict == .convergedTolerated { return (category, .tolerated) }
                guard exitCode != 0, verdict != .interrupted else { return (category, .undecided) }
                let allowance = policy.allowance(for: category, of: summary.expected)
                return (category, counts[category, default: 0] <= allowance ? .tolerated : .undecided)
            })
        // By index, because a copy of a host costs more than what is read of it.
        return hosts.indices.map { index in
            if hosts[index].isWaived { return .waived }
            if hosts[index].status == .converged { return .proven }
            if sweep != nil, isWell(hosts[index]) { return .undecided }
            return outcomes[hosts[index].status.category] ?? .undecided
        }
    }

    /// The reasons that no host's outcome shows. A report of hosts alone would be green despite them.
    var reasonsWithoutHosts: [Reason] {
        let counts = gatedCounts
        return reasons.filter { reason in
            guard let category = reason.verdict.category else { return true }
            return counts[category, default: 0] == 0
        }
    }

    /// True if a status found nothing wrong with the host, which proves nothing.
    private func isWell(_ host: Host) -> Bool {
        guard let sweep, host.facts.reach == .ok, !host.facts.runtime.isDown else { return false }
        return sweep.onTarget == nil ? host.reason.isEmpty : host.facts.build.isMatch && host.status.category == .behind
    }

    /// The number of hosts in the gate that were not queried because of an interruption. Their progress is unknown.
    package var unasked: Int {
        guard verdict == .interrupted else { return 0 }
        return hosts.indices.count {
            hosts[$0].status == .pending && hosts[$0].attempts == 0 && !hosts[$0].isWaived
        }
    }

    /// The number of hosts in the gate with each category. The counts add up to the expected hosts.
    package var gatedCounts: [HostStatus.Category: Int] {
        var statuses: [HostStatus: Int] = [:]
        for index in hosts.indices where !hosts[index].isWaived { statuses[hosts[index].status, default: 0] += 1 }
        return Dictionary(statuses.map { ($0.key.category, $0.value) }, uniquingKeysWith: +)
    }
}

extension Report.Host {
    /// True if the host is outside the gate.
    @inline(__always)
    package var isWaived: Bool { waived.map { !$0.expired } ?? false }
}

extension Verdict {
    /// The category of the hosts that cause the verdict; nil if the cause is not a category of hosts.
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
    /// The number of hosts of a category that the policy tolerates.
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
