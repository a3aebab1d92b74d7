import Shared

/// Foreign text inside Markdown, as GitHub, Gitea and Forgejo render it.
package enum MarkdownText {
    /// One line of text in a code span, which shows it literally.
    ///
    /// Backslash escapes are not enough: outside of code, addresses, `www.`, @mentions, #numbers and commits become links
    /// after the Markdown has been parsed (GitHub Flavored Markdown, section 6.9). Inside a code span only the delimiter
    /// has a meaning (CommonMark 0.31, section 6.1), and in a table the vertical bar, which is therefore written between
    /// two spans, as a character reference.
    package static func code(_ text: String, limit: Int = 512) -> String {
        let line = Sanitizer.singleLine(text, limit: limit)
        guard !line.isEmpty else { return "–" }
        return line.split(separator: "|", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "" : span($0) }.joined(separator: "&#124;")
    }

    /// The fence of a code block that the text cannot close (CommonMark 0.31, section 4.5).
    static func fence(for text: String) -> String { String(repeating: "`", count: max(3, longestRun(text[...]) + 1)) }

    private static func longestRun(_ text: Substring) -> Int {
        var longest = 0
        var run = 0
        for scalar in text.unicodeScalars {
            run = scalar == "`" ? run + 1 : 0
            longest = max(longest, run)
        }
        return longest
    }

    /// A code span whose delimiter does not occur in the text.
    private static func span(_ text: Substring) -> String {
        let delimiter = String(repeating: "`", count: longestRun(text) + 1)
        // A renderer strips one blank from each side; it separates the delimiter from backticks at the ends of the text.
        let ends = [text.unicodeScalars.first, text.unicodeScalars.last]
        let padding = ends.contains("`") || ends == [" ", " "] && text.contains { $0 != " " } ? " " : ""
        return delimiter + padding + text + padding + delimiter
    }

    /// The program's own words as plain text: without emphasis, links and HTML.
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            if "\\`*_{}[]<>#|~&".contains(character) { result.append("\\") }
            result.append(character)
        }
        return result
    }

    /// - Parameter url: a safe link; see ``ReportOrigin/isSafe(_:)``.
    static func link(_ name: String, to url: String) -> String { "[\(name)](<\(url)>)" }

    /// A row of a table. The cells are Markdown.
    static func row(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }

    /// The first two lines of a table.
    static func heading(_ titles: [String]) -> [String] { [row(titles), row(titles.map { _ in "---" })] }
}
