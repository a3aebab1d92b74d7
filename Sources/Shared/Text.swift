extension UInt8 {
    /// True for the ASCII digits 0 to 9.
    public var isASCIIDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    /// True for the ASCII digits and letters.
    public var isASCIIAlphanumeric: Bool {
        isASCIIDigit || (65...90).contains(self) || (97...122).contains(self)
    }
}

extension String {
    /// The text without white space at either end.
    public var trimmed: String {
        let start = drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}

extension Collection where Element: StringProtocol {
    /// The first elements, and the number of the others: `a, b and 3 more`.
    public func listed(limit: Int, separator: String = ", ") -> String {
        let shown = prefix(limit).joined(separator: separator)
        return count > limit ? "\(shown) and \(count - limit) more" : shown
    }
}
