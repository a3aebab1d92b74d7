import ArgumentParser
import CollectorSupport
import Evidence
import Glibc
import Ledger
import Operations
import Reports
import Shared

/// Reports, progress and ledger.
struct OutputOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write a report: json, html, markdown, junit, text or evidence; '-' is standard output. Repeatable.",
            valueName: "format=path"))
    var report: [String] = []

    @Option(help: "How to show progress on standard error.")
    var progress = ProgressMode.auto

    @Option(
        help: ArgumentHelp(
            "The ledger (SQLite), or 'none'. Default: $STATE_DIRECTORY/ledger.db, else "
                + "${XDG_STATE_HOME:-~/.local/state}/buildinfo/ledger.db.", valueName: "path"))
    var store: String?

    /// Opens every report's destination, so that a mistake shows before the work starts.
    ///
    /// - Parameter evidence: the one that ``evidence()`` opened, where the command writes any.
    func destinations(beside evidence: EvidenceFile? = nil) throws -> [ReportDestination] {
        let rendered = evidence == nil ? report : report.filter { !Self.isEvidence($0) }
        let opened = try [ReportDestination](opening: rendered)
        guard opened.count(where: \.isStandardOutput) + (evidence?.isStandardOutput == true ? 1 : 0) <= 1 else {
            opened.abandon()
            throw UsageError("more than one --report goes to standard output: give all but one a path")
        }
        return opened
    }

    /// Opens the file that `--report evidence=FILE` names; nil where none does.
    func evidence() throws -> EvidenceFile? {
        let paths = report.filter(Self.isEvidence).map { String($0.dropFirst(Self.evidencePrefix.count)) }
        guard let path = paths.first else { return nil }
        guard paths.count == 1 else { throw UsageError("--report evidence is given twice: one file is enough") }
        guard !path.isEmpty else {
            throw UsageError("--report evidence= names no file: write evidence=evidence.ndjson")
        }
        return try EvidenceFile(opening: path)
    }

    private static let evidencePrefix = "evidence="
    private static func isEvidence(_ argument: String) -> Bool { argument.hasPrefix(evidencePrefix) }

    /// Opens the ledger for writing, and checks that it can be written; nil for `--store none`.
    func openLedger(environment: [String: String]) async throws(LedgerError) -> Ledger? {
        guard let path = try LedgerPath.resolve(flag: store, environment: environment) else { return nil }
        return try await Ledger.open(path: path)
    }

    /// Opens the ledger for a look; nil for `--store none`, and where there is none yet.
    ///
    /// - Parameter mustExist: whether one that `--store` names has to be there.
    func openLedgerIfPresent(
        mustExist: Bool, environment: [String: String]
    ) async throws(LedgerError) -> Ledger? {
        guard let path = try LedgerPath.resolve(flag: store, environment: environment) else { return nil }
        guard (mustExist && store != nil) || access(path, F_OK) == 0 else { return nil }
        return try await Ledger.open(path: path, for: .reading)
    }
}
