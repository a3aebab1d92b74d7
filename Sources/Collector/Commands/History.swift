import ArgumentParser
import FoundationEssentials

/// `history`: past verifications.
struct History: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows past verifications: verdict, hosts, time to converge; newest first.")

    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json }

    @Option(help: "Only verifications of this service.")
    var service: String?

    @Option(help: "Only verifications of this host, with what they found of it.")
    var host: String?

    @Option(help: "How many at most.")
    var limit = 20

    @Option(help: "The ledger's file.")
    var store: String?

    @Option(help: "text or json.")
    var format = Format.text

    func validate() throws {
        guard limit >= 1 else { throw ValidationError("--limit \(limit) shows nothing: give 1 or more") }
        if store == "none" { throw ValidationError("--store none keeps nothing to show: name a file") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        Terminal.standardOutput.write(try await output(environment: environment, now: Date()))
    }

    /// What is written to standard output.
    func output(environment: [String: String], now: Date) async throws -> String {
        let ledger = try await Ledger.openForReading(store: store, environment: environment)
        let entries = try await ledger.history(service: service, host: host, limit: limit, now: now)
        return switch format {
        case .text: HistoryTable(entries: entries, host: host).render()
        case .json: try HistoryTable.json(entries)
        }
    }
}
