import Shared

/// The pipeline that a verification runs in: GitHub Actions, or Gitea's or Forgejo's, which speak the same language.
///
/// Told of a report, it annotates the step, adds to the step's summary, and sets the step's outputs. Nothing that goes wrong
/// here changes a verdict or an exit code: it becomes one more warning.
struct Pipeline: Sendable {
    private let summary: PipelineFile?
    private let outputs: PipelineFile?
    private let terminal: Terminal

    /// What GitHub takes for the summary of a step, in bytes; above it, nothing is shown.
    static let summaryLimit = 1 << 20

    /// The pipeline that the environment tells of; nil where there is none.
    ///
    /// - Parameter terminal: where annotations go. Standard error, because runners read commands on both streams
    ///   (actions/runner, `ScriptHandler`), and standard output may be somebody's report.
    init?(environment: [String: String], terminal: Terminal = .standardError) {
        guard environment["GITHUB_ACTIONS"] == "true" || environment["GITEA_ACTIONS"] == "true" else { return nil }
        summary = PipelineFile("GITHUB_STEP_SUMMARY", environment: environment)
        outputs = PipelineFile("GITHUB_OUTPUT", environment: environment)
        self.terminal = terminal
    }

    func publish(_ report: Report) {
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
    func publish(failure message: String) {
        write([WorkflowCommand(level: .error, title: "buildinfo-collector", message: message)])
    }

    private func write(_ commands: [WorkflowCommand]) {
        terminal.write(commands.map { $0.line + "\n" }.joined())
    }
}
