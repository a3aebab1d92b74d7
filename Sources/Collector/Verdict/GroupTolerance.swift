/// A tolerance for the hosts of one label: `region=eu:10%`.
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
    /// What ``init(parsing:)`` reads.
    package var description: String { "\(group):\(tolerance)" }
}
