import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Ledger
import Shared

/// `ledger`: maintains the ledger.
struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Check, back up, restore and prune the ledger",
        subcommands: [
            LedgerCheckCommand.self, LedgerBackupCommand.self, LedgerRestoreCommand.self, LedgerPruneCommand.self,
        ])
}

/// The options of all subcommands.
struct LedgerOptions: ParsableArguments {
    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json }

    @OptionGroup var store: StoreOptions

    @Option(help: "Output format: text or json.")
    var format = Format.text

    /// The ledger's path.
    func path(environment: [String: String]) throws(LedgerError) -> String {
        guard let path = try LedgerPath.resolve(flag: store.store, environment: environment) else { throw .noPlace }
        return path
    }
}

/// `ledger check`: checks that the ledger is undamaged and free of contradictions.
struct LedgerCheckCommand: CollectorCommand {
    static let environmentFlags = StoreOptions.environmentFlags

    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check everything in the ledger, without changing it",
        discussion: """
            Exits with 0 if all is well, with 69 if the file is damaged or contradicts itself, and with 64 without a \
            ledger. Verifications whose collector was killed are listed, and are not an error.
            """)

    @OptionGroup var options: LedgerOptions

    func run() async throws {
        let environment = ProcessEnvironment.current
        let result = try await Spinner.show("checking", on: .standardError, environment: environment) { spinner in
            try await inspect(environment: environment, now: Date()) { spinner.update($0) }
        }
        Terminal.standardOutput.write(try output(result))
        guard result.isFine else { throw ExitCode(result.exitCode) }
    }

    func inspect(
        environment: [String: String], now: Date, progress: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> LedgerCheckResult {
        try await Ledger.inspect(path: try options.path(environment: environment), now: now, progress: progress)
    }

    /// The text for standard output.
    func output(_ result: LedgerCheckResult) throws -> String {
        switch options.format {
        case .text: result.text()
        case .json: try JSONEncoder.prettyText(result)
        }
    }
}

/// `ledger backup`: copies the ledger to a file.
struct LedgerBackupCommand: CollectorCommand {
    static let environmentFlags = StoreOptions.environmentFlags
    static let commandLineOnly: [EnvironmentArguments.Flag] = [.init("--force")]

    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy the ledger to a file, while verifications record",
        discussion: """
            The copy is checked before it takes its name: it is complete or not there at all. It consists of one file, with \
            the permissions and the schema of the ledger. Exits with 69 if the ledger is damaged or the disk is full.
            """)

    @OptionGroup var options: LedgerOptions

    @Argument(help: ArgumentHelp("The backup's path.", valueName: "file"))
    var file: String

    @Flag(help: "Replace an existing file.")
    var force = false

    func run() async throws {
        let environment = ProcessEnvironment.current
        let path = try options.path(environment: environment)
        let (file, force) = (file, force)
        let result = try await LedgerCopying.run("copying the ledger", environment: environment) { monitor in
            try await Ledger.backUp(path: path, to: file, replaces: force, now: Date(), monitor: monitor)
        }
        LedgerCopying.warn(result.warnings)
        switch options.format {
        case .text: Terminal.standardOutput.write(result.text())
        case .json: Terminal.standardOutput.write(try JSONEncoder.prettyText(result))
        }
    }
}

/// `ledger restore`: puts a backup in the ledger's place.
struct LedgerRestoreCommand: CollectorCommand {
    static let environmentFlags = StoreOptions.environmentFlags
    static let commandLineOnly: [EnvironmentArguments.Flag] = [.init("--force")]

    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Put a backup in the place of the ledger",
        discussion: """
            The backup is checked first. The replaced ledger stays beside the new one, with the date in its name; it may be \
            damaged or missing. The schema stays that of the backup, so that the collector that wrote it can use it. Exits \
            with 69 while another process uses the ledger, or if a promotion in its journal is open.
            """)

    @OptionGroup var options: LedgerOptions

    @Argument(help: ArgumentHelp("The backup's path.", valueName: "file"))
    var file: String

    @Flag(
        help: ArgumentHelp(
            "Restore although the ledger records a verification as running or a promotion as open, and forget them."))
    var force = false

    func run() async throws {
        let environment = ProcessEnvironment.current
        let path = try options.path(environment: environment)
        let (file, force) = (file, force)
        let result = try await LedgerCopying.run("restoring the ledger", environment: environment) { monitor in
            try await Ledger.restore(path: path, from: file, ignoresOpenWork: force, now: Date(), monitor: monitor)
        }
        LedgerCopying.warn(result.warnings)
        switch options.format {
        case .text: Terminal.standardOutput.write(result.text())
        case .json: Terminal.standardOutput.write(try JSONEncoder.prettyText(result))
        }
    }
}

