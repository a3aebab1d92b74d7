import Shared

/// Makes the output of foreign programs safe to publish: health checks and engine errors quote commands, URLs and headers,
/// and secrets with them.
enum ForeignOutput {
    /// The output on one clean line, with `***` in place of anything that can be a secret.
    ///
    /// A longer output keeps its beginning and its end, because programs name the cause first (a panic) or last (an
    /// exception, the error after a progress meter).
    static func singleLine(_ text: String, limit: Int) -> String {
        var redaction = Redaction()
        let line = Sanitizer.singleLine(redaction.redacted(lines(text)), limit: .max)
        let scalars = line.unicodeScalars
        guard scalars.count > limit else { return line }
        let head = limit * 3 / 8
        return
            "\(String.UnicodeScalarView(scalars.prefix(head)))…\(String.UnicodeScalarView(scalars.suffix(limit - head - 1)))"
    }

    /// The maximum number of characters that are read. Docker keeps 4,096 bytes of a health check's output, Podman 500
    /// characters unless it is told otherwise.
    private static let readLimit = 16_384

    /// The words of each line, without terminal sequences. A run of other control characters or of invalid text is one `�`.
    private static func lines(_ text: String) -> [Redaction.Line] {
        var lines: [Redaction.Line] = []
        var (line, word) = (Redaction.Line(), "")
        /// The line that a carriage return ended, so that the rest is printed over it: a progress meter, for example.
        var returned: Int?
        func endWord() {
            if !word.isEmpty { line.words.append(word) }
            word = ""
        }
        func endLine() {
            endWord()
            guard !line.words.isEmpty else { return }
            if let returned { lines[returned].isOverwritten = true }
            lines.append(line)
            line = Redaction.Line()
        }
        var isInSequence = false
        var previous: Unicode.Scalar?
        let scalars = text.unicodeScalars
        let end =
            scalars.index(scalars.startIndex, offsetBy: readLimit, limitedBy: scalars.endIndex) ?? scalars.endIndex
        for scalar in scalars[..<end] {
            defer { previous = scalar }
            if isInSequence {
                // A control sequence ends with @ to ~, except for the bracket that begins it (ECMA-48, section 5.4).
                let isBracket = scalar == "[" && previous == "\u{1B}"
                if !isBracket, (0x40...0x7E).contains(scalar.value) || scalar.value < 0x20 { isInSequence = false }
                continue
            }
            switch scalar {
            case "\u{1B}": isInSequence = true
            case "\r":
                guard !line.words.isEmpty || !word.isEmpty else { break }
                endLine()
                returned = lines.indices.last
            case "\n", "\u{2028}", "\u{2029}":
                endLine()
                returned = nil
            case _ where scalar.properties.isWhitespace: endWord()
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar == "\u{FFFD}":
                if word.unicodeScalars.last != "\u{FFFD}" { word.unicodeScalars.append("\u{FFFD}") }
            default: word.unicodeScalars.append(scalar)
            }
        }
        // The last word of a cut text can be the beginning of a secret that would not be recognised.
        if end != scalars.endIndex { word = "" }
        endLine()
        return lines
    }
}
