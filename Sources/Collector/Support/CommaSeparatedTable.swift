import Shared

/// A table in the format of RFC 4180, for spreadsheets and scripts: a heading, quotes where needed, CRLF line ends.
package struct CommaSeparatedTable {
    /// A cell by its origin, which decides whether a spreadsheet could run it as a formula.
    package enum Cell {
        /// The program's own words and numbers.
        case plain(String)
        /// Text from a host, an operator or an inventory.
        case foreign(String)

        package static func number(_ value: (some CustomStringConvertible)?) -> Cell {
            .plain(value.map { "\($0)" } ?? "")
        }
    }

    private var lines: [String]

    package init(_ heading: [String]) {
        lines = [heading.joined(separator: ",")]
    }

    package mutating func add(_ cells: [Cell]) {
        lines.append(cells.map(Self.text).joined(separator: ","))
    }

    package func render() -> String { lines.map { $0 + "\r\n" }.joined() }

    private static func text(_ cell: Cell) -> String {
        switch cell {
        case .plain(let text): quoted(text)
        case .foreign(let text): quoted(disarmed(Sanitizer.singleLine(text, limit: 4_096)))
        }
    }

    /// Puts an apostrophe before text that a spreadsheet would run as a formula. Source: OWASP, "CSV Injection"; some
    /// spreadsheets treat the full-width forms like the plain ones.
    ///
    /// Where the decimal sign is a comma, spreadsheets split lines at semicolons, and some at tabs or bars, whatever the
    /// quotes say. The text behind such a sign then begins a cell of its own.
    private static func disarmed(_ text: String) -> String {
        var result = ""
        var isStart = true
        for character in text {
            if isStart, "=+-@\t\r\n＝＋－＠".contains(character) { result.append("'") }
            result.append(character)
            isStart = ";|".contains(character) || (isStart && !result.isEmpty && "\" ".contains(character))
        }
        return result
    }

    /// RFC 4180, section 2, rules 5 to 7.
    private static func quoted(_ text: String) -> String {
        guard text.contains(where: { ",\";\t".contains($0) || $0.isNewline }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
