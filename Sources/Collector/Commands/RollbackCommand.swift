import ArgumentParser
import CollectorSupport
import Evidence
import Foundation
import Inventory
import Ledger
import Operations
import Reports
import Shared
import Transfer
import Verdict

/// `rollback`: puts a tag back to the last proven build, reads it back, and verifies the fleet.
struct RollbackCommand: CollectorCommand {
    static let environmentFlags =
        RollbackOptions.environmentFlags + CandidateOptions.environmentFlags + KillSwitchOptions.environmentFlags
        + ForgeOptions.environmentFlags + RegistryOptions.environmentFlags + ReadbackOptions.environmentFlags
        + FleetOptions.environmentFlags + PolicyOptions.environmentFlags + AccessOptions.environmentFlags
        + ServerOptions.environmentFlags + OutputOptions.environmentFlags + LogOptions.environmentFlags
    static let commandLineOnly = RollbackOptions.commandLineOnly
    static let published: CommandEnd.Command? = .rollback

    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Put a tag back to the last proven build, read it back, and verify the fleet",
        discussion: """
            In this order: kill switch, ledger, registry, journal, PUT, read-back, journal, verification. CI is not checked. \
            Manifests that the registry has removed are restored from the ledger. A rollback does not block a later \
            promotion. Exits as verify does; with 41 if the kill switch is on or another writer moves the tag, with 64 if \
            no earlier proven build exists, and with 69 if a required service is unavailable.
            """)

    @OptionGroup(title: "Rollback") var rollback: RollbackOptions
    @OptionGroup(title: "Rollback") var candidate: CandidateOptions
    @OptionGroup(title: "Kill switch") var killSwitch: KillSwitchOptions
    @OptionGroup(title: "Forge") var forge: ForgeOptions
    @OptionGroup(title: "Registry") var registry: RegistryOptions
    @OptionGroup(title: "Registry") var readback: ReadbackOptions
    @OptionGroup(title: "Fleet") var fleet: FleetOptions
    @OptionGroup(title: "Policy") var policy: PolicyOptions
    @OptionGroup(title: "Access") var access: AccessOptions
    @OptionGroup(title: "Service") var server: ServerOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Logs") var logs: LogOptions

    func validate() throws {
        _ = try target()
        guard output.store != "none" else {
            throw ValidationError("rollback reads the build from the ledger: omit --store none")
        }
        guard rollback.skipsVerification || rollback.dryRun || !fleet.isEmpty || server.server != nil else {
            throw ValidationError("no fleet to verify: give --fleet PATH, --host NAME or --server URL, or --no-verify")
        }
        guard !rollback.skipsVerification || server.server == nil else {
            throw ValidationError("--server has no effect with --no-verify: omit one of them")
        }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        try server.refuse(fleet, access, policy)
        let isRemote = server.server != nil
        let skips = rollback.skipsVerification || (rollback.dryRun && fleet.isEmpty && !isRemote)
        let inventory =
            skips ? nil : isRemote ? try fleet.nowhere() : try await fleet.load(lasting: policy.timeout)
        let service = try await fleet.deployedService(inventory)
        throw ExitCode(
            try await WebClient.with { try await run(service, inventory, web: $0, environment: environment) })
    }

    private func run(
        _ service: DeployedService, _ inventory: Inventory?, web: WebClient, environment: [String: String]
    ) async throws -> Int32 {
        let opened =
            rollback.dryRun
            ? try await output.openLedgerIfPresent(mustExist: true, environment: environment)
            : try await output.openLedger(environment: environment)
        guard let ledger = opened else {
            throw UsageError("no ledger to read earlier builds from: name it with --store")
        }
        let evidence = rollback.dryRun ? nil : try output.evidence()
        defer { evidence?.removeIfEmpty() }
        do {
            let remote = try server.remote(policy, web: web, environment: environment)
            let verification = try inventory.map {
                var run = VerificationRun(
                    target: Target(service: service.name, environment: service.environment), inventory: $0,
                    policy: try policy.policy(for: $0), check: policy.inventoryCheck,
                    access: try access.access(for: $0), concurrency: access.concurrency,
                    ledger: ledger, destinations: rollback.dryRun ? [] : try output.destinations(beside: evidence),
                    evidence: evidence, progress: output.progress, environment: environment, logger: logs.logger)
                (run.remote, run.acceptsSuccessor) = (remote, policy.supersededOK)
                return run
            }
            let run = try rollbackRun(service, ledger, verification, web: web, environment: environment)
            var code = ExitStatus.success.rawValue
            if rollback.dryRun {
                let plan = try await run.dryRun()
                Terminal.standardOutput.write(plan)
                let lines = plan.split(separator: "\n").joined(separator: "; ")
                var end = CommandEnd(
                    .rollback, .dryRun, exitCode: code, effect: .unchanged, message: lines,
                    tag: "nothing was changed: this is a dry run")
                end.object = run.object
                Pipeline(environment: environment)?.publish(end)
            } else {
                let result = try await run.run()
                if let end = result.end { Pipeline(environment: environment)?.publish(end) }
                code = result.exitCode
            }
            await ledger.close(loggingTo: logs.logger)
            return code
        } catch {
            await ledger.close(loggingTo: logs.logger)
            throw error
        }
    }

    private func rollbackRun(
        _ service: DeployedService, _ ledger: Ledger, _ verification: VerificationRun?, web: WebClient,
        environment: [String: String]
    ) throws -> RollbackRun {
        let isOutputFree = verification?.destinations.contains(where: \.isStandardOutput) != true
        return RollbackRun(
            id: RunID.make(at: Date()), service: service, target: try target(), wanted: rollback.to,
            actor: PromotionActor.name(flag: rollback.by, environment: environment),
            killSwitch: try killSwitch.killSwitch(promoting: service, environment: environment, web: web) {
                try forge.forge(environment: environment, web: web)
            },
            registry: try registry.client(web: web, environment: environment), ledger: ledger,
            log: PromotionLog(), interruption: SignalCancellation(), verification: verification,
            timeout: registry.registryTimeout, readbackTimeout: readback.readbackTimeout
        ) { pin in (isOutputFree ? Terminal.standardOutput : .standardError).write(pin + "\n") }
    }

    private func target() throws -> ImageReference {
        try rollback.target(rules: TagPolicy(candidates: candidate.candidate))
    }
}

