/// Makes foreign text safe to print on one line of a terminal, a log or a report.
///
/// Both programs sanitise text only here. Names, reasons and answers come from hosts, engines and operators. Sanitised text
/// cannot move the cursor, reorder text, start a second line, fill a screen, or command a program that reads the output.
public enum Sanitizer {
    /// The text on one line of at most `limit` characters, without a command for a CI runner.
    ///
    /// Runs of white space become one space. Control characters (C0, C1, DEL), format characters (bidirectional overrides,
    /// zero-width joiners and spaces, byte-order marks, tags), line and paragraph separators, surrogates and private-use
    /// characters are escaped as `\u{…}`. A longer text ends in `…`. Clean text stays unchanged.
    public static func singleLine(_ text: some StringProtocol, limit: Int = 512) -> String {
        // Most text is short, clean ASCII, and is read once, where it is stored.
        let isDone = text.utf8.withContiguousStorageIfAvailable {
            $0.count <= limit && isClean($0) && !LogCommand.isIn($0)
        }
        if isDone == true { return String(text) }
        let visible = visible(text, limit: limit)
        return LogCommand.isIn(visible.utf8) ? truncated(LogCommand.defused(visible), limit: limit) : visible
    }

    /// True for one line of visible characters without white space at its ends.
    public static func isVisibleLine(_ text: some StringProtocol) -> Bool { visible(text, limit: .max) == text }

    private static func visible(_ text: some StringProtocol, limit: Int) -> String {
        // Fast path: most text is short, clean ASCII.
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

    /// True for printable ASCII without a space at either end or two in a row.
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

    /// The beginning that fits, and an ellipsis.
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
        // Combining marks stay: they are letters in many languages.
        default: !scalar.properties.isDefaultIgnorableCodePoint
        }
    }
}

/// Commands that CI runners recognise in the output of a step, and their removal.
///
/// GitHub's runner accepts a line that begins with `::` (after white space) or contains `##[` (actions/runner,
/// `ActionCommand.TryParseV2` and `TryParse`); the runners of Gitea and Forgejo accept a line that begins with either (act,
/// `command.go`), Azure's accepts `##vso[`, and TeamCity's `##teamcity[`. So a clean text neither begins with `::` nor
/// contains two number signs in a row. That holds wherever it is printed: by these programs, or by `jq -r` over a report.
private enum LogCommand {
    /// True if the line would be a command.
    ///
    /// - Parameter line: without white space at its beginning.
    static func isIn(_ line: some Collection<UInt8>) -> Bool {
        var last: UInt8?
        for byte in line {
            if byte == numberSign, last == numberSign { return true }
            last = byte
        }
        return line.first == colon && begins(line)
    }

    /// The text with `:\u{3a}` for `::` at its beginning, and `#\u{23}` for `##`.
    static func defused(_ line: String) -> String {
        var result = ""
        var rest = line.unicodeScalars[...]
        if begins(line.utf8) {
            result = ":\\u{3a}"
            rest = rest.dropFirst(2)
        }
        for scalar in rest {
            if scalar == "#", result.unicodeScalars.last == "#" {
                result += "\\u{23}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// True if a line begins with `::` and the first word is not an IPv6 address such as `::1`.
    private static func begins(_ line: some Collection<UInt8>) -> Bool {
        guard line.starts(with: [colon, colon]) else { return false }
        let word = line.dropFirst(2).prefix { $0 != UInt8(ascii: " ") }
        var last: UInt8?
        for byte in word {
            guard isOfAddress(byte), byte != colon || last != colon else { return true }
            last = byte
        }
        return word.isEmpty || last == colon
    }

    private static func isOfAddress(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "."), colon:
            true
        default: false
        }
    }

    private static let colon = UInt8(ascii: ":")
    private static let numberSign = UInt8(ascii: "#")
}
