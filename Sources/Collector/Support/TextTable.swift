import Shared

/// A table for people: columns as wide as their widest cell, two blanks between them.
///
/// Every cell is shown on one line, whatever was put into it.
package struct TextTable {
    private var rows: [[String]]

    package init(_ heading: [String]) {
        rows = [heading]
    }

    package mutating func add(_ cells: [String]) {
        rows.append(cells.map { Sanitizer.singleLine($0) })
    }

    package func render() -> String { lines().map { "\($0)\n" }.joined() }

    /// The heading's first; none ends in blanks.
    package func lines() -> [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return cells.joined(separator: "  ").trimmingBlanks()
        }
    }
}
