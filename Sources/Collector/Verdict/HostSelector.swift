import Shared

/// The hosts that carry one label with one value: `region=eu`.
package struct HostGroup: Hashable, Sendable {
    package let key: String
    package let value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    /// Parses `KEY=VALUE`; the key ends at the first `=`. nil for anything else, and for text that an inventory cannot
    /// contain: control or invisible characters, or white space at either end.
    package init?(parsing text: some StringProtocol) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { return nil }
        let key = String(text[..<equals])
        let value = String(text[text.index(after: equals)...])
        // `!=` is an exclusion, and `==` is a typing error that would select values that begin with `=`.
        guard !key.hasSuffix("!"), !value.hasPrefix("=") else { return nil }
        guard Sanitizer.singleLine(key, limit: 128) == key, Sanitizer.singleLine(value, limit: 255) == value else {
            return nil
        }
        self.init(key: key, value: value)
    }

    package func contains(_ host: ExpectedHost) -> Bool { contains(host.labels) }
    func contains(_ labels: [String: String]) -> Bool { labels[key] == value }
}

extension HostGroup: CustomStringConvertible {
    /// The text that ``init(parsing:)`` parses.
    package var description: String { "\(key)=\(value)" }
}

/// Selects the expected hosts of an inventory by their labels; every host if there are no terms.
///
/// Values of one key are alternatives, and every key must match. A host must not have a label that a `!=` term names, so a
/// host without the label passes. The order of the terms does not matter.
package struct HostSelector: Hashable, Sendable {
    /// The value of one `--select`.
    package struct Term: Hashable, Sendable, CustomStringConvertible {
        package var group: HostGroup
        /// True for `KEY!=VALUE`.
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

    /// The distinct terms, sorted by their text.
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

    package func selects(_ host: ExpectedHost) -> Bool { selects(host.labels) }

    /// True if a host with these labels is selected.
    package func selects(_ labels: [String: String]) -> Bool {
        wanted.allSatisfy { key, values in labels[key].map(values.contains) ?? false }
            && !excluded.contains { $0.contains(labels) }
    }
}

extension HostSelector: CustomStringConvertible {
    package var description: String { terms.map(\.description).joined(separator: ", ") }
}

/// The labels of hosts and their counts, for messages about a label that matches no host.
package struct LabelIndex: Sendable {
    /// Counts by key and value.
    private let counts: [String: [String: Int]]

    package init(_ hosts: [ExpectedHost]) {
        counts = hosts.reduce(into: [:]) { counts, host in
            for (key, value) in host.labels { counts[key, default: [:]][value, default: 0] += 1 }
        }
    }

    package func contains(_ group: HostGroup) -> Bool { counts[group.key]?[group.value] != nil }

    /// The alternatives to a group: `region is eu (12), us (8)`, or else `the labels are group, region`.
    package func alternatives(to group: HostGroup) -> String {
        guard let values = counts[group.key] else {
            guard !counts.isEmpty else { return "no host has labels" }
            return "the labels are \(Self.few(counts.keys.sorted()))"
        }
        let shown = values.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) (\($0.value))" }
        return "\(Sanitizer.singleLine(group.key, limit: 64)) is \(Self.few(shown))"
    }

    private static func few(_ texts: [String]) -> String {
        texts.map { Sanitizer.singleLine($0, limit: 64) }.listed(limit: 5)
    }
}
