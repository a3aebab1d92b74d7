import ArgumentParser
import CollectorSupport
import Operations
import Shared
import Verdict

/// `status`: one request to each host.
struct StatusCommand: CollectorCommand {
    static let environmentFlags =
        FleetOptions.environmentFlags + TargetOptions.environmentFlags + CandidateOptions.environmentFlags
        + RegistryOptions.environmentFlags + AccessOptions.environmentFlags + OutputOptions.environmentFlags
        + LogOptions.environmentFlags + [
            .init("--request-timeout"), .init("--interval"), .init("--watch", .switchOn),
            .init("--exit-code", .switchOn), .init("--record", .switchOn),
        ]

    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what each host serves now",
        discussion: """
            Each host is compared with --sha, --digest or --image, or else with the ledger's last promotion. A single answer \
            proves nothing: a host is 'on target' now, 'behind', 'failing', or gives 'no answer'. Without any target, each host \
            shows what it serves. With --image, the tag, the last promotion and the hosts are compared, and differences are \
            reported as drift. Exits with 0 unless no host gave an answer (30) or the inventory is empty (50); see --exit-code.

            With --watch, each host is asked every --interval, and the view is refreshed in place; to a file or pipe, one line is \
            written for each change. Ctrl-C ends it, with the exit code of the last view.
            """)

    @OptionGroup(title: "Fleet") var fleet: FleetOptions
    @OptionGroup(title: "Target") var target: TargetOptions
    @OptionGroup(title: "Target") var candidate: CandidateOptions
    @OptionGroup(title: "Registry") var registry: RegistryOptions
    @OptionGroup(title: "Access") var access: AccessOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Logs") var logs: LogOptions

    @Option(
        help: "Time limit for one request, including the connect (default: 5s).", transform: ArgumentText.duration)
    var requestTimeout = Policy().requestTimeout

    @Flag(help: "Ask the hosts again and again, and show changes as they come, until Ctrl-C.")
    var watch = false

    @Option(help: "How often --watch asks a host (default: 5s).", transform: ArgumentText.duration)
    var interval: Duration?

    @Flag(
        help: ArgumentHelp(
            "Exit with the worst finding: 60 for an identity conflict, 20 for failed hosts, 30 for hosts without a usable "
                + "answer, 10 for hosts that are behind or for drift, otherwise 0."))
    var exitCode = false

    @Flag(help: "Keep what each host serves in the ledger, for 'history --host' and 'history --at'. Proves nothing.")
    var record = false

    func validate() throws {
        if record, output.store == "none" {
            throw ValidationError("--record and --store none exclude each other: name a ledger's file")
        }
        if record, watch {
            throw ValidationError("--record and --watch exclude each other: record with a timer, and watch beside it")
        }
        guard requestTimeout > .zero else {
            throw ValidationError("invalid --request-timeout: expected a duration longer than zero")
        }
        // Without --watch it has no effect: BUILDINFO_INTERVAL may be set for verifications.
        guard interval.map({ $0 >= .milliseconds(100) }) ?? true else {
            throw ValidationError("invalid --interval: expected at least 100ms")
        }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        let inventory = try await fleet.load()
        let access = try access.access(for: inventory)
        let ledger =
            record
            ? try await output.openLedger(environment: environment)
            : try await output.openLedgerIfPresent(mustExist: true, environment: environment)
        let code = try await target.withTarget(
            for: inventory, registry: registry, requiresImage: false, environment: environment
        ) { target, image in
            var run = StatusRun(
                target: target, inventory: inventory, requestTimeout: requestTimeout, access: access,
                concurrency: self.access.concurrency, ledger: ledger, destinations: try output.destinations(),
                learner: image?.learner,
                drift: image.map {
                    DriftReader(named: $0, ledger: ledger, candidates: candidate.candidate)
                },
                isGating: exitCode,
                progress: output.progress == .auto && !watch ? .none : output.progress, environment: environment)
            run.records = record
            guard watch else { return try await run.run() }
            return try await StatusWatch(run, every: interval ?? .seconds(5)).run {
                let inventory = try await fleet.load()
                return (inventory, try self.access.access(for: inventory))
            }
        }
        throw ExitCode(code)
    }
}
