/// Hosts of one label that must be proven, whatever is tolerated: `group=canary:100%`.
package struct Requirement: Hashable, Sendable {
    package var group: HostGroup
    /// More than nothing.
    var share: Tolerance

    package init(group: HostGroup, share: Tolerance) {
        self.group = group
        self.share = share
    }

    /// Parses `KEY=VALUE:N` or `KEY=VALUE:P%`; nil for anything else, and for what asks for nothing.
    package init?(parsing text: String) {
        guard let parsed = GroupTolerance(parsing: text), parsed.tolerance != .hosts(0),
            parsed.tolerance != .percent(0)
        else { return nil }
        self.init(group: parsed.group, share: parsed.tolerance)
    }

    /// How many hosts must be proven, of so many expected ones with the label; at least 1.
    ///
    /// A percentage is rounded up, unlike those that tolerate: half of three hosts is not reached by one.
    func minimum(of expected: Int) -> Int {
        switch share {
        case .hosts(let hosts): max(1, hosts)
        // The small subtraction keeps 7% of 100 from becoming 8 in binary floating point.
        case .percent(let percent): max(1, Int((Double(expected) * percent / 100 - 1e-9).rounded(.up)))
        }
    }

    /// Why so many expected hosts can never fulfil it, however well they do; nil where they can.
    ///
    /// - Parameter waived: hosts with the label that the gate leaves out.
    func shortage(expected: Int, waived: Int) -> Reason? {
        let left = waived > 0 ? " (\(waived.hostCount) waived)" : ""
        if expected == 0 {
            let message = "--require \(self) has nothing to prove: no expected host has \(group)\(left)"
            return Reason(verdict: .emptyInventory, hosts: 0, message: message)
        }
        let minimum = minimum(of: expected)
        guard minimum > expected else { return nil }
        let message =
            "--require \(self) asks for \(minimum) proven, and \(expected.hostCount) with \(group) expected\(left)"
        return Reason(verdict: .inventoryShrunk, hosts: expected, message: message)
    }
}

extension Requirement: CustomStringConvertible {
    /// What ``init(parsing:)`` reads.
    package var description: String { "\(group):\(share)" }
}
