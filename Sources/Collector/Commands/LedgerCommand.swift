import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Ledger
import Shared

/// `ledger`: maintains the ledger.
struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Check the ledger, and remove old verifications from it",
        subcommands: [LedgerCheckCommand.self, LedgerPruneCommand.self])
}

/// The options of both subcommands.
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

/// `ledger prune`: removes old verifications.
struct LedgerPruneCommand: CollectorCommand {
    static let environmentFlags = StoreOptions.environmentFlags
    static let commandLineOnly: [EnvironmentArguments.Flag] = [.init("--dry-run")]

    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove old verifications from the ledger",
        discussion: """
            Regardless of age, these are kept: running verifications, and for each service the last verification that \
            converged and the one that the next inventory is compared with. All promotions are kept, because they \
            distinguish a host that is behind from one that serves an unknown build. Verifications can run meanwhile.
            """)

    @OptionGroup var options: LedgerOptions

    @Option(
        help: ArgumentHelp("Keep verifications younger than this, for example 90d or 12w.", valueName: "time"),
        transform: ArgumentText.longDuration)
    var keep: Duration

    @Option(
        help: ArgumentHelp("Keep this many of the last verifications of each service (default: 1).", valueName: "n"),
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
