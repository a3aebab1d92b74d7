/// A tolerance for the hosts of one label: `region=eu:10%`.
struct GroupTolerance: Hashable, Sendable {
    var group: HostGroup
    var tolerance: Tolerance

    init(group: HostGroup, tolerance: Tolerance) {
        self.group = group
        self.tolerance = tolerance
    }

    /// Parses `KEY=VALUE:N` or `KEY=VALUE:P%`; nil for anything else. The value ends at the last colon.
    init?(parsing text: String) {
        guard let colon = text.lastIndex(of: ":"), let group = HostGroup(parsing: text[..<colon]),
            let tolerance = Tolerance(parsing: String(text[text.index(after: colon)...]))
        else { return nil }
        self.init(group: group, tolerance: tolerance)
    }
}

extension GroupTolerance: CustomStringConvertible {
    /// What ``init(parsing:)`` reads.
    var description: String { "\(group):\(tolerance)" }
}
