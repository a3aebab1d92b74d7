/// A number of hosts, or a share of the expected ones: `3` or `5%`.
package enum Tolerance: Hashable, Sendable {
    case hosts(Int)
    /// 0 to 100.
    case percent(Double)

    package static let none = Tolerance.hosts(0)

    /// Parses `N` or `P%`; nil for anything else.
    package init?(parsing text: String) {
        if text.hasSuffix("%") {
            guard let percent = Double(text.dropLast()), (0...100).contains(percent) else { return nil }
            self = .percent(percent)
        } else {
            guard let hosts = Int(text), hosts >= 0 else { return nil }
            self = .hosts(hosts)
        }
    }

    /// The number of hosts that it permits among `expected` ones. A percentage is rounded down.
    package func limit(of expected: Int) -> Int {
        switch self {
        case .hosts(let hosts): hosts
        // The small addition keeps 29% of 100 from becoming 28 in binary floating point.
        case .percent(let percent): Int((Double(expected) * percent / 100 + 1e-9).rounded(.down))
        }
    }
}

extension Tolerance: CustomStringConvertible {
    package var description: String {
        switch self {
        case .hosts(let hosts): "\(hosts)"
        case .percent(let percent):
            percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
        }
    }
}

/// A tolerance for the hosts with one label: `region=eu:10%`.
package struct GroupTolerance: Hashable, Sendable {
    package var group: HostGroup
    package var tolerance: Tolerance

    package init(group: HostGroup, tolerance: Tolerance) {
        self.group = group
        self.tolerance = tolerance
    }

    /// Parses `KEY=VALUE:N` or `KEY=VALUE:P%`; nil for anything else. The value ends at the last colon.
    package init?(parsing text: String) {
        guard let colon = text.lastIndex(of: ":"), let group = HostGroup(parsing: text[..<colon]),
            let tolerance = Tolerance(parsing: String(text[text.index(after: colon)...]))
        else { return nil }
        self.init(group: group, tolerance: tolerance)
    }
}

extension GroupTolerance: CustomStringConvertible {
    /// The text that ``init(parsing:)`` parses.
    package var description: String { "\(group):\(tolerance)" }
}

/// The share of the hosts with one label that must be proven, whatever is tolerated: `group=canary:100%`.
package struct Requirement: Hashable, Sendable {
    package var group: HostGroup
    /// Greater than 0.
    var share: Tolerance

    package init(group: HostGroup, share: Tolerance) {
        self.group = group
        self.share = share
    }

    /// Parses `KEY=VALUE:N` or `KEY=VALUE:P%`; nil for anything else, and for 0.
    package init?(parsing text: String) {
        guard let parsed = GroupTolerance(parsing: text), parsed.tolerance != .hosts(0),
            parsed.tolerance != .percent(0)
        else { return nil }
        self.init(group: parsed.group, share: parsed.tolerance)
    }

    /// The number of hosts that must be proven among `expected` ones with the label; at least 1.
    ///
    /// A percentage is rounded up, unlike in a tolerance: one of three hosts does not meet 50%.
    func minimum(of expected: Int) -> Int {
        switch share {
        case .hosts(let hosts): max(1, hosts)
        // The small subtraction keeps 7% of 100 from becoming 8 in binary floating point.
        case .percent(let percent): max(1, Int((Double(expected) * percent / 100 - 1e-9).rounded(.up)))
        }
    }

    /// The reason that the requirement can never be met with this many hosts; nil if it can.
    ///
    /// - Parameter waived: the number of waived hosts with the label.
    func shortage(expected: Int, waived: Int) -> Reason? {
        let left = waived > 0 ? " (\(waived.hostCount) waived)" : ""
        if expected == 0 {
            let message = "--require \(self) has nothing to prove: no expected host has \(group)\(left)"
            return Reason(verdict: .emptyInventory, code: .requirementWithoutHosts, hosts: 0, message: message)
        }
        let minimum = minimum(of: expected)
        guard minimum > expected else { return nil }
        let message =
            "--require \(self) asks for \(minimum) proven, and \(expected.hostCount) with \(group) expected\(left)"
        return Reason(verdict: .inventoryShrunk, code: .requirementTooLarge, hosts: expected, message: message)
    }
}

extension Requirement: CustomStringConvertible {
    /// The text that ``init(parsing:)`` parses.
    package var description: String { "\(group):\(share)" }
}
