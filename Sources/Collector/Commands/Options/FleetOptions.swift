import ArgumentParser
import CollectorSupport
import Foundation
import Inventory
import Operations
import Shared
import Verdict

/// The expected hosts, and the service to verify on them.
struct FleetOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--fleet", .values), .init("--host", .values), .init("--select", .values), .init("--service"),
        .init("--port"),
        .init("--environment"),
    ]

    @Option(
        help: ArgumentHelp(
            "Inventory: a file in YAML, JSON, Prometheus file_sd, Ansible (PATH#GROUP for one group), or with one host or "
                + "URL a line; '-' for standard input; a URL of Prometheus http_sd; dns:NAME for the addresses of a name, "
                + "or dns+srv:NAME for its SRV records. Repeatable.",
            valueName: "source"))
    var fleet: [String] = []

    @Option(help: ArgumentHelp("One host, in addition to --fleet. Repeatable.", valueName: "name|url"))
    var host: [String] = []

    @Option(
        help: ArgumentHelp(
            "The agents' port. Replaces the ports of targets in file_sd, http_sd and SRV records, and is the port of hosts "
                + "without one. Default: the inventory's, else 9480.",
            valueName: "port"),
        transform: ArgumentText.port)
    var port: Int?

    @Option(
        help: ArgumentHelp(
            "Verify only hosts with this label, or with != only hosts without it. Repeatable: values of one key are "
                + "alternatives, and every key must match. Hosts from --host have no labels.",
            valueName: "key=value"),
        transform: ArgumentText.selectorTerm)
    var select: [HostSelector.Term] = []

    @Option(
        help: ArgumentHelp(
            "The service to verify. Default: the inventory's; an error if the inventory does not name one.",
            valueName: "name"))
    var service: String?

    @Option(
        name: .customLong("environment"),
        help: ArgumentHelp(
            "The environment of the service, for example production: promotions and history are kept by service and "
                + "environment. Default: the inventory's, else 'default'.",
            valueName: "name"),
        transform: ArgumentText.environmentName)
    var environmentName: EnvironmentName?

    func validate() throws {
        guard fleet.count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("duplicate --fleet -: standard input can be read only once")
        }
    }

    var isEmpty: Bool { fleet.isEmpty && host.isEmpty }

    /// Reads the inventory, once.
    ///
    /// - Parameters:
    ///   - lasting: how long waivers must last. One that expires during the verification does not count.
    ///   - defaultService: the service if neither the options nor the sources name one; nil if that is an error.
    func load(lasting: Duration = .zero, defaultService: String? = nil) async throws -> Inventory {
        guard !isEmpty else { throw UsageError("no hosts to verify: give --fleet PATH or --host NAME") }
        let sources = fleet.map(InventorySource.init(argument:))
        return try Inventory.load(
            sources: sources, hosts: host, service: service, defaultService: defaultService,
            environment: environmentName, port: port, selector: HostSelector(select),
            now: Date().addingTimeInterval(lasting.seconds),
            lists: try await InventoryServer.http.lists(of: sources))
    }

    /// An inventory without hosts, for a verification that a service runs.
    func nowhere() throws -> Inventory {
        try Inventory.load(sources: [], service: service, environment: environmentName, now: Date())
    }

    /// The service and its environment, even if no fleet is verified.
    ///
    /// - Parameter inventory: the inventory, if it has been read.
    func deployedService(_ inventory: Inventory?) async throws -> DeployedService {
        if let inventory { return inventory.deployed }
        // Without a verification, the inventory is read only for names that no flag gives.
        if !isEmpty, service == nil || environmentName == nil { return try await load().deployed }
        guard let service else {
            throw UsageError("no service named: give --service NAME, or an inventory with 'service: NAME' at its top")
        }
        guard ServiceName.isUsable(service) else { throw InventoryError.unusableService(service) }
        return DeployedService(service, in: environmentName ?? .standard)
    }
}
