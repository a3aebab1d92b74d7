import ArgumentParser
import CollectorSupport
import Evidence
import Operations
import Reports
import Shared

/// `replay`: derives the verdict of an evidence file again.
struct ReplayCommand: CollectorCommand {
    static let environmentFlags: [EnvironmentArguments.Flag] = []
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Replay an evidence file: check its hashes, and derive every status and the verdict again",
        discussion: """
            Every line must match its hash, and every status and the verdict must follow from the lines before. Exits with \
            the code of the verification; with 1 if a status or the verdict differs; with 64 if the file was changed. A \
            file that was cut short is replayed to its last line, and exits with 130, because it has no verdict.
            """)

    @Argument(help: ArgumentHelp("The file from verify --report evidence=FILE; '-' is standard input."))
    var file: String

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Write a report as json, html, markdown, junit or text; '-' is standard output. Repeatable.",
            valueName: "format=path"))
    var report: [String] = []

    func run() async throws {
        let destinations = try [ReportDestination](opening: report.isEmpty ? ["text=-"] : report)
        let progress = ReplayProgress(on: .standardError, environment: ProcessEnvironment.current)
        let outcome = try EvidenceReplay.run(file) { progress.show(lines: $0) }
        progress.finish(outcome)
        try await destinations.deliver(outcome.report)
        throw ExitCode(outcome.report.exitCode)
    }
}
