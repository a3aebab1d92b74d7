import Shared

/// Somebody's text inside Markdown, as GitHub, Gitea and GitLab read it.
package enum MarkdownText {
    /// One line of text, shown as it is and as nothing else: in a code span.
    ///
    /// Escaping with backslashes is not enough: addresses, `www.`, @mentions, #numbers and commits become links after the
    /// Markdown has been read, wherever they stand but in code (GitHub Flavored Markdown, section 6.9; GitHub, Gitea and
    /// GitLab alike). Inside a code span nothing has a meaning but its own delimiter (CommonMark 0.31, section 6.1), and in
    /// a table the vertical bar, which therefore stands between two spans, as a reference.
    package static func code(_ text: String, limit: Int = 512) -> String {
        let line = Sanitizer.singleLine(text, limit: limit)
        guard !line.isEmpty else { return "–" }
        return line.split(separator: "|", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "" : span($0) }.joined(separator: "&#124;")
    }

    /// A span with a delimiter that the text does not contain.
    private static func span(_ text: Substring) -> String {
        var longest = 0
        var run = 0
        for scalar in text.unicodeScalars {
            run = scalar == "`" ? run + 1 : 0
            longest = max(longest, run)
        }
        let delimiter = String(repeating: "`", count: longest + 1)
        // One blank on each side is taken away again; it parts the delimiter from a text that begins or ends like it.
        let ends = [text.unicodeScalars.first, text.unicodeScalars.last]
        let padding = ends.contains("`") || ends == [" ", " "] && text.contains { $0 != " " } ? " " : ""
        return delimiter + padding + text + padding + delimiter
    }

    /// A row of a table. The cells are Markdown.
    package static func row(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }

    /// The first two lines of a table.
    package static func heading(_ titles: [String]) -> [String] { [row(titles), row(titles.map { _ in "---" })] }
}
