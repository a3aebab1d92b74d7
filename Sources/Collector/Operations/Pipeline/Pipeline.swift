package import CollectorSupport
import Glibc
package import Reports
package import Shared

/// The pipeline that the collector runs in: GitHub Actions, or Gitea's or Forgejo's, which use the same commands.
///
/// Publishing a report annotates the step, adds to the step's summary, and sets the step's outputs. A failure to publish
/// changes no verdict and no exit code: it becomes one more warning.
package struct Pipeline: Sendable {
    private let summary: PipelineFile?
    private let outputs: PipelineFile?
    private let terminal: Terminal

    /// GitHub's limit for the summary of a step, in bytes; beyond it, nothing is shown.
    static let summaryLimit = 1 << 20

    /// The pipeline that the environment describes; nil outside a pipeline.
    ///
    /// - Parameter terminal: the stream for annotations. Standard error, because runners read commands on both streams
    ///   (actions/runner, `ScriptHandler`), and standard output may be a report.
    package init?(environment: [String: String], terminal: Terminal = .standardError) {
        guard environment["GITHUB_ACTIONS"] == "true" || environment["GITEA_ACTIONS"] == "true" else { return nil }
        summary = PipelineFile("GITHUB_STEP_SUMMARY", environment: environment)
        outputs = PipelineFile("GITHUB_OUTPUT", environment: environment)
        self.terminal = terminal
    }

    package func publish(_ report: Report) {
        let problems = publish(outputs: StepOutputs(report: report).text) { room in
            MarkdownReport(report: report, limit: min(room, MarkdownReport.usualLimit)).render()
        }
        write(Annotations(report: report, problems: problems).commands)
    }

    /// Publishes the end of a command that has no report.
    package func publish(_ end: CommandEnd) {
        let problems = publish(outputs: end.outputs) { _ in end.summary }
        write(
            [end.annotation]
                + problems.map {
                    WorkflowCommand(level: .warning, title: "buildinfo \(end.command.rawValue)", message: $0)
                })
    }

    /// Corrects the exit code of an end that was published and then not delivered. The runner takes the last value.
    package func correct(exitCode: ExitStatus) {
        let problems = publish(outputs: StepOutputs.text([("exit_code", "\(exitCode.rawValue)")])) { _ in "" }
        let messages = ["the command's output could not be written (exit \(exitCode.rawValue))"] + problems
        write(messages.map { WorkflowCommand(level: .error, title: "buildinfo-collector", message: $0) })
    }

    /// Folds the lines that the work writes to the pipeline's stream, under a title.
    ///
    /// Groups do not nest: GitHub closes the outer one with the inner one (actions/toolkit, issue 1001). Annotations come after
    /// the group, because they would be folded with it.
    func grouping<Value>(_ title: String, _ work: () async throws -> Value) async rethrows -> Value {
        terminal.write("::group::\(Sanitizer.singleLine(title, limit: 128))\n")
        defer { terminal.write("::endgroup::\n") }
        return try await work()
    }

    /// - Returns: the failures, one line each.
    private func publish(outputs text: String, summary render: (_ room: Int) -> String) -> [String] {
        var problems: [String] = []
        do throws(PipelineFile.Failure) {
            try summary?.append(limit: Self.summaryLimit, render)
        } catch {
            problems.append(error.description)
        }
        do throws(PipelineFile.Failure) {
            try outputs?.append { _ in text }
        } catch {
            problems.append(error.description)
        }
        return problems
    }

    private func write(_ commands: [WorkflowCommand]) {
        terminal.write(commands.map { $0.line + "\n" }.joined())
    }
}

/// A file to which a step of a pipeline appends lines, and which the runner reads after the step.
struct PipelineFile: Sendable {
    /// The variable that names the file.
    private let variable: String
    private let path: String

    struct Failure: Error {
        /// One sentence.
        let description: String
    }

    /// The file that a variable names; nil if it names none.
    init?(_ variable: String, environment: [String: String]) {
        guard let path = environment[variable], !path.isEmpty else { return nil }
        self.variable = variable
        self.path = path
    }

    /// Appends text that starts on a new line.
    ///
    /// - Parameters:
    ///   - limit: the largest size of the file, in bytes.
    ///   - text: renders the text for the remaining room.
    func append(limit: Int = .max, _ text: (_ room: Int) -> String) throws(Failure) {
        // Without waiting, in case the path is a pipe.
        let descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw failure(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(String(cString: strerror(errno))) }
        let isFile = status.st_mode & S_IFMT == S_IFREG
        // A pipe without a reader would delay the verdict.
        guard isFile || status.st_mode & S_IFMT == S_IFCHR else { throw failure("not a regular file") }
        let size = isFile ? Int(status.st_size) : 0
        // The output of an earlier command of the step may lack its newline.
        var last = UInt8(ascii: "\n")
        if size > 0 { pread(descriptor, &last, 1, off_t(size - 1)) }
        let separator = last == UInt8(ascii: "\n") ? "" : "\n"
        let addition = separator + text(limit - size - 1)
        guard addition.utf8.count <= limit - size else {
            throw failure("it holds \(size) bytes, and the limit is \(limit)")
        }
        guard Terminal(descriptor: descriptor).write(addition) else { throw failure(String(cString: strerror(errno))) }
    }

    private func failure(_ reason: String) -> Failure {
        Failure(
            description:
                "could not append to $\(variable) '\(Sanitizer.singleLine(path, limit: 200))' (\(reason)): the "
                + "verdict and the other reports are unaffected")
    }
}
