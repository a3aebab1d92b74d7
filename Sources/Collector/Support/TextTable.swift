import Shared

/// A table for people: columns as wide as their widest cell, two blanks between them.
///
/// Every cell is cleaned to one line.
package struct TextTable {
    private var rows: [[String]]

    package init(_ heading: [String]) {
        rows = [heading]
    }

    package mutating func add(_ cells: [String]) {
        rows.append(cells.map { Sanitizer.singleLine($0) })
    }

    package func render() -> String { lines().map { "\($0)\n" }.joined() }

    /// The lines, the heading's first; none ends in blanks.
    ///
    /// - Parameter maximumWidth: the most characters of a cell, except in the last column; longer ones are cut.
    package func lines(maximumWidth: Int = .max) -> [String] {
        let widths = rows[0].indices.dropLast().map { column in
            min(maximumWidth, rows.map { $0[column].count }.max() ?? 0)
        }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                let text = cell.count > width ? cell.prefix(width - 1) + "…" : cell[...]
                return text + String(repeating: " ", count: width - text.count)
            }
            var line = (cells + row.suffix(1).map { $0[...] }).joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
