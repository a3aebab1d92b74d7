import ArgumentParser
import CollectorSupport
import Operations
import Shared
import Verdict

/// One sweep over the fleet: what each host serves now.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Ask every host once what it serves now.",
        discussion: """
            Hosts are labelled against --sha, --digest and --image, or else against the ledger's last promotion: 'soaking' where \
            they match, because one look proves no convergence. With neither, each host just shows what it serves. With --image, \
            what the tag is, what was promoted and what hosts serve are held against each other, and what differs is drift. \
            Exits 0 unless no host could be asked (30) or the inventory is empty (50).
            """)

    @OptionGroup(title: "Fleet") var fleet: FleetOptions
    @OptionGroup(title: "Target") var target: TargetOptions
    @OptionGroup(title: "Registry") var registry: RegistryOptions
    @OptionGroup(title: "Access") var access: AccessOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Logs") var logs: LogOptions

    @Option(help: "One request, connect included.", transform: ArgumentText.duration)
    var requestTimeout = Policy().requestTimeout

    @Flag(
        help: ArgumentHelp(
            "Exit with what was found: 60 where another host answered, else 20 where hosts fail, 30 where hosts give no usable "
                + "answer, 10 where hosts are behind or something drifted, 0 where nothing is wrong."))
    var exitCode = false

    func run() async throws {
        let environment = ProcessEnvironment.current
        let inventory = try fleet.load()
        let access = try access.access(for: inventory)
        let ledger = try await output.openLedgerIfPresent(mustExist: true, environment: environment)
        let code = try await target.withTarget(
            for: inventory, registry: registry, requiresImage: false, environment: environment
        ) { target, image in
            let run = StatusRun(
                target: target, inventory: inventory, requestTimeout: requestTimeout, access: access,
                concurrency: self.access.concurrency, ledger: ledger, destinations: try output.destinations(),
                learner: image?.learner, drift: image.map { DriftReader(named: $0, ledger: ledger) },
                isGating: exitCode,
                progress: output.progress == .auto ? .none : output.progress, environment: environment)
            return try await run.run()
        }
        throw ExitCode(code)
    }
}
