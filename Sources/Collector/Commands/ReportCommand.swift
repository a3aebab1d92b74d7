import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Ledger
import Reports

/// `report`: a stored verification's report, rendered again.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Renders a stored verification again, in any format.")

    @Argument(
        help: ArgumentHelp(
            "Which one, as history shows it, or the beginning of its id; the last one that is over without.",
            valueName: "id"))
    var id: String?

    @Option(help: "The last one of this service.")
    var service: String?

    @Option(name: .long, help: ArgumentHelp("Repeatable; - is standard output.", valueName: "format=path"))
    var report: [String] = []

    @Option(help: "The ledger's file.")
    var store: String?

    func validate() throws {
        if store == "none" { throw ValidationError("--store none keeps nothing to show: name a file") }
        if id != nil, service != nil { throw ValidationError("an id and --service name two things: give one of them") }
        for destination in report where destination.hasPrefix("evidence=") {
            throw ValidationError(
                "--report evidence cannot be made from the ledger, which keeps what was found and not the answers: take the "
                    + "file that verify wrote with --report evidence=PATH")
        }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        let destinations = try [ReportDestination](opening: report.isEmpty ? ["text=-"] : report)
        _ = try await destinations.deliver {
            try await Spinner.show("reading the ledger", on: .standardError, environment: environment) { _ in
                try await stored(environment: environment, now: Date())
            }
        }
    }

    /// The report that was asked for.
    func stored(environment: [String: String], now: Date) async throws -> Report {
        let ledger = try await Ledger.openForReading(store: store, environment: environment)
        return try await ledger.report(id, service: service, now: now)
    }
}
