import ArgumentParser
import CollectorSupport
import Evidence
import Glibc
import Ledger
import Logging
import Operations
import Reports
import Shared

/// Reports, progress and ledger.
struct OutputOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--report", .values), .init("--progress"), .init("--store"),
    ]

    @Option(
        help: ArgumentHelp(
            "Write a report as json, html, markdown, junit, text or evidence; '-' is standard output. Repeatable.",
            valueName: "format=path"))
    var report: [String] = []

    @Option(help: "Progress on standard error.")
    var progress = ProgressMode.auto

    @Option(
        help: ArgumentHelp(
            "The ledger's file, or 'none'. Default: \(StoreOptions.standardPath).", valueName: "path"))
    var store: String?

    /// Opens every report's destination, so that mistakes surface before the work starts.
    ///
    /// - Parameter evidence: the file that ``evidence()`` opened, if the command writes evidence.
    func destinations(beside evidence: EvidenceFile? = nil) throws -> [ReportDestination] {
        let rendered = evidence == nil ? report : report.filter { !Self.isEvidence($0) }
        let opened = try [ReportDestination](opening: rendered)
        guard opened.count(where: \.isStandardOutput) + (evidence?.isStandardOutput == true ? 1 : 0) <= 1 else {
            throw UsageError("more than one --report goes to standard output: give all but one a path")
        }
        return opened
    }

    /// Opens the file of `--report evidence=FILE`; nil without one.
    func evidence() throws -> EvidenceFile? {
        let paths = report.filter(Self.isEvidence).map { String($0.dropFirst(Self.evidencePrefix.count)) }
        guard let path = paths.first else { return nil }
        guard paths.count == 1 else { throw UsageError("duplicate --report evidence: give one file") }
        guard !path.isEmpty else {
            throw UsageError("invalid --report evidence=: expected a file, for example evidence=evidence.ndjson")
        }
        return try EvidenceFile(opening: path)
    }

    private static let evidencePrefix = "evidence="
    private static func isEvidence(_ argument: String) -> Bool { argument.hasPrefix(evidencePrefix) }

    /// Opens the ledger and checks that it is writable; nil for `--store none`.
    func openLedger(environment: [String: String]) async throws(LedgerError) -> Ledger? {
        guard let path = try LedgerPath.resolve(flag: store, environment: environment) else { return nil }
        return try await Ledger.open(path: path)
    }

    /// Opens the ledger for reading; nil for `--store none`, and without a ledger.
    ///
    /// - Parameter mustExist: true if a ledger that `--store` names must exist.
    func openLedgerIfPresent(
        mustExist: Bool, environment: [String: String]
    ) async throws(LedgerError) -> Ledger? {
        guard let path = try LedgerPath.resolve(flag: store, environment: environment) else { return nil }
        guard (mustExist && store != nil) || access(path, F_OK) == 0 else { return nil }
        return try await Ledger.open(path: path, for: .reading)
    }
}

/// The ledger of commands that only read it or maintain it.
struct StoreOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [.init("--store")]
    static let standardPath =
        "$STATE_DIRECTORY/ledger.db, else ${XDG_STATE_HOME:-~/.local/state}/buildinfo/ledger.db"

    @Option(help: ArgumentHelp("The ledger's file. Default: \(standardPath).", valueName: "path"))
    var store: String?

    func validate() throws {
        if store == "none" { throw ValidationError("invalid --store none: name a file that holds a ledger") }
    }
}

/// The log on standard error.
struct LogOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [.init("--log-level"), .init("--log-format")]

    @Option(
        help: "Log level: trace, debug, info, notice, warning, error or critical (default: notice).",
        transform: { text in
            guard let level = Logger.Level(rawValue: text) else {
                throw ValidationError("expected a log level, for example debug, info, notice or warning")
            }
            return level
        })
    var logLevel = Logger.Level.notice

    @Option(
        help: "Log format: text or json (default: text).",
        transform: { text in
            guard let format = LogLine.Format(rawValue: text) else {
                throw ValidationError("expected text or json")
            }
            return format
        })
    var logFormat = LogLine.Format.text

    var logger: Logger {
        let (level, format) = (logLevel, logFormat)
        return Logger(label: "buildinfo-collector") { _ in StandardErrorLog(format: format, logLevel: level) }
    }
}
