import Shared

extension String {
    /// The text without white space at either end.
    package var trimmed: String {
        let start = drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}

extension UInt8 {
    package var isASCIIAlphanumeric: Bool {
        isASCIIDigit || (65...90).contains(self) || (97...122).contains(self)
    }
}
