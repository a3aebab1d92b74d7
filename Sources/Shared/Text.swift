extension UInt8 {
    /// True for the ASCII digits 0 to 9.
    public var isASCIIDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    /// True for the ASCII digits and letters.
    public var isASCIIAlphanumeric: Bool {
        isASCIIDigit || (65...90).contains(self) || (97...122).contains(self)
    }

    /// True for printable ASCII but the blank.
    public var isVisibleASCII: Bool { (0x21...0x7E).contains(self) }
}

extension StringProtocol {
    /// True if every byte is printable ASCII, and none a blank.
    public var isVisibleASCII: Bool { utf8.allSatisfy(\.isVisibleASCII) }
}

extension String {
    /// The text with all bytes but unreserved ones as `%XX` (RFC 3986, section 2).
    public var percentEncoded: String {
        let digits = Array("0123456789ABCDEF".unicodeScalars)
        var encoded = String.UnicodeScalarView()
        for byte in utf8 {
            if byte.isASCIIAlphanumeric || "-._~".utf8.contains(byte) {
                encoded.append(Unicode.Scalar(byte))
            } else {
                encoded += ["%", digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(encoded)
    }

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
