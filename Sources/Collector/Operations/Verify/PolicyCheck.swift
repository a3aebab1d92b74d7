package import CollectorSupport
package import Inventory
import Shared
package import Verdict

/// Checks a policy against the hosts that it applies to.
package struct PolicyCheck {
    /// How errors name the parts of the policy.
    package enum Naming: Sendable {
        /// `--max-failed`
        case options
        /// `policy.max_failed`
        case keys

        fileprivate func name(_ option: String) -> String {
            switch self {
            case .options: "--\(option)"
            case .keys: "policy.\(option.replacing("-", with: "_"))"
            }
        }
    }

    private let policy: Policy
    private let inventory: Inventory
    private let naming: Naming
    private let tolerances: [(name: String, limits: Tolerances)]

    package init(_ policy: Policy, _ inventory: Inventory, naming: Naming) {
        self.policy = policy
        self.inventory = inventory
        self.naming = naming
        tolerances = [
            (naming.name("max-stragglers"), policy.stragglers), (naming.name("max-unreachable"), policy.unreachable),
            (naming.name("max-failed"), policy.failed),
        ]
    }

    /// - Throws: an error if no fleet could meet the policy, or if it names a label that no listed host has: a typing error.
    package func check() throws(UsageError) {
        try checkLabels()
        try checkTolerances()
        try checkMinimum()
    }

    private func checkLabels() throws(UsageError) {
        let groups =
            tolerances.flatMap { name, limits in limits.byLabel.map { ("\(name) \($0)", $0.group) } }
            + policy.require.map { ("\(naming.name("require")) \($0)", $0.group) }
        guard !groups.isEmpty else { return }
        let labels = LabelIndex(inventory.listed)
        guard let (name, group) = groups.first(where: { !labels.contains($0.1) }) else { return }
        throw UsageError("\(name): no host has \(group): \(labels.alternatives(to: group))")
    }

    /// A tolerance for more hosts than there are was meant for another fleet.
    private func checkTolerances() throws(UsageError) {
        for (name, limits) in tolerances {
            if case .hosts(let count) = limits.plain, count > inventory.listed.count {
                throw UsageError(
                    "\(name) \(count) tolerates more hosts than the inventory's \(inventory.listed.count): give at most "
                        + "\(inventory.listed.count), or a percentage")
            }
            for limit in limits.byLabel {
                let hosts = inventory.listed.count(where: limit.group.contains)
                guard case .hosts(let count) = limit.tolerance, count > hosts else { continue }
                throw UsageError(
                    "\(name) \(limit) tolerates more hosts than the \(hosts) with \(limit.group): give at most \(hosts), or a "
                        + "percentage")
            }
        }
    }

    /// Below the minimum nothing is tolerated, so a minimum above the fleet makes every tolerance void.
    private func checkMinimum() throws(UsageError) {
        let hosts = inventory.hosts.count { !$0.isWaived }
        guard case .hosts(let minimum) = policy.minProven, minimum > hosts, hosts > 0,
            let name = tolerances.first(where: {
                $0.limits.plain.limit(of: hosts) > 0 || !$0.limits.byLabel.isEmpty
            })?.name
        else { return }
        let minProven = naming.name("min-proven")
        throw UsageError(
            "\(minProven) \(minimum) exceeds the \(hosts.hostCount) in the gate, so \(name) would tolerate nothing: "
                + "give \(minProven) \(hosts) or less, or omit \(name)")
    }
}
