import ArgumentParser
import Shared

/// One sweep over the fleet: what each host serves now.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Ask every host once what it serves now.",
        discussion: """
            Hosts are labelled against --sha and --digest, or else against the ledger's last promotion: 'soaking' where \
            they match, because one look proves no convergence. Exits 0 unless no host could be asked (30).
            """)

    @OptionGroup(title: "Fleet") var fleet: FleetOptions
    @OptionGroup(title: "Target") var target: TargetOptions
    @OptionGroup(title: "Access") var access: AccessOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Logs") var logs: LogOptions

    @Option(help: "One request, connect included.", transform: ArgumentText.duration)
    var requestTimeout = Policy().requestTimeout

    func run() async throws {
        let environment = ProcessEnvironment.current
        let inventory = try fleet.load()
        let run = StatusRun(
            target: try target.target(service: inventory.service), inventory: inventory,
            requestTimeout: requestTimeout, access: try access.access(for: inventory), concurrency: access.concurrency,
            ledger: try await output.openLedgerIfPresent(environment: environment),
            destinations: try output.destinations(),
            progress: output.progress == .auto ? .none : output.progress, environment: environment)
        throw ExitCode(try await run.run())
    }
}
