import Shared

/// A workflow command of GitHub Actions, as Gitea's and Forgejo's runners read it too: an annotation of the step.
///
/// Escaped as the runner unescapes it (actions/runner, `ActionCommand`: `%`, CR and LF in a message; `:` and `,` too in a
/// property), so that a text is never more than a text.
package struct WorkflowCommand: Hashable, Sendable {
    package enum Level: String, CaseIterable, Sendable {
        case notice, warning, error
    }

    var level: Level
    var title: String
    var message: String

    /// The command's line, without its newline.
    var line: String {
        "::\(level.rawValue) title=\(Self.property(title))::\(Self.data(message))"
    }

    /// Cleaned like all of somebody's text, so that there are no lines in it to begin with.
    private static func data(_ text: String) -> String {
        Sanitizer.singleLine(text, limit: 2_048).replacing("%", with: "%25").replacing("\r", with: "%0D")
            .replacing("\n", with: "%0A")
    }

    private static func property(_ text: String) -> String {
        data(Sanitizer.singleLine(text, limit: 200)).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }
}
