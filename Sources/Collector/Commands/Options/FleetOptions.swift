import ArgumentParser
import CollectorSupport
import Foundation
import Inventory
import Shared
import Verdict

/// Which hosts, and which service of theirs.
struct FleetOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Inventory: YAML, JSON, Prometheus file_sd, or one host or URL a line; '-' is standard input. Repeatable.",
            valueName: "path"))
    var fleet: [String] = []

    @Option(help: ArgumentHelp("One host; adds to --fleet. Repeatable.", valueName: "name|url"))
    var host: [String] = []

    @Option(
        help: ArgumentHelp(
            "Expect only hosts with this label, or with != only those without it. Repeatable: values of one key are "
                + "alternatives, and every key must hold. Hosts given by --host have no labels.",
            valueName: "key=value"),
        transform: ArgumentText.selectorTerm)
    var select: [HostSelector.Term] = []

    @Option(help: "Which service to ask every host for (default: the inventory's, else canvas).")
    var service: String?

    func validate() throws {
        guard fleet.count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("--fleet - can be given once: standard input can be read once")
        }
    }

    var isEmpty: Bool { fleet.isEmpty && host.isEmpty }

    /// Reads the inventory, once.
    ///
    /// - Parameter lasting: how long waivers must hold. One that ends while hosts are asked excuses nobody.
    func load(lasting: Duration = .zero) throws -> Inventory {
        guard !isEmpty else { throw UsageError("no hosts to ask: give --fleet PATH or --host NAME") }
        return try read(now: Date().addingTimeInterval(lasting.seconds))
    }

    private func read(now: Date) throws(InventoryError) -> Inventory {
        try Inventory.load(
            sources: fleet.map(InventorySource.init(argument:)), hosts: host, service: service,
            selector: HostSelector(select), now: now)
    }
}
