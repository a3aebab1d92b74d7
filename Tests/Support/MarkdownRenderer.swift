internal import Foundation

/// Renders Markdown, including raw HTML, with GitHub's own program.
public enum MarkdownRenderer {
    public static func html(_ markdown: String) async throws -> String {
        let program = try Program.installed("cmark-gfm", remedy: "apt-get install cmark-gfm")
        let flags = ["table", "autolink", "strikethrough", "tasklist"].flatMap { ["--extension", $0] }
        let outcome = try await program.run(["--unsafe"] + flags, input: markdown)
        guard outcome.exitCode == 0 else { throw SpawnedProcess.Failure(description: "cmark-gfm: \(outcome.error)") }
        return outcome.output
    }

    /// The tags of a rendered document, in order, with their attributes.
    public static func tags(_ html: String) -> [String] {
        html.matches(of: /<[^>]*>/).map { String($0.output) }
    }

    /// The text of a rendered document without its tags, references resolved.
    public static func text(_ html: String) -> String {
        let plain = html.replacing(/<[^>]*>/, with: "")
        return [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
            .reduce(plain) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }
}
