import Shared

/// The preference `wait` of the `Prefer` header (RFC 7240).
enum Preferences {
    /// The seconds of `wait=N`, at most ``BuildinfoProtocol/maximumWait``; nil without a valid one.
    ///
    /// Names ignore case, and the first of two counts (section 2). The value is a number of seconds (section 4.3).
    ///
    /// - Parameter fields: the header's values in order.
    static func wait(_ fields: [String]) -> Int? {
        for field in fields {
            for item in elements(of: field) {
                // Parameters follow after a semicolon; `wait` has no defined ones.
                let preference = item.prefix { $0 != UInt8(ascii: ";") }
                let name = trimmed(preference.prefix { $0 != UInt8(ascii: "=") })
                guard String(decoding: name, as: UTF8.self).lowercased() == "wait" else { continue }
                return seconds(trimmed(preference[min(preference.endIndex, equals(preference))...]))
            }
        }
        return nil
    }

    /// The position after the first equals sign.
    private static func equals(_ text: Substring.UTF8View) -> Substring.UTF8View.Index {
        text.firstIndex(of: UInt8(ascii: "=")).map { text.index(after: $0) } ?? text.endIndex
    }

    private static func seconds(_ value: Substring.UTF8View) -> Int? {
        var digits = value
        let quote = UInt8(ascii: "\"")
        // A token and a quoted string are equivalent (section 2).
        if digits.first == quote {
            guard digits.count >= 2, digits.last == quote else { return nil }
            digits = digits.dropFirst().dropLast()
        }
        guard !digits.isEmpty, digits.allSatisfy(\.isASCIIDigit) else { return nil }
        // A number too large for Int is still a number.
        return min(
            Int(String(decoding: digits, as: UTF8.self)) ?? BuildinfoProtocol.maximumWait, BuildinfoProtocol.maximumWait
        )
    }

    /// The list's elements: commas inside quotes separate nothing (RFC 9110, section 5.6).
    private static func elements(of field: String) -> [Substring.UTF8View] {
        var isQuoted = false
        var isEscaped = false
        return field[...].utf8.split(omittingEmptySubsequences: true) { byte in
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            }
            return byte == UInt8(ascii: ",") && !isQuoted
        }
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text = text.dropLast() }
        return text
    }
}

/// `If-None-Match` (RFC 9110, section 13.1.2): a list of entity tags, or `*`.
enum EntityTags {
    /// True if a list contains the tag, by the weak comparison (section 8.8.3.2).
    static func match(_ fields: [String], tag: String) -> Bool {
        fields.contains { field in
            var rest = field[...]
            while true {
                rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "," }
                if rest.isEmpty { return false }
                if rest.first == "*" { return true }
                if rest.hasPrefix("W/") { rest = rest.dropFirst(2) }
                guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else { return false }
                if rest[...end] == tag { return true }
                rest = rest[rest.index(after: end)...]
            }
        }
    }
}
