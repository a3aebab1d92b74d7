/// Makes what somebody else wrote safe to print on one line: in a terminal, a log, a report.
///
/// The one place for it in both programs. Hosts, engines and operators choose names, reasons and answers freely; none of
/// that may move the cursor, reorder text, open a second line, fill a screen, or give orders to a program that reads along.
public enum Sanitizer {
    /// The text on one line, at most `limit` characters, of which no pipeline's runner takes anything for a command.
    ///
    /// White space runs become one space. Control characters (C0, C1, DEL), format characters (bidirectional overrides,
    /// zero-width joiners and spaces, byte-order marks, tags), line and paragraph separators, surrogates and private use
    /// are written out as `\u{…}`. A longer text ends in `…`. What is clean stays as it is.
    public static func singleLine(_ text: some StringProtocol, limit: Int = 512) -> String {
        let visible = visible(text, limit: limit)
        return LogCommand.isIn(visible.utf8) ? truncated(LogCommand.defused(visible), limit: limit) : visible
    }

    /// Whether a text is one line of visible characters, without white space at its ends.
    public static func isVisibleLine(_ text: some StringProtocol) -> Bool { visible(text, limit: .max) == text }

    private static func visible(_ text: some StringProtocol, limit: Int) -> String {
        // Most text is short, plain ASCII, and clean already.
        if text.utf8.count <= limit, isClean(text.utf8) { return String(text) }
        var result = ""
        var count = 0
        var pendingSpace = false
        for scalar in text.unicodeScalars {
            if isSpace(scalar) {
                pendingSpace = !result.isEmpty
                continue
            }
            let piece = isPlain(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
            let width = piece.unicodeScalars.count + (pendingSpace ? 1 : 0)
            guard count + width <= limit else { return ended(result, limit: limit) }
            if pendingSpace { result.append(" ") }
            pendingSpace = false
            result.append(piece)
            count += width
        }
        return result
    }

    /// Whether bytes are printable ASCII on one line, without white space at the ends or two spaces in a row.
    private static func isClean(_ bytes: some Sequence<UInt8>) -> Bool {
        var last = UInt8(ascii: " ")
        for byte in bytes {
            guard (0x20...0x7E).contains(byte), byte != 0x20 || last != 0x20 else { return false }
            last = byte
        }
        return last != 0x20
    }

    private static func truncated(_ text: String, limit: Int) -> String {
        text.unicodeScalars.count > limit ? ended(text, limit: limit) : text
    }

    /// As much as fits, and the mark that says that there was more.
    private static func ended(_ text: String, limit: Int) -> String {
        limit > 0 ? String(text.unicodeScalars.prefix(limit - 1)) + "…" : ""
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case " ", "\t", "\n", "\r", "\u{0B}", "\u{0C}": true
        default: scalar.properties.generalCategory == .spaceSeparator
        }
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        // A long pile of combining marks is one character to a terminal and a tower on the screen; one is a letter.
        default: !scalar.properties.isDefaultIgnorableCodePoint
        }
    }
}
