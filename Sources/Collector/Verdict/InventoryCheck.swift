import Shared

/// Whether an inventory is enough to verify anything against: nothing, or much less than last time, is never fine.
package struct InventoryCheck: Codable, Hashable, Sendable {
    /// Fewer hosts, in the selection where there is one, are an error.
    package var minimumHosts = 1
    /// An empty inventory was asked for. A selection that matches none of its hosts is no empty inventory.
    package var allowsEmpty = false
    /// How much smaller than last time it may be; 0 to 100.
    package var maximumShrinkPercent = InventoryBaseline.standardAllowance

    package init(
        minimumHosts: Int = 1, allowsEmpty: Bool = false,
        maximumShrinkPercent: Double = InventoryBaseline.standardAllowance
    ) {
        self.minimumHosts = minimumHosts
        self.allowsEmpty = allowsEmpty
        self.maximumShrinkPercent = maximumShrinkPercent
    }

    package enum CodingKeys: String, CodingKey {
        case minimumHosts = "min_hosts"
        case allowsEmpty = "allow_empty"
        case maximumShrinkPercent = "max_shrink_percent"
    }

    /// What the service was last promoted to. Waived hosts count.
    package struct Previous: Codable, Hashable, Sendable {
        /// All hosts that the inventory listed, selected or not; nil where the service was never verified.
        package var listed: Int?
        /// Those of the same selection; nil where it was never verified.
        package var selected: Int?

        package init(listed: Int? = nil, selected: Int? = nil) {
            self.listed = listed
            self.selected = selected
        }
    }

    /// The conclusion that ends a verification before it starts, or nil where the inventory will do.
    ///
    /// - Parameters:
    ///   - hosts: the selected ones.
    ///   - listed: all hosts of the inventory.
    ///   - requirements: what must be proven, which must be there at least.
    package func refusal(
        of hosts: [ExpectedHost], listed: [ExpectedHost], selector: HostSelector = .everything,
        requirements: [Requirement] = [], previous: Previous = Previous()
    ) -> Conclusion? {
        let mayBeEmpty = allowsEmpty && listed.isEmpty && minimumHosts <= 1 && requirements.isEmpty
        let reason =
            Self.mismatch(of: selector, hosts: hosts, listed: listed)
            ?? Self.emptiness(of: hosts, isListEmpty: listed.isEmpty, isAllowed: mayBeEmpty)
            ?? Self.shortage(of: requirements, in: hosts) ?? shrinkage(hosts.count, listed.count, selector, previous)
        guard let reason else { return nil }
        return Conclusion(
            verdict: reason.verdict, exitCode: mayBeEmpty ? ExitStatus.success.rawValue : reason.verdict.exitCode,
            reasons: [reason], at: .zero)
    }

    /// What is wrong with a selection; nil where it selects something with each of its values.
    ///
    /// A value that no host has at all is an error beside others that match: else a slip would leave out hosts unseen.
    package static func mismatch(of selector: HostSelector, hosts: [ExpectedHost], listed: [ExpectedHost]) -> Reason? {
        guard !selector.isEverything, !listed.isEmpty else { return nil }
        let census = LabelIndex(listed)
        func reason(_ message: String) -> Reason { Reason(verdict: .emptyInventory, hosts: 0, message: message) }
        if let term = selector.terms.first(where: { !$0.isExcluded && !census.contains($0.group) }) {
            return reason(
                "--select \(term) matches none of \(listed.count.hostCount): \(census.alternatives(to: term.group))")
        }
        guard hosts.isEmpty else { return nil }
        let groups = Set(selector.terms.map(\.group.key)).sorted().map { HostGroup(key: $0, value: "") }
        let alternatives = groups.map(census.alternatives).joined(separator: "; ")
        return reason("--select \(selector) together match none of \(listed.count.hostCount): \(alternatives)")
    }

    private static func emptiness(of hosts: [ExpectedHost], isListEmpty: Bool, isAllowed: Bool) -> Reason? {
        guard hosts.allSatisfy(\.isWaived) else { return nil }
        let message =
            if !isListEmpty {
                "all \(hosts.count.hostCount) are waived: there is nothing to verify"
            } else if isAllowed {
                "the inventory is empty, as --allow-empty permits: nothing was verified"
            } else {
                "the inventory holds no host: check --fleet, or say --allow-empty"
            }
        return Reason(verdict: .emptyInventory, hosts: 0, message: message)
    }

    private static func shortage(of requirements: [Requirement], in hosts: [ExpectedHost]) -> Reason? {
        for requirement in requirements {
            let group = hosts.filter(requirement.group.contains)
            let waived = group.count(where: \.isWaived)
            guard var reason = requirement.shortage(expected: group.count - waived, waived: waived) else { continue }
            if group.isEmpty { reason.message += ": \(LabelIndex(hosts).alternatives(to: requirement.group))" }
            return reason
        }
        return nil
    }

    private func shrinkage(_ count: Int, _ listed: Int, _ selector: HostSelector, _ previous: Previous) -> Reason? {
        let whole = "the inventory"
        let part = selector.isEverything ? whole : "the selection \(selector)"
        if count < minimumHosts {
            return shrunk("\(part) holds \(count.hostCount), --min-hosts asks for \(minimumHosts)")
        }
        let comparisons =
            [(whole, listed, previous.listed)] + (selector.isEverything ? [] : [(part, count, previous.selected)])
        for (what, count, previous) in comparisons {
            guard let previous,
                InventoryBaseline.isShrunk(count, from: previous, allowance: maximumShrinkPercent)
            else { continue }
            return shrunk(
                "\(what) shrank from \(previous.hostCount) to \(count), more than --max-shrink "
                    + "\(Tolerance.percent(maximumShrinkPercent)): is the source complete? If it is meant to be smaller: "
                    + "--max-shrink 100%, or a --store or --service of its own")
        }
        return nil
    }

    private func shrunk(_ message: String) -> Reason { Reason(verdict: .inventoryShrunk, hosts: 0, message: message) }
}
