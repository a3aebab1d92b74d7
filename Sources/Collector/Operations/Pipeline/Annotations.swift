import Reports
import Shared
import Verdict

/// The annotations of a report on a step's page: the headline, by the report's tone; an error for each cause of failure; a
/// warning for everything else.
struct Annotations {
    let report: Report
    /// Failures of publishing itself.
    var problems: [String] = []

    /// GitHub shows ten of each kind for a step and silently drops the rest, so the tenth counts the remainder.
    static let maximumOfAKind = 10

    /// Warnings first, because a log is read from its end.
    var commands: [WorkflowCommand] {
        Self.limited(warnings)
            + (level == .error ? Self.limited([headline] + causes) : level == .notice ? [headline] : [])
    }

    /// A proof is a notice, and so is a permitted end without one. Exceptions need attention.
    private var level: WorkflowCommand.Level {
        guard report.exitCode == 0 else { return .error }
        return report.verdict == .convergedTolerated ? .warning : .notice
    }

    private var headline: WorkflowCommand {
        let headline = report.headline
        let cause = report.exitCode == 0 ? nil : report.reasons.first.map { "Cause: \($0.message)" }
        return WorkflowCommand(
            level: level, title: "\(subject): \(report.verdict.rawValue) (exit \(report.exitCode))",
            message: [headline.text, headline.next, cause].compactMap { $0 }.joined(separator: " "))
    }

    /// The hosts that cause the verdict, worst first.
    private var causes: [WorkflowCommand] { hosts(.failing) { annotation(.error, $0, note: "") } }

    private var warnings: [WorkflowCommand] {
        (level == .warning ? [headline] : [])
            + (problems + report.warnings).map { WorkflowCommand(level: .warning, title: subject, message: $0) }
            + hosts(.tolerated) { annotation(.warning, $0, note: " (tolerated)") }
    }

    private var subject: String {
        let command =
            switch report.promotion?.kind {
            case .rollback: "rollback"
            case .promotion: "promote"
            case nil: report.promotion == nil ? "verify" : "promote"
            }
        return "buildinfo \(command) \(Sanitizer.singleLine(report.target.service, limit: 64))"
    }

    /// The annotations of the hosts with an outcome. The report has the worst host at its end.
    private func hosts(_ outcome: HostOutcome, _ annotation: (Report.Host) -> WorkflowCommand) -> [WorkflowCommand] {
        let outcomes = report.outcomes
        return outcomes.indices.reversed().filter { outcomes[$0] == outcome }.map { annotation(report.hosts[$0]) }
    }

    private func annotation(_ level: WorkflowCommand.Level, _ host: Report.Host, note: String) -> WorkflowCommand {
        let name = Sanitizer.singleLine(host.name, limit: 128)
        return WorkflowCommand(
            level: level, title: "\(name): \(host.status.rawValue)\(note)", message: "\(name): \(host.reason)")
    }

    private static func limited(_ commands: [WorkflowCommand]) -> [WorkflowCommand] {
        guard commands.count > maximumOfAKind, let first = commands.first else { return commands }
        let shown = maximumOfAKind - 1
        let more = "and \(commands.count - shown) more: see the reports and the log of the step"
        return commands.prefix(shown) + [WorkflowCommand(level: first.level, title: "more", message: more)]
    }
}

/// A workflow command of GitHub Actions, which Gitea's and Forgejo's runners read too: an annotation of the step.
///
/// Escaped the way the runner unescapes it (actions/runner, `ActionCommand`: `%`, CR and LF in a message; also `:` and `,` in
/// a property), so that no text can become a command.
package struct WorkflowCommand: Hashable, Sendable {
    package enum Level: String, CaseIterable, Sendable {
        case notice, warning, error
    }

    let level: Level
    let title: String
    let message: String

    /// The command's line, without its newline.
    var line: String {
        "::\(level.rawValue) title=\(Self.property(title))::\(Self.data(message))"
    }

    private static func data(_ text: String) -> String {
        Sanitizer.singleLine(text, limit: 2_048).replacing("%", with: "%25").replacing("\r", with: "%0D")
            .replacing("\n", with: "%0A")
    }

    private static func property(_ text: String) -> String {
        data(Sanitizer.singleLine(text, limit: 200)).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }
}
