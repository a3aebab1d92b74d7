import Shared

/// What the text that a kill switch holds means.
enum KillSwitchValue {
    private static let off: Set<String> = ["", "0", "false", "no", "off"]

    /// Off only for the words that are agreed on, blanks of ASCII around them and case left aside. Whatever else somebody
    /// wrote, a no-break space too, they wanted something to stop.
    static func isOff(_ text: some StringProtocol) -> Bool {
        off.contains(text.trimmingBlanks.lowercased())
    }

    /// The value for a sentence. A long one may be something else that was named by mistake, a token say: not shown.
    static func shown(_ text: some StringProtocol) -> String {
        let value = text.trimmingBlanks
        return value.utf8.count <= 16 ? "'\(Sanitizer.singleLine(value))'" : "a text of \(value.utf8.count) bytes"
    }
}

extension StringProtocol {
    /// Without tabs, line ends and spaces at both ends.
    fileprivate var trimmingBlanks: String {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (9...13).contains(byte) }
        let start = Array(utf8.drop(while: isBlank))
        guard let last = start.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(decoding: start[...last], as: UTF8.self)
    }
}
