import Shared

/// Which labels hosts carry, and how many of them: what a message names where somebody asked for one that is not there.
package struct LabelIndex: Sendable {
    /// By key and value.
    private let counts: [String: [String: Int]]

    package init(_ hosts: [ExpectedHost]) {
        counts = hosts.reduce(into: [:]) { counts, host in
            for (key, value) in host.labels { counts[key, default: [:]][value, default: 0] += 1 }
        }
    }

    package func contains(_ group: HostGroup) -> Bool { counts[group.key]?[group.value] != nil }

    /// What there is in its place, in a few words: `region is eu (12), us (8)`, or else `there are labels group, region`.
    package func alternatives(to group: HostGroup) -> String {
        guard let values = counts[group.key] else {
            guard !counts.isEmpty else { return "no host has labels" }
            return "the labels are \(Self.few(counts.keys.sorted()))"
        }
        let shown = values.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) (\($0.value))" }
        return "\(Sanitizer.singleLine(group.key, limit: 64)) is \(Self.few(shown))"
    }

    private static func few(_ texts: [String]) -> String {
        let shown = texts.prefix(5).map { Sanitizer.singleLine($0, limit: 64) }.joined(separator: ", ")
        return texts.count > 5 ? "\(shown) and \(texts.count - 5) more" : shown
    }
}
