import Shared

/// Checks that an inventory suffices for a verification: an empty one, or one much smaller than last time, never does.
package struct InventoryCheck: Codable, Hashable, Sendable {
    /// The minimum number of hosts, counted in the selection if there is one.
    package var minimumHosts = 1
    /// True if an empty inventory is permitted. A selection that matches no host is not an empty inventory.
    package var allowsEmpty = false
    /// The permitted decrease since last time, in percent; 0 to 100.
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

    /// The sizes at the last promotion of the service in its environment. Waived hosts count.
    package struct Previous: Codable, Hashable, Sendable {
        /// The number of listed hosts, selected or not; nil if the service was never verified.
        package var listed: Int?
        /// The number of hosts in the same selection; nil if it was never verified.
        package var selected: Int?

        package init(listed: Int? = nil, selected: Int? = nil) {
            self.listed = listed
            self.selected = selected
        }
    }

    /// The conclusion that ends a verification before it starts; nil if the inventory suffices.
    ///
    /// - Parameters:
    ///   - hosts: the selected hosts.
    ///   - listed: all hosts of the inventory.
    ///   - requirements: the requirements, whose hosts must at least be in the inventory.
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

    /// The problem of a selection; nil if each of its values selects a host.
    ///
    /// A value that matches no host is an error even if other values match: otherwise, a typing error would silently leave
    /// out hosts.
    package static func mismatch(of selector: HostSelector, hosts: [ExpectedHost], listed: [ExpectedHost]) -> Reason? {
        guard !selector.isEverything, !listed.isEmpty else { return nil }
        let labels = LabelIndex(listed)
        func reason(_ message: String) -> Reason {
            Reason(verdict: .emptyInventory, code: .selectionMatchesNothing, hosts: 0, message: message)
        }
        if let term = selector.terms.first(where: { !$0.isExcluded && !labels.contains($0.group) }) {
            return reason(
                "--select \(term) matches none of \(listed.count.hostCount): \(labels.alternatives(to: term.group))")
        }
        guard hosts.isEmpty else { return nil }
        let groups = Set(selector.terms.map(\.group.key)).sorted().map { HostGroup(key: $0, value: "") }
        let alternatives = groups.map(labels.alternatives).joined(separator: "; ")
        return reason("--select \(selector) together match none of \(listed.count.hostCount): \(alternatives)")
    }

    private static func emptiness(of hosts: [ExpectedHost], isListEmpty: Bool, isAllowed: Bool) -> Reason? {
        guard hosts.allSatisfy(\.isWaived) else { return nil }
        let message =
            if !isListEmpty {
                hosts.count == 1
                    ? "the only host is waived: there is nothing to verify"
                    : "all \(hosts.count) hosts are waived: there is nothing to verify"
            } else if isAllowed {
                "the inventory is empty, as --allow-empty permits: nothing was verified"
            } else {
                "the inventory is empty: check --fleet, or give --allow-empty"
            }
        return Reason(
            verdict: .emptyInventory, code: isListEmpty ? .inventoryEmpty : .allWaived, hosts: 0, message: message)
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
            return shrunk(
                .tooFewHosts, "\(part) holds \(count.hostCount), --min-hosts asks for \(minimumHosts)")
        }
        let comparisons =
            [(whole, listed, previous.listed)] + (selector.isEverything ? [] : [(part, count, previous.selected)])
        for (what, count, previous) in comparisons {
            guard let previous,
                InventoryBaseline.isShrunk(count, from: previous, allowance: maximumShrinkPercent)
            else { continue }
            return shrunk(
                .inventoryShrunk,
                "\(what) shrank from \(previous.hostCount) to \(count), more than --max-shrink "
                    + "\(Tolerance.percent(maximumShrinkPercent)): is the source complete? If this is "
                    + "intended, give --max-shrink 100%; for another fleet, give --environment or --store")
        }
        return nil
    }

    private func shrunk(_ code: Reason.Code, _ message: String) -> Reason {
        Reason(verdict: .inventoryShrunk, code: code, hosts: 0, message: message)
    }
}

/// The size that an inventory is compared with: that of the service's last promotion.
///
/// It is not the size of the last verification, because a promotion can have many. A fleet that shrank a little before each
/// of them could disappear without one step being too large.
package enum InventoryBaseline {
    /// - Parameters:
    ///   - sizes: the sizes in the verifications of one promotion, oldest first, without those refused for their size.
    ///   - allowance: the permitted decrease in percent. A larger step was permitted by another allowance on purpose, and
    ///     counts from then on.
    package static func of(_ sizes: [Int], allowance: Double) -> Int? {
        sizes.reduce(nil) { baseline, size in
            guard let baseline, size <= baseline else { return size }
            return isShrunk(size, from: baseline, allowance: max(allowance, standardAllowance)) ? size : baseline
        }
    }

    /// The default of `--max-shrink`.
    package static let standardAllowance = 20.0

    package static func isShrunk(_ size: Int, from baseline: Int, allowance: Double) -> Bool {
        Double(size) < Double(baseline) * (1 - allowance / 100) - 1e-9
    }
}
