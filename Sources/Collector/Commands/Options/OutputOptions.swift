import ArgumentParser
import Shared

/// Reports, progress and ledger.
struct OutputOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write a report: json or text; '-' is standard output. Repeatable.", valueName: "format=path"))
    var report: [String] = []

    @Option(help: "How to show progress on standard error.")
    var progress = ProgressMode.auto

    @Option(
        help: ArgumentHelp(
            "The ledger (SQLite), or 'none'. Default: $STATE_DIRECTORY/ledger.db, else "
                + "${XDG_STATE_HOME:-~/.local/state}/buildinfo/ledger.db.", valueName: "path"))
    var store: String?

    /// Opens every report's destination, so that a mistake shows before the work starts.
    func destinations() throws -> [ReportDestination] {
        var opened: [ReportDestination] = []
        do {
            for argument in report { opened.append(try ReportDestination(opening: argument)) }
        } catch {
            for destination in opened { destination.abandon() }
            throw error
        }
        guard opened.count(where: \.isStandardOutput) <= 1 else {
            for destination in opened { destination.abandon() }
            throw UsageError("more than one --report goes to standard output: give all but one a path")
        }
        return opened
    }
}