/// The tag to put back, and the build to put it back to.
struct RollbackOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [.init("--image"), .init("--tag"), .init("--by")]
    static let commandLineOnly: [EnvironmentArguments.Flag] = [.init("--dry-run"), .init("--no-verify")]

    @Option(
        help: ArgumentHelp("The repository, for example registry.example/app, with or without a tag.", valueName: "ref")
    )
    var image: String

    @Option(help: ArgumentHelp("The tag to put back (default: that of --image, else latest).", valueName: "tag"))
    var tag: String?

    @Option(
        help: ArgumentHelp(
            "The build to put it back to: a commit or a digest (7 digits or more), or the ledger's number of its promotion. "
                + "Default: the last build before the present one that the whole fleet was proven to serve.",
            valueName: "sha|generation|digest"))
    var to: String?

    @Flag(help: "Check everything and show what would be done, without writing.")
    var dryRun = false

    @Flag(name: .customLong("no-verify"), help: "Stop after the tag was read back.")
    var skipsVerification = false

    @Option(
        help: ArgumentHelp(
            "Who rolls back, for the journal. Default: $GITHUB_ACTOR, else the user.", valueName: "name"))
    var by: String?

    /// Repository and tag.
    func target(rules: TagPolicy) throws -> ImageReference {
        let shown = Sanitizer.singleLine(image, limit: 200)
        guard let reference = ImageReference(parsing: image), reference.digest == nil else {
            throw ValidationError(
                "invalid --image '\(shown)': expected a repository, for example registry.example/app, or with a tag")
        }
        if let tag, let named = reference.tag, tag != named {
            throw ValidationError(
                "--image '\(shown)' and --tag '\(Sanitizer.singleLine(tag, limit: 100))' name two tags: give one")
        }
        let tag = tag ?? reference.tag ?? "latest"
        guard let target = ImageReference(parsing: "\(reference.repository):\(tag)"), target.digest == nil else {
            throw ValidationError(
                "invalid --tag '\(Sanitizer.singleLine(tag, limit: 100))': expected a tag, for example latest")
        }
        guard !rules.isWrittenOnce(tag) else {
            throw ValidationError(
                "invalid --tag '\(tag)': it names one build and is never moved; expected a moving tag, such as latest")
        }
        return target
    }
}
