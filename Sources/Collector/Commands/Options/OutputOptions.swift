import ArgumentParser
import Glibc
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
        let opened = try [ReportDestination](opening: report)
        guard opened.count(where: \.isStandardOutput) <= 1 else {
            opened.abandon()
            throw UsageError("more than one --report goes to standard output: give all but one a path")
        }
        return opened
    }

    /// Opens the ledger for writing, and checks that it can be written; nil for `--store none`.
    func openLedger(environment: [String: String]) async throws(LedgerError) -> Ledger? {
        guard let path = try LedgerLocation.resolve(flag: store, environment: environment) else { return nil }
        return try await Ledger.open(path: path)
    }

    /// Opens the ledger for a look; nil for `--store none`, and where there is none yet.
    func openLedgerIfPresent(environment: [String: String]) async throws(LedgerError) -> Ledger? {
        guard let path = try LedgerLocation.resolve(flag: store, environment: environment) else { return nil }
        guard store != nil || access(path, F_OK) == 0 else { return nil }
        return try await Ledger.open(path: path, for: .reading)
    }
}
