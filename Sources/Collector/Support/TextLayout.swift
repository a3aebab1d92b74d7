/// The form of text for the place where it is shown.
package struct TextLayout: Hashable, Sendable {
    /// The width of the terminal; nil where lines are not wrapped.
    package let columns: Int?
    /// True where only ASCII can be shown.
    package let isASCII: Bool

    package init(columns: Int?, isASCII: Bool = false) {
        self.columns = columns
        self.isASCII = isASCII
    }

    /// For files and pipes: UTF-8, and one row per line, so that `grep` finds whole rows.
    package static let file = TextLayout(columns: nil)

    /// The text in the characters that can be shown.
    package func encoded(_ text: String) -> String { isASCII ? text.ascii : text }

    /// The layout for lines that are then indented.
    package func indented(by width: Int) -> TextLayout {
        TextLayout(columns: columns.map { $0 - width }, isASCII: isASCII)
    }

    /// A line of prose in lines that fit, broken at spaces; lines that follow are indented as the text after a label is.
    ///
    /// Indented lines are left to the terminal, because commands and names are copied from them.
    package func wrapped(_ line: String) -> [String] {
        let text = encoded(line)
        guard let columns, !text.hasPrefix(" "), text.displayWidth > columns else { return [text] }
        let label = text.prefix { $0 != " " }
        let blanks = text.dropFirst(label.count).prefix { $0 == " " }
        let start = String(label + blanks)
        // A label is followed by more than one blank: `drift      none`.
        let indentation = blanks.count > 1 && start.displayWidth <= columns / 2 ? start.displayWidth : 2
        let first = String(text.dropFirst(indentation > 2 ? start.count : 0))
        let lines = first.wrapped(toColumns: max(10, columns - indentation))
        return lines.enumerated().map { index, line in
            (index == 0 ? (indentation > 2 ? start : "") : String(repeating: " ", count: indentation)) + line
        }
    }

    package var ellipsis: String { isASCII ? "..." : "…" }
}

extension String {
    /// The text in ASCII: symbols as their usual substitutes, other characters as `\u{…}`.
    package var ascii: String {
        guard utf8.contains(where: { $0 >= 0x80 }) else { return self }
        var result = ""
        for scalar in unicodeScalars {
            if scalar.isASCII {
                result.unicodeScalars.append(scalar)
            } else {
                result += Self.substitutes[scalar] ?? "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return result
    }

    private static let substitutes: [Unicode.Scalar: String] = [
        "…": "...", "·": ".", "•": "*", "–": "-", "—": "-", "‘": "'", "’": "'", "“": "\"", "”": "\"", "«": "\"",
        "»": "\"",
        "█": "#", "▒": "+", "✓": "+", "✗": "x", "×": "x", "→": "->", "←": "<-", "≤": "<=", "≥": ">=", "µ": "u",
        "\u{A0}": " ",
    ]

    /// The text with blanks at its end, at least `columns` wide.
    package func padded(toColumns columns: Int) -> String {
        self + String(repeating: " ", count: max(0, columns - displayWidth))
    }

    /// The text in lines of at most `width` columns, broken at spaces, but not between a number and its unit. A longer word is
    /// broken where it reaches the width.
    package func wrapped(toColumns width: Int) -> [String] {
        guard displayWidth > width else { return [self] }
        var lines: [String] = []
        var (line, used) = ("", 0)
        for word in wordsWithUnits {
            let length = word.displayWidth
            if used > 0, used + 1 + length <= width {
                line += " " + word
                used += 1 + length
                continue
            }
            if used > 0 { lines.append(line) }
            let pieces = word.pieces(ofColumns: width)
            lines += pieces.dropLast()
            line = pieces.last ?? ""
            used = line.displayWidth
        }
        return lines + [line]
    }

    /// The words between spaces; `95 %` and `17 s` are one.
    private var wordsWithUnits: [String] {
        var words: [String] = []
        for word in split(separator: " ", omittingEmptySubsequences: false).map(String.init) {
            if let last = words.last, last.last?.isWholeNumber == true,
                Self.units.contains(word.filter { $0.isLetter || $0 == "%" })
            {
                words[words.count - 1] = "\(last) \(word)"
            } else {
                words.append(word)
            }
        }
        return words
    }

    private static let units: Set<String> = ["%", "s", "ms", "min", "h"]

    /// The text in pieces of at most `width` columns, broken between characters.
    func pieces(ofColumns width: Int) -> [String] {
        guard displayWidth > width else { return [self] }
        var pieces: [String] = []
        var (piece, used) = ("", 0)
        for character in self {
            let columns = character.displayWidth
            if used + columns > width, !piece.isEmpty {
                pieces.append(piece)
                (piece, used) = ("", 0)
            }
            piece.append(character)
            used += columns
        }
        return pieces + [piece]
    }
}
