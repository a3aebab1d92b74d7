import Shared

/// The hosts that carry one label with one value: `region=eu`.
package struct HostGroup: Hashable, Sendable {
    package let key: String
    package let value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    /// Parses `KEY=VALUE`; the key ends at the first `=`. nil for anything else, and for text that an inventory could not
    /// hold: control or invisible characters, or white space at an end.
    package init?(parsing text: some StringProtocol) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { return nil }
        let key = String(text[..<equals])
        let value = String(text[text.index(after: equals)...])
        // `!=` is not this, and `==` is a slip that would look for a value that begins with `=`.
        guard !key.hasSuffix("!"), !value.hasPrefix("=") else { return nil }
        guard Sanitizer.singleLine(key, limit: 128) == key, Sanitizer.singleLine(value, limit: 255) == value else {
            return nil
        }
        self.init(key: key, value: value)
    }

    package func contains(_ host: ExpectedHost) -> Bool { host.labels[key] == value }
}

extension HostGroup: CustomStringConvertible {
    /// What ``init(parsing:)`` reads.
    package var description: String { "\(key)=\(value)" }
}
