/// The screen of a terminal that rewraps its lines when its width changes, as most do: enough of one to see what a display
/// that is redrawn in place leaves behind.
///
/// Every character takes one column.
public struct TerminalScreen {
    private struct Row {
        var characters: [Character] = []
        /// True if the line continues in the next row.
        var isWrapped = false
    }

    private var columns: Int
    private var rows: Int
    /// The history, then the screen.
    private var lines = [Row()]
    private var row = 0
    private var column = 0
    /// The first row of the screen.
    private var top = 0
    public private(set) var isCursorVisible = true
    /// Characters of an escape sequence that has not ended.
    private var sequence: [Character]?

    public init(columns: Int, rows: Int) {
        (self.columns, self.rows) = (columns, rows)
    }

    /// All rows that are not empty, with those above the screen.
    public var text: [String] { lines.map { String($0.characters) }.filter { !$0.isEmpty } }

    public mutating func show(_ text: String) {
        // Carriage return and line feed are one Character.
        for scalar in text.unicodeScalars { take(Character(scalar)) }
    }

    public mutating func resize(columns: Int, rows: Int) {
        if columns != self.columns { rewrap(columns) }
        if rows > self.rows { top = max(0, top - (rows - self.rows)) }
        self.rows = rows
        top = max(top, row - rows + 1)
    }

    private mutating func rewrap(_ columns: Int) {
        var rewrapped: [Row] = []
        var (newRow, newColumn, newTop) = (0, column, 0)
        var line: [Character] = []
        var cursor: Int?
        for (index, old) in lines.enumerated() {
            if index == top { newTop = rewrapped.count }
            if index == row { cursor = line.count + column }
            line += old.characters
            if old.isWrapped { continue }
            let pieces = stride(from: 0, to: max(1, line.count), by: columns).map {
                Array(line[$0..<min(line.count, $0 + columns)])
            }
            if let place = cursor {
                let piece = min(place / columns, pieces.count - 1)
                (newRow, newColumn) = (rewrapped.count + piece, min(columns - 1, place - piece * columns))
                cursor = nil
            }
            for (number, piece) in pieces.enumerated() {
                rewrapped.append(Row(characters: piece, isWrapped: number < pieces.count - 1))
            }
            line = []
        }
        (lines, row, column, top) = (rewrapped, newRow, newColumn, newTop)
        self.columns = columns
        top = max(top, row - rows + 1)
    }

    private mutating func take(_ character: Character) {
        if var sequence {
            sequence.append(character)
            let isEnded = sequence.count > 1 && ("@"..."~").contains(character)
            self.sequence = isEnded ? nil : sequence
            if isEnded { perform(String(sequence)) }
            return
        }
        switch character {
        case "\u{1B}": sequence = []
        case "\r": column = 0
        case "\n":
            row += 1
            if row == lines.count { lines.append(Row()) }
            top = max(top, row - rows + 1)
        default: put(character)
        }
    }

    private mutating func put(_ character: Character) {
        if column == columns {
            lines[row].isWrapped = true
            column = 0
            take("\n")
        }
        while lines[row].characters.count < column { lines[row].characters.append(" ") }
        if lines[row].characters.count > column {
            lines[row].characters[column] = character
        } else {
            lines[row].characters.append(character)
        }
        column += 1
    }

    private mutating func perform(_ sequence: String) {
        switch sequence {
        case "[?25l": isCursorVisible = false
        case "[?25h": isCursorVisible = true
        case "[K": clearToEnd(of: row, from: column)
        case "[J":
            clearToEnd(of: row, from: column)
            lines.removeSubrange((row + 1)...)
        case _ where sequence.hasSuffix("A"):
            row = max(top, row - (Int(sequence.dropFirst().dropLast()) ?? 1))
        // Colours.
        default: break
        }
    }

    private mutating func clearToEnd(of row: Int, from column: Int) {
        lines[row].isWrapped = false
        lines[row].characters = Array(lines[row].characters.prefix(column))
    }
}
