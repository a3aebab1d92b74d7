/// The hosts that share one limit, and how far they have come.
struct LimitScope: Sendable {
    /// What is limited.
    enum Purpose: Hashable, Sendable {
        /// Tolerated exceptions of one kind, counted against `--max-failed`, `--max-unreachable` and `--max-stragglers`.
        case failed, unproven, behind
        /// Hosts that must be proven.
        case required
    }

    let purpose: Purpose
    /// nil for the hosts that no by-label limit of the same purpose is for.
    let group: HostGroup?
    /// As it was typed.
    let share: Tolerance
    /// What must be proven; nil for a tolerance.
    let requirement: Requirement?
    /// Hosts that the gate is about; the ones of the pool only.
    let expected: Int
    /// At most so many exceptions, or at least so many proven hosts.
    let limit: Int
    /// Where there is no group: the groups that have limits of their own.
    private let others: [HostGroup]
    /// Hosts with these labels at the moment; the state machine keeps them up to date.
    var converged = 0
    var failed = 0

    fileprivate init(
        _ purpose: Purpose, _ group: HostGroup?, _ share: Tolerance, apartFrom others: [HostGroup] = [],
        hosts: [ExpectedHost]
    ) {
        self.purpose = purpose
        self.group = group
        self.share = share
        self.others = others
        expected = hosts.count {
            !$0.isWaived && Self.contains($0, group: group, apartFrom: others)
        }
        let requirement = purpose == .required ? group.map { Requirement(group: $0, share: share) } : nil
        self.requirement = requirement
        limit = requirement?.minimum(of: expected) ?? share.limit(of: expected)
    }

    /// Whether the host is one of them, waived or not.
    func contains(_ host: ExpectedHost) -> Bool { Self.contains(host, group: group, apartFrom: others) }

    private static func contains(_ host: ExpectedHost, group: HostGroup?, apartFrom others: [HostGroup]) -> Bool {
        if let group { return group.contains(host) }
        return others.isEmpty || !others.contains { $0.contains(host) }
    }

    /// Whether so many of the hosts failed that the limit cannot hold while they do.
    var isBrokenByFailures: Bool {
        switch purpose {
        case .failed: failed > limit
        case .required: failed > expected - limit
        case .unproven, .behind: false
        }
    }

    /// Whether the limit holds if every host that is neither proven nor failed gave no answer.
    var holdsWithoutTheRest: Bool {
        switch purpose {
        case .failed: failed <= limit
        case .unproven: expected - converged - failed <= limit
        case .behind: true
        case .required: converged >= limit
        }
    }
}

extension LimitScope {
    /// All pools of a policy.
    ///
    /// For each kind of exception there is one for every by-label tolerance, and one for the hosts that none of these is
    /// for: the plain tolerance is theirs alone. A host with several of the labels is in several pools, and every one of
    /// them has to hold.
    static func all(policy: Policy, hosts: [ExpectedHost]) -> [LimitScope] {
        let kinds: [(Purpose, Tolerance, [GroupTolerance])] = [
            (.failed, policy.maxFailed, policy.maxFailedByLabel),
            (.unproven, policy.maxUnreachable, policy.maxUnreachableByLabel),
            (.behind, policy.maxStragglers, policy.maxStragglersByLabel),
        ]
        let tolerances = kinds.flatMap { purpose, plain, byLabel in
            [LimitScope(purpose, nil, plain, apartFrom: byLabel.map(\.group), hosts: hosts)]
                + byLabel.map { LimitScope(purpose, $0.group, $0.tolerance, hosts: hosts) }
        }
        return tolerances + policy.require.map { LimitScope(.required, $0.group, $0.share, hosts: hosts) }
    }
}
