import Reports
import Shared
import Verdict

/// What a step's page shall say of a report: an error for what fails it, a warning for what does not.
struct Annotations {
    let report: Report
    /// What went wrong with publishing itself.
    var troubles: [String] = []

    /// GitHub shows ten of each kind for a step and drops the rest without a word, so the tenth counts those that remain.
    static let maximumOfAKind = 10

    /// Warnings first: a log is read from its end.
    var commands: [WorkflowCommand] { Self.limited(warnings) + Self.limited(errors) }

    /// The verdict, and the hosts that it is about, worst first.
    private var errors: [WorkflowCommand] {
        guard report.exitCode != 0 else { return [] }
        let verdict = WorkflowCommand(
            level: .error, title: "\(subject): \(report.verdict.rawValue) (exit \(report.exitCode))",
            message: [report.reasons.first?.message, report.warningAdvice].compactMap { $0 }.joined(separator: ". "))
        return [verdict] + hosts(.failing).map { annotation(.error, $0, note: "") }
    }

    private var warnings: [WorkflowCommand] {
        (troubles + report.warnings).map { WorkflowCommand(level: .warning, title: subject, message: $0) }
            + hosts(.tolerated).map { annotation(.warning, $0, note: " (tolerated)") }
    }

    private var subject: String { "buildinfo verify \(Sanitizer.singleLine(report.target.service, limit: 64))" }

    /// The report has the worst at its end.
    private func hosts(_ outcome: HostOutcome) -> [Report.Host] {
        zip(report.hosts, report.outcomes).filter { $1 == outcome }.map(\.0).reversed()
    }

    private func annotation(_ level: WorkflowCommand.Level, _ host: Report.Host, note: String) -> WorkflowCommand {
        let name = Sanitizer.singleLine(host.name, limit: 128)
        return WorkflowCommand(
            level: level, title: "\(name): \(host.status.rawValue)\(note)", message: "\(name): \(host.reason)")
    }

    private static func limited(_ commands: [WorkflowCommand]) -> [WorkflowCommand] {
        guard commands.count > maximumOfAKind, let first = commands.first else { return commands }
        let shown = maximumOfAKind - 1
        let more = "and \(commands.count - shown) more: the reports and the step's log name them"
        return commands.prefix(shown) + [WorkflowCommand(level: first.level, title: "more", message: more)]
    }
}
