import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Ledger
import Reports
import Verdict

/// `report`: renders a stored verification again.
struct ReportCommand: CollectorCommand {
    static let environmentFlags = StoreOptions.environmentFlags
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Render a stored verification again, in any format")

    @Argument(
        help: ArgumentHelp(
            "The verification's id as history shows it, or the beginning of it. Default: the last finished one.",
            valueName: "id"))
    var id: String?

    @Option(help: "Render the last verification of this service.")
    var service: String?

    @Option(
        name: .customLong("environment"),
        help: ArgumentHelp(
            "Render the last verification of this environment, of --service or of any service.", valueName: "name"),
        transform: ArgumentText.environmentName)
    var environmentName: EnvironmentName?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Write a report as json, html, markdown, junit or text; '-' is standard output. Repeatable.",
            valueName: "format=path"))
    var report: [String] = []

    @OptionGroup var store: StoreOptions

    func validate() throws {
        if id != nil, service != nil || environmentName != nil {
            let flag = service == nil ? "--environment" : "--service"
            throw ValidationError("an id and \(flag) exclude each other: give one of them")
        }
        for destination in report where destination.hasPrefix("evidence=") {
            throw ValidationError(
                "--report evidence is not available from the ledger, which does not keep the samples: use the file that verify "
                    + "wrote with --report evidence=PATH")
        }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        let destinations = try [ReportDestination](opening: report.isEmpty ? ["text=-"] : report)
        let report = try await Spinner.show("reading the ledger", on: .standardError, environment: environment) { _ in
            try await stored(environment: environment, now: Date())
        }
        try await destinations.deliver(report)
    }

    /// The stored report.
    func stored(environment: [String: String], now: Date) async throws -> Report {
        let ledger = try await Ledger.openForReading(store: store.store, environment: environment)
        return try await ledger.report(id, service: service, environment: environmentName, now: now)
    }
}
