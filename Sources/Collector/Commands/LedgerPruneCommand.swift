import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Ledger

/// `ledger prune`: removes old verifications.
struct LedgerPruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Removes old verifications from the ledger.",
        discussion: """
            Kept however old they are: what still runs, and of each service the last verification that converged and the one \
            that the next inventory is compared with. Promotions are all kept, because whether a host is behind or serves \
            something foreign depends on them. Verifications may run meanwhile.
            """)

    @OptionGroup var options: LedgerCommand.Options

    @Option(
        help: ArgumentHelp("Keep what started less than this ago, for example 90d or 12w.", valueName: "time"),
        transform: ArgumentText.longDuration)
    var keep: Duration

    @Option(
        help: ArgumentHelp("Keep so many of the last verifications of each service (default: 1).", valueName: "n"),
        transform: ArgumentText.positiveCount)
    var keepLast = 1

    @Flag(help: "Only say what would be removed.")
    var dryRun = false

    @Flag(help: "Make the file anew, as small as it can be. Verifications cannot record meanwhile.")
    var vacuum = false

    func run() async throws {
        let environment = ProcessEnvironment.current
        let pruned = try await Spinner.show("pruning", on: .standardError, environment: environment) { spinner in
            try await prune(environment: environment, now: Date()) { removed, all in
                spinner.update(
                    removed < all
                        ? "removed \(removed) of \(all) verifications" : "giving back what \(all) verifications took")
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

    /// What is written to standard output.
    func output(_ pruned: PruneResult) throws -> String {
        switch options.format {
        case .text: pruned.text()
        case .json: try LedgerJSON.text(pruned)
        }
    }
}
