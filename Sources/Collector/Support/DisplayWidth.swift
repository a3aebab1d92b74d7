extension String {
    /// The number of columns that a terminal needs for the text. Escape sequences (CSI) need none.
    package var displayWidth: Int {
        if !utf8.contains(where: { $0 >= 0x80 || $0 == 0x1B }) { return utf8.count }
        var width = 0
        forEachPiece { width += $1 }
        return width
    }

    /// The text in less than `columns` columns, for a line of a display that is redrawn in place: a line as wide as the
    /// terminal would leave the cursor in the next row on some terminals. Escape sequences are kept.
    package func clipped(toColumns columns: Int, ellipsis: String = "…") -> String {
        let limit = Swift.max(1, columns - 1)
        guard displayWidth > limit else { return self }
        let mark = ellipsis.displayWidth <= limit ? ellipsis : ""
        var room = limit - mark.displayWidth
        var isCut = false
        var result = ""
        forEachPiece { piece, width in
            // The sequences that follow are kept, because they end colours.
            if isCut, !piece.hasPrefix("\u{1B}") { return }
            if !isCut, width > room {
                isCut = true
                result += mark
                return
            }
            room -= width
            result += piece
        }
        return result
    }

    /// Calls a closure with each character and each escape sequence, and its columns.
    private func forEachPiece(_ visit: (_ piece: Substring, _ columns: Int) -> Void) {
        var index = startIndex
        while index < endIndex {
            var next = self.index(after: index)
            guard self[index] == "\u{1B}", next < endIndex, self[next] == "[" else {
                visit(self[index..<next], self[index].displayWidth)
                index = next
                continue
            }
            // A control sequence ends with a character from @ to ~.
            repeat { next = self.index(after: next) } while next < endIndex && !("@"..."~" ~= self[next])
            if next < endIndex { next = self.index(after: next) }
            visit(self[index..<next], 0)
            index = next
        }
    }
}

extension Character {
    /// The sum of its scalars' columns, as most terminals count them. Some terminals draw emoji sequences narrower.
    var displayWidth: Int { unicodeScalars.reduce(0) { $0 + $1.displayWidth } }
}

extension Unicode.Scalar {
    /// 0 for combining and format characters, 2 for East Asian wide and full-width characters and emoji, otherwise 1.
    fileprivate var displayWidth: Int {
        if value < 0x300 { return value < 0x20 || (0x7F..<0xA0).contains(value) || value == 0xAD ? 0 : 1 }
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        // Vowels and final consonants of Hangul combine with the consonant before them.
        if (0x1160...0x11FF).contains(value) { return 0 }
        return Self.isWide(value) ? 2 : 1
    }

    private static func isWide(_ value: UInt32) -> Bool {
        guard value >= 0x1100 else { return false }
        var (low, high) = (0, wideRanges.count)
        while low < high {
            let middle = (low + high) / 2
            if wideRanges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < wideRanges.count && wideRanges[low].contains(value)
    }

    /// The ranges W and F of Unicode's EastAsianWidth.txt, with the unassigned characters between them.
    private static let wideRanges: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x231A...0x231B, 0x2329...0x232A, 0x23E9...0x23EC, 0x23F0...0x23F0, 0x23F3...0x23F3,
        0x25FD...0x25FE, 0x2614...0x2615, 0x2648...0x2653, 0x267F...0x267F, 0x2693...0x2693, 0x26A1...0x26A1,
        0x26AA...0x26AB, 0x26BD...0x26BE, 0x26C4...0x26C5, 0x26CE...0x26CE, 0x26D4...0x26D4, 0x26EA...0x26EA,
        0x26F2...0x26F3, 0x26F5...0x26F5, 0x26FA...0x26FA, 0x26FD...0x26FD, 0x2705...0x2705, 0x270A...0x270B,
        0x2728...0x2728, 0x274C...0x274C, 0x274E...0x274E, 0x2753...0x2755, 0x2757...0x2757, 0x2795...0x2797,
        0x27B0...0x27B0, 0x27BF...0x27BF, 0x2B1B...0x2B1C, 0x2B50...0x2B50, 0x2B55...0x2B55, 0x2E80...0x303E,
        0x3041...0x3247, 0x3250...0x4DBF, 0x4E00...0xA4C6, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAD9,
        0xFE10...0xFE19, 0xFE30...0xFE6B, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x1B2FB, 0x1F004...0x1F004,
        0x1F0CF...0x1F0CF, 0x1F18E...0x1F18E, 0x1F191...0x1F19A, 0x1F200...0x1F320, 0x1F32D...0x1F335,
        0x1F337...0x1F37C,
        0x1F37E...0x1F393, 0x1F3A0...0x1F3CA, 0x1F3CF...0x1F3D3, 0x1F3E0...0x1F3F0, 0x1F3F4...0x1F3F4,
        0x1F3F8...0x1F43E,
        0x1F440...0x1F440, 0x1F442...0x1F4FC, 0x1F4FF...0x1F53D, 0x1F54B...0x1F54E, 0x1F550...0x1F567,
        0x1F57A...0x1F57A,
        0x1F595...0x1F596, 0x1F5A4...0x1F5A4, 0x1F5FB...0x1F64F, 0x1F680...0x1F6C5, 0x1F6CC...0x1F6CC,
        0x1F6D0...0x1F6D2,
        0x1F6D5...0x1F6DF, 0x1F6EB...0x1F6EC, 0x1F6F4...0x1F6FC, 0x1F7E0...0x1F7F0, 0x1F90C...0x1F93A,
        0x1F93C...0x1F945,
        0x1F947...0x1F9FF, 0x1FA70...0x1FAF6, 0x20000...0x3134A,
    ]
}
