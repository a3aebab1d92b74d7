/// Which hosts of an inventory are expected, by their labels; everything where it has no terms.
///
/// Values of one key are alternatives, and every key must hold; what `!=` names must not be there, so that a host without
/// the label passes it. The order of the terms is of no importance.
package struct HostSelector: Hashable, Sendable {
    /// One `--select`.
    package struct Term: Hashable, Sendable, CustomStringConvertible {
        package var group: HostGroup
        /// `KEY!=VALUE`.
        package var isExcluded = false

        package init(group: HostGroup, isExcluded: Bool = false) {
            self.group = group
            self.isExcluded = isExcluded
        }

        /// Parses `KEY=VALUE` or `KEY!=VALUE`; nil for anything else.
        package init?(parsing text: String) {
            if let equals = text.firstIndex(of: "="), text[..<equals].hasSuffix("!") {
                guard let group = HostGroup(parsing: text[..<equals].dropLast() + text[equals...]) else { return nil }
                self.init(group: group, isExcluded: true)
            } else {
                guard let group = HostGroup(parsing: text) else { return nil }
                self.init(group: group)
            }
        }

        package var description: String { "\(group.key)\(isExcluded ? "!" : "")=\(group.value)" }
    }

    /// Each once, in the order of their texts.
    package let terms: [Term]
    private let wanted: [String: Set<String>]
    private let excluded: Set<HostGroup>

    package static let everything = HostSelector([])

    package init(_ terms: [Term]) {
        self.terms = Set(terms).sorted { $0.description < $1.description }
        wanted = Dictionary(grouping: terms.filter { !$0.isExcluded }, by: \.group.key)
            .mapValues { Set($0.map(\.group.value)) }
        excluded = Set(terms.filter(\.isExcluded).map(\.group))
    }

    package var isEverything: Bool { terms.isEmpty }

    package func selects(_ host: ExpectedHost) -> Bool {
        wanted.allSatisfy { key, values in host.labels[key].map(values.contains) ?? false }
            && !excluded.contains { $0.contains(host) }
    }
}

extension HostSelector: CustomStringConvertible {
    package var description: String { terms.map(\.description).joined(separator: ", ") }
}
