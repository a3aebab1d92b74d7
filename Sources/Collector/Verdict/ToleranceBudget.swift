/// Every limit of a policy and its hosts, counted as statuses change, so that checking the limits is cheap.
struct ToleranceBudget: Sendable {
    private(set) var scopes: [LimitScope]
    /// The scopes of each host; empty if every host is in every scope.
    private let memberships: [[Int]]

    init(policy: Policy, hosts: [ExpectedHost]) {
        let scopes = LimitScope.all(policy: policy, hosts: hosts)
        self.scopes = scopes
        let isByLabel = scopes.contains { $0.group != nil }
        memberships = isByLabel ? hosts.map { host in scopes.indices.filter { scopes[$0].contains(host) } } : []
    }

    /// Counts a status change of a host in the gate.
    mutating func move(_ host: Int, from before: HostStatus, to after: HostStatus) {
        let changes = (Self.count(after, .converged, before), Self.count(after, .failed, before))
        guard changes != (0, 0) else { return }
        func change(_ scope: Int) {
            scopes[scope].converged += changes.0
            scopes[scope].failed += changes.1
        }
        if memberships.isEmpty {
            for scope in scopes.indices { change(scope) }
        } else {
            for scope in memberships[host] { change(scope) }
        }
    }

    private static func count(_ after: HostStatus, _ status: HostStatus, _ before: HostStatus) -> Int {
        (after == status ? 1 : 0) - (before == status ? 1 : 0)
    }

    /// True if more hosts failed than any limit allows, so that the others need not be waited for.
    var isBrokenByFailures: Bool { scopes.contains(where: \.isBrokenByFailures) }

    /// True if every limit would hold if the hosts that are neither proven nor failed stayed unreachable until the end.
    var holdsWithoutTheRest: Bool { scopes.allSatisfy(\.holdsWithoutTheRest) }

    func scopes(_ purpose: LimitScope.Purpose) -> [LimitScope] { scopes.filter { $0.purpose == purpose } }
}

/// The hosts that share one limit, and their counts.
struct LimitScope: Sendable {
    enum Purpose: Hashable, Sendable {
        /// Tolerated exceptions of one kind, counted against `--max-failed`, `--max-unreachable` or `--max-stragglers`.
        case failed, unproven, behind
        /// Proven hosts that `--require` demands.
        case required
    }

    let purpose: Purpose
    /// nil for the hosts that no limit by label of the same purpose covers.
    let group: HostGroup?
    /// The limit as typed.
    let share: Tolerance
    /// The requirement; nil for a tolerance.
    let requirement: Requirement?
    /// The number of the scope's hosts in the gate.
    let expected: Int
    /// The maximum number of exceptions, or the minimum number of proven hosts.
    let limit: Int
    /// The groups with limits of their own, if this scope has no group.
    private let others: [HostGroup]
    /// The current numbers of hosts by status; the budget updates them.
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

    var coversEveryHost: Bool { group == nil && others.isEmpty }

    /// True if the scope covers the host, waived or not.
    func contains(_ host: ExpectedHost) -> Bool { Self.contains(host, group: group, apartFrom: others) }

    private static func contains(_ host: ExpectedHost, group: HostGroup?, apartFrom others: [HostGroup]) -> Bool {
        if let group { return group.contains(host) }
        return others.isEmpty || !others.contains { $0.contains(host) }
    }

    /// True if so many hosts failed that the limit cannot hold while they stay failed.
    var isBrokenByFailures: Bool {
        switch purpose {
        case .failed: failed > limit
        case .required: failed > expected - limit
        case .unproven, .behind: false
        }
    }

    /// True if the limit would hold if every host that is neither proven nor failed stayed unreachable.
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
    /// All scopes of a policy.
    ///
    /// Each kind of exception has one scope for every tolerance by label, and one for the hosts that none of these covers:
    /// the plain tolerance applies only to them. A host with several of the labels is in several scopes, and every one must
    /// hold.
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
