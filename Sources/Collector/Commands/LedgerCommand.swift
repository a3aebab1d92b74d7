import ArgumentParser
import Ledger

/// `ledger`: care of the file that keeps what was verified.
struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Checks the ledger, and removes old verifications from it.",
        subcommands: [LedgerCheckCommand.self, LedgerPruneCommand.self])

    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json }

    /// What both have.
    struct Options: ParsableArguments {
        @Option(help: "The ledger's file.")
        var store: String?

        @Option(help: "text or json.")
        var format = Format.text

        func validate() throws {
            if store == "none" { throw ValidationError("--store none keeps nothing to look after: name a file") }
        }

        /// The ledger's path.
        func path(environment: [String: String]) throws(LedgerError) -> String {
            guard let path = try LedgerPath.resolve(flag: store, environment: environment) else { throw .noPlace }
            return path
        }
    }
}
