import Shared

/// A table for people: columns as wide as their widest cell, two blanks between them.
///
/// Every cell is cleaned to one line. In a layout without a width, each row is one line. On a terminal, the last column
/// wraps at words, and columns that do not fit beside the others continue below the row, indented. No text is lost, unless
/// the table names columns that a narrow terminal can do without.
package struct TextTable {
    /// A way to make a table narrower.
    package enum Narrowing: Hashable, Sendable {
        /// The column's short cells.
        case shorten(String)
        case leaveOut(String)
    }

    private struct Row {
        var cells: [String]
        var short: [String: String] = [:]
    }

    private var rows: [Row]
    /// Taken one after the other until each row fits.
    private let narrowings: [Narrowing]
    /// False if the last column is to fit as a whole, too.
    private let wrapsLast: Bool

    /// - Parameters:
    ///   - narrowings: for terminals that are too narrow for all columns, the first to be taken first.
    ///   - wrapsLast: true if the last column is prose, which may take several lines before anything is left out.
    package init(_ heading: [String], narrowings: [Narrowing] = [], wrapsLast: Bool = true) {
        rows = [Row(cells: heading)]
        self.narrowings = narrowings
        self.wrapsLast = wrapsLast
    }

    /// - Parameter short: shorter cells by their column's heading.
    package mutating func add(_ cells: [String], short: [String: String] = [:]) {
        rows.append(
            Row(
                cells: cells.map { Sanitizer.singleLine($0) }, short: short.mapValues { Sanitizer.singleLine($0) }))
    }

    package func render(_ layout: TextLayout = .file) -> String {
        lines(layout).map { "\($0)\n" }.joined()
    }

    /// The lines of all rows, the heading's first.
    package func lines(_ layout: TextLayout = .file) -> [String] { rowLines(layout).flatMap(\.self) }

    /// The lines of each row, the heading's first; none ends in blanks.
    ///
    /// - Parameter maximumWidth: the most columns that a longer cell gives to its column, except for the last column. What
    ///   follows such a cell moves to the right, or on a terminal to the next line.
    package func rowLines(_ layout: TextLayout = .file, maximumWidth: Int = .max) -> [[String]] {
        let rows = narrowed(layout).map { $0.map(layout.encoded) }
        let widths = rows[0].indices.map { column in
            let widest = rows.map { $0[column].displayWidth }.max() ?? 0
            return column == rows[0].count - 1 ? widest : min(maximumWidth, widest)
        }
        let grid = Grid(widths: widths, limit: layout.columns.map { max($0, Grid.smallest) })
        return rows.map { grid.lines(of: $0) }
    }

    /// The cells of each row, with as many narrowings as the layout needs.
    private func narrowed(_ layout: TextLayout) -> [[String]] {
        var rows = rows
        guard let columns = layout.columns else { return rows.map(\.cells) }
        for narrowing in narrowings where !Self.fits(rows, columns, layout, wrapsLast: wrapsLast) {
            switch narrowing {
            case .shorten(let name):
                guard let column = rows[0].cells.firstIndex(of: name) else { continue }
                for index in rows.indices.dropFirst() {
                    rows[index].cells[column] = rows[index].short[name] ?? rows[index].cells[column]
                }
            case .leaveOut(let name):
                guard let column = rows[0].cells.firstIndex(of: name) else { continue }
                for index in rows.indices { rows[index].cells.remove(at: column) }
            }
        }
        return rows.map(\.cells)
    }

    private static func fits(_ rows: [Row], _ columns: Int, _ layout: TextLayout, wrapsLast: Bool) -> Bool {
        let widths = rows[0].cells.indices.map { column in
            rows.map { layout.encoded($0.cells[column]).displayWidth }.max() ?? 0
        }
        let last = wrapsLast ? min(widths.last ?? 0, Grid.narrowest) : widths.last ?? 0
        return widths.dropLast().reduce(0) { $0 + $1 + Grid.gap } + last <= columns
    }
}

/// The places of a table's columns.
private struct Grid {
    private struct Column {
        /// The distance from the beginning of the line.
        var offset: Int
        /// True if the column begins a line.
        var startsLine: Bool
    }

    static let smallest = 20
    static let gap = 2
    /// The indentation of the lines that continue a row.
    private static let indentation = 4
    /// The columns that the last column needs beside the others if its text has to be wrapped.
    static let narrowest = 24

    private let columns: [Column]
    /// The width of the terminal; nil if lines are not limited.
    private let limit: Int?

    init(widths: [Int], limit: Int?) {
        self.limit = limit
        var columns: [Column] = []
        var end = 0
        for (index, width) in widths.enumerated() {
            let offset = index == 0 ? 0 : end + Self.gap
            let isLast = index == widths.count - 1
            let room = (limit ?? .max) - offset
            let fits = width <= room || (isLast && room >= Self.narrowest)
            let startsLine = index == 0 || !fits
            columns.append(
                Column(offset: index == 0 ? 0 : fits ? offset : Self.indentation, startsLine: startsLine))
            let start = columns[index].offset
            end = start + min(width, max(0, (limit ?? .max) - start))
        }
        self.columns = columns
    }

    func lines(of cells: [String]) -> [String] {
        var lines: [String] = []
        var (line, used) = ("", 0)
        func end() {
            while line.last == " " { line.removeLast() }
            lines.append(line)
            (line, used) = ("", 0)
        }
        for (index, cell) in cells.enumerated() {
            let column = columns[index]
            let isCrowded = used > 0 && used + Self.gap > column.offset
            if index > 0, column.startsLine || (isCrowded && limit != nil) { end() }
            for (number, piece) in pieces(of: cell, in: column, isLast: index == cells.count - 1).enumerated() {
                if number > 0 { end() }
                let padding = max(used > 0 ? Self.gap : 0, column.offset - used)
                line += String(repeating: " ", count: padding) + piece
                used += padding + piece.displayWidth
            }
        }
        end()
        return lines.filter { !$0.isEmpty || lines.count == 1 }
    }

    private func pieces(of cell: String, in column: Column, isLast: Bool) -> [String] {
        guard let limit else { return [cell] }
        let room = limit - column.offset
        return isLast ? cell.wrapped(toColumns: room) : cell.pieces(ofColumns: room)
    }
}
