import ArgumentParser
import FoundationEssentials

/// `report`: a stored verification's report, rendered again.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Renders a stored verification again, in any format.")

    @Argument(help: ArgumentHelp("Which one, as history shows it; the last one without.", valueName: "id"))
    var id: String?

    @Option(name: .long, help: ArgumentHelp("Repeatable; - is standard output.", valueName: "format=path"))
    var report: [String] = []

    @Option(help: "The ledger's file.")
    var store: String?

    func validate() throws {
        if store == "none" { throw ValidationError("--store none keeps nothing to show: name a file") }
    }

    func run() async throws {
        let destinations = try [ReportDestination](opening: report.isEmpty ? ["text=-"] : report)
        _ = try await destinations.deliver {
            try await stored(environment: ProcessEnvironment.current, now: Date())
        }
    }

    /// The report that was asked for.
    func stored(environment: [String: String], now: Date) async throws -> Report {
        try await Ledger.openForReading(store: store, environment: environment).report(id, now: now)
    }
}
