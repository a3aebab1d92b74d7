package import CollectorSupport
package import Reports
import Shared

/// The pipeline that a verification runs in: GitHub Actions, or Gitea's or Forgejo's, which speak the same language.
///
/// Told of a report, it annotates the step, adds to the step's summary, and sets the step's outputs. Nothing that goes wrong
/// here changes a verdict or an exit code: it becomes one more warning.
package struct Pipeline: Sendable {
    private let summary: PipelineFile?
    private let outputs: PipelineFile?
    private let terminal: Terminal

    /// What GitHub takes for the summary of a step, in bytes; above it, nothing is shown.
    static let summaryLimit = 1 << 20

    /// The pipeline that the environment tells of; nil where there is none.
    ///
    /// - Parameter terminal: where annotations go. Standard error, because runners read commands on both streams
    ///   (actions/runner, `ScriptHandler`), and standard output may be somebody's report.
    package init?(environment: [String: String], terminal: Terminal = .standardError) {
        guard environment["GITHUB_ACTIONS"] == "true" || environment["GITEA_ACTIONS"] == "true" else { return nil }
        summary = PipelineFile("GITHUB_STEP_SUMMARY", environment: environment)
        outputs = PipelineFile("GITHUB_OUTPUT", environment: environment)
        self.terminal = terminal
    }

    package func publish(_ report: Report) {
        var troubles: [String] = []
        do throws(PipelineFile.Failure) {
            try summary?.append(limit: Self.summaryLimit) { room in
                MarkdownReport(report: report, limit: min(room, MarkdownReport.usualLimit)).render()
            }
        } catch {
            troubles.append("\(error)")
        }
        do throws(PipelineFile.Failure) {
            try outputs?.append { _ in StepOutputs(report: report).text }
        } catch {
            troubles.append("\(error)")
        }
        write(Annotations(report: report, troubles: troubles).commands)
    }

    /// Annotates the step with what kept a command from its work.
    package func publish(failure message: String) {
        write([WorkflowCommand(level: .error, title: "buildinfo-collector", message: message)])
    }

    /// A promotion that ended before its verification.
    package struct Refusal: Sendable {
        /// `superseded`, or `refused` for any other reason.
        package var verdict: String
        package var exitCode: Int32
        /// Whether it is certain that the tag was not moved.
        package var isUnchanged: Bool
        /// One line.
        package var message: String
        package var level = WorkflowCommand.Level.error

        package init(
            verdict: String, exitCode: Int32, isUnchanged: Bool, message: String,
            level: WorkflowCommand.Level = WorkflowCommand.Level.error
        ) {
            self.verdict = verdict
            self.exitCode = exitCode
            self.isUnchanged = isUnchanged
            self.message = message
            self.level = level
        }

        /// For the steps after it: words of ours and numbers.
        var outputs: String {
            "verdict=\(verdict)\nexit_code=\(exitCode)\nmoved=\(isUnchanged ? "false" : "unknown")\n"
        }
    }

    /// Tells of a promotion that was refused, or of which nobody knows whether it moved the tag.
    package func publish(_ refusal: Refusal) {
        var commands = [
            WorkflowCommand(level: refusal.level, title: "buildinfo promote", message: refusal.message)
        ]
        func warn(_ failure: PipelineFile.Failure) {
            commands.append(WorkflowCommand(level: .warning, title: "buildinfo promote", message: "\(failure)"))
        }
        do throws(PipelineFile.Failure) {
            let title = "### Promotion: \(refusal.verdict) (exit \(refusal.exitCode))"
            try summary?.append(limit: Self.summaryLimit) { _ in
                "\(title)\n\n\(MarkdownText.code(refusal.message, limit: 1_024))\n\n"
            }
        } catch {
            warn(error)
        }
        do throws(PipelineFile.Failure) {
            try outputs?.append { _ in refusal.outputs }
        } catch {
            warn(error)
        }
        write(commands)
    }

    private func write(_ commands: [WorkflowCommand]) {
        terminal.write(commands.map { $0.line + "\n" }.joined())
    }
}
