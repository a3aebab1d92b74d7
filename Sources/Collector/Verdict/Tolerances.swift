/// The tolerances for one kind of exception, as `--max-failed`, `--max-unreachable` or `--max-stragglers` states them.
package struct Tolerances: Hashable, Sendable {
    /// For the hosts that none of ``byLabel`` covers.
    package var plain: Tolerance
    package var byLabel: [GroupTolerance]

    package init(plain: Tolerance = .none, byLabel: [GroupTolerance] = []) {
        self.plain = plain
        self.byLabel = byLabel
    }

    /// True if these tolerances permit nothing that `others` do not; false also if that cannot be decided.
    ///
    /// - Parameter hosts: the inventory. Waived hosts count against no tolerance.
    package func isWithin(_ others: Tolerances, for hosts: [ExpectedHost]) -> Bool {
        let hosts = hosts.filter { !$0.isWaived }
        let limits = limits(for: hosts)
        let otherLimits = others.limits(for: hosts)
        // Each host is counted against one limit only, the first that applies. A host with several labels needs room in each
        // of them, so this is never less than what is permitted.
        var counts = limits.map { _ in otherLimits.map { _ in 0 } }
        for host in hosts {
            guard let own = limits.indices.first(where: { contains(host, in: $0) }) else { continue }
            for other in otherLimits.indices where others.contains(host, in: other) { counts[own][other] += 1 }
        }
        return otherLimits.indices.allSatisfy { other in
            let most = limits.indices.reduce(0) { $0 + min(limits[$1], counts[$1][other]) }
            return most <= otherLimits[other]
        }
    }

    /// The limits by label, then the plain one.
    private func limits(for hosts: [ExpectedHost]) -> [Int] {
        (0...byLabel.count).map { scope in
            let share = scope < byLabel.count ? byLabel[scope].tolerance : plain
            return share.limit(of: hosts.count { contains($0, in: scope) })
        }
    }

    private func contains(_ host: ExpectedHost, in scope: Int) -> Bool {
        guard scope == byLabel.count else { return byLabel[scope].group.contains(host) }
        return !byLabel.contains { $0.group.contains(host) }
    }
}

extension Policy {
    package var stragglers: Tolerances {
        get { Tolerances(plain: maxStragglers, byLabel: maxStragglersByLabel) }
        set { (maxStragglers, maxStragglersByLabel) = (newValue.plain, newValue.byLabel) }
    }

    package var unreachable: Tolerances {
        get { Tolerances(plain: maxUnreachable, byLabel: maxUnreachableByLabel) }
        set { (maxUnreachable, maxUnreachableByLabel) = (newValue.plain, newValue.byLabel) }
    }

    package var failed: Tolerances {
        get { Tolerances(plain: maxFailed, byLabel: maxFailedByLabel) }
        set { (maxFailed, maxFailedByLabel) = (newValue.plain, newValue.byLabel) }
    }
}
