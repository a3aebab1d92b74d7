import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Ledger

/// `ledger check`: whether the ledger is whole, and whether what it says can be true.
struct LedgerCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Looks at everything in the ledger, and changes nothing.",
        discussion: """
            Exits 0 where all is well, 69 where the file is damaged or contradicts itself, and 64 where there is no ledger. \
            Verifications whose collector was killed are told and are nothing wrong.
            """)

    @OptionGroup var options: LedgerCommand.Options

    func run() async throws {
        let environment = ProcessEnvironment.current
        let condition = try await Spinner.show("checking", on: .standardError, environment: environment) { spinner in
            try await inspect(environment: environment, now: Date()) { spinner.update($0) }
        }
        Terminal.standardOutput.write(try output(condition))
        guard condition.isFine else { throw ExitCode(condition.exitCode) }
    }

    func inspect(
        environment: [String: String], now: Date, progress: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> LedgerCheckResult {
        try await Ledger.inspect(path: try options.path(environment: environment), now: now, progress: progress)
    }

    /// What is written to standard output.
    func output(_ condition: LedgerCheckResult) throws -> String {
        switch options.format {
        case .text: condition.text()
        case .json: try LedgerJSON.text(condition)
        }
    }
}
