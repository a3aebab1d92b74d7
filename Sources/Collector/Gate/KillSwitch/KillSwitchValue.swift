import Shared

/// What the text that a kill switch holds means.
enum KillSwitchValue {
    private static let off: Set<String> = ["", "0", "false", "no", "off"]

    /// Off only for the words that are agreed on, white space around them and case left aside. Whatever else somebody
    /// wrote, they wanted something to stop.
    static func isOff(_ text: some StringProtocol) -> Bool {
        off.contains(text.trimmingWhitespace.lowercased())
    }

    /// The value for a sentence. A long one may be something else that was named by mistake, a token say: not shown.
    static func shown(_ text: some StringProtocol) -> String {
        let value = text.trimmingWhitespace
        return value.utf8.count <= 16 ? "'\(Hygiene.line(value))'" : "a text of \(value.utf8.count) bytes"
    }
}

extension StringProtocol {
    fileprivate var trimmingWhitespace: SubSequence {
        let start = self.drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return self[endIndex...] }
        return start[...last]
    }
}
