import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Inventory
import Ledger
import Operations
import Registry
import Shared
import Transfer
import Verdict

/// `doctor`: says what stands in the way of a proof.
struct DoctorCommand: CollectorCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json }

    static let environmentFlags =
        FleetOptions.environmentFlags + AccessOptions.environmentFlags + RegistryOptions.environmentFlags
        + StoreOptions.environmentFlags + [
            .init("--image", needsText: true), .init("--request-timeout"), .init("--format"),
        ]

    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Tell what stands in the way of a proof: hosts, agents, images, ledger, registry",
        discussion: """
            Asks each host once, like status, and prints a line for each check: ok, note, warning or problem, the worst first, \
            with the hosts and the remedy. Changes nothing. Exits with 0 if nothing stands in the way of a proof, whatever the \
            warnings, and with 10 otherwise.
            """)

    @OptionGroup(title: "Fleet") var fleet: FleetOptions
    @OptionGroup(title: "Registry") var registry: RegistryOptions
    @OptionGroup(title: "Access") var access: AccessOptions

    @Option(
        help: ArgumentHelp("An image to read from its registry, and to compare with the hosts.", valueName: "ref"),
        transform: ArgumentText.imageReference)
    var image: ImageReference?

    @Option(
        help: ArgumentHelp(
            "The ledger's file, or 'none'. Default: \(StoreOptions.standardPath).", valueName: "path"))
    var store: String?

    @Option(
        help: "Time limit for one request, including the connect (default: 5s).", transform: ArgumentText.duration)
    var requestTimeout = Policy().requestTimeout

    @Option(help: "Output format: text or json.")
    var format = Format.text

    func validate() throws {
        guard requestTimeout > .zero else {
            throw ValidationError("invalid --request-timeout: expected a duration longer than zero")
        }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        let inventory = try await fleet.load()
        let run = DoctorRun(
            inventory: inventory, access: try access.access(for: inventory), requestTimeout: requestTimeout,
            concurrency: access.concurrency)
        let path = Result { () throws(LedgerError) in try LedgerPath.resolve(flag: store, environment: environment) }
        let registry = registry
        let diagnosis = try await Spinner.show("asking the hosts", on: .standardError, environment: environment) { _ in
            try await run.run(
                ledger: path,
                image: image.map { image in
                    (
                        image,
                        {
                            try await WebClient.with { web in
                                try await registry.client(web: web, environment: environment).resolve(image)
                            }
                        }
                    )
                })
        }
        let output = Terminal.standardOutput
        switch format {
        case .text: output.write(diagnosis.text(output.layout))
        case .json: output.write(try JSONEncoder.prettyText(diagnosis))
        }
        throw ExitCode(diagnosis.exitCode)
    }
}
