import ArgumentParser
import CollectorSupport
import Evidence
import Reports

/// `replay`: an evidence file, judged again.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Read an evidence file, and reach the same verdict again, label by label.",
        discussion: """
            Every line is checked against its hash, and every status and the verdict against what follows from the lines \
            before. Exits with the code of the verification; a file that was cut short is replayed to its last line, and \
            exits with 130, because there is no verdict in it; a file that was changed exits with 64.
            """)

    @Argument(help: ArgumentHelp("As verify wrote it with --report evidence=FILE; - is standard input."))
    var file: String

    @Option(name: .long, help: ArgumentHelp("Repeatable; - is standard output.", valueName: "format=path"))
    var report: [String] = []

    func run() async throws {
        let destinations = try [ReportDestination](opening: report.isEmpty ? ["text=-"] : report)
        let progress = ReplayProgress(on: .standardError, environment: ProcessEnvironment.current)
        let report = try await destinations.deliver {
            let outcome = try Replay.run(file) { progress.show(lines: $0) }
            progress.finish(outcome)
            return outcome.report
        }
        throw ExitCode(report.exitCode)
    }
}