/// The frame of backup and restore: progress, and an interruption that leaves nothing half done.
private enum LedgerCopying {
    static func run<Value: Sendable>(
        _ text: String, environment: [String: String],
        _ work: @escaping @Sendable (LedgerCopyMonitor) async throws -> Value
    ) async throws -> Value {
        let interruption = SignalCancellation()
        return try await Spinner.show(text, on: .standardError, environment: environment) { spinner in
            let monitor = LedgerCopyMonitor(progress: { spinner.update($0) }, signal: { interruption.signal })
            return try await interruption.watching { () -> Result<Value, any Error> in
                do { return .success(try await work(monitor)) } catch { return .failure(error) }
            }.get()
        }
    }

    static func warn(_ contradictions: [String]) {
        for contradiction in contradictions {
            Terminal.standardError.write("buildinfo-collector: the ledger contradicts itself: \(contradiction)\n")
        }
    }
}

/// `ledger prune`: removes old verifications.
struct LedgerPruneCommand: CollectorCommand {
    static let environmentFlags = StoreOptions.environmentFlags
    static let commandLineOnly: [EnvironmentArguments.Flag] = [.init("--dry-run")]

    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove old verifications from the ledger",
        discussion: """
            Regardless of age, these are kept: running verifications, and for each service in each environment the last \
            verification that converged and the one that the next inventory is compared with. All promotions are kept, because they \
            distinguish a host that is behind from one that serves an unknown build. Verifications can run meanwhile.
            """)

    @OptionGroup var options: LedgerOptions

    @Option(
        help: ArgumentHelp("Keep verifications younger than this, for example 90d or 12w.", valueName: "time"),
        transform: ArgumentText.longDuration)
    var keep: Duration

    @Option(
        help: ArgumentHelp(
            "Keep this many of the last verifications of each service in each environment (default: 1).", valueName: "n"
        ),
        transform: ArgumentText.positiveCount)
    var keepLast = 1

    @Flag(help: "Only show what would be removed.")
    var dryRun = false

    @Flag(help: "Rewrite the file to its smallest size. Verifications cannot record meanwhile.")
    var vacuum = false

    func run() async throws {
        let environment = ProcessEnvironment.current
        let pruned = try await Spinner.show("pruning", on: .standardError, environment: environment) { spinner in
            try await prune(environment: environment, now: Date()) { removed, all in
                spinner.update(
                    removed < all
                        ? "removed \(removed) of \(all) verifications" : "returning the space of \(all) verifications")
            }
        }
        Terminal.standardOutput.write(try output(pruned))
    }

    func prune(
        environment: [String: String], now: Date, progress: @Sendable (Int, Int) -> Void = { _, _ in }
    ) async throws -> PruneResult {
        let path = try options.path(environment: environment)
        let retention = LedgerRetention(age: keep, last: keepLast)
        if dryRun {
            return try await Ledger.open(path: path, for: .reading).pruneable(retention, now: now)
        }
        try LedgerFile(path: path).inspect()
        let ledger = try await Ledger.open(path: path)
        let pruned = try await ledger.prune(retention, now: now, rewrites: vacuum, progress: progress)
        try await ledger.close()
        return pruned
    }

    /// The text for standard output.
    func output(_ pruned: PruneResult) throws -> String {
        switch options.format {
        case .text: pruned.text()
        case .json: try JSONEncoder.prettyText(pruned)
        }
    }
}
