import ArgumentParser
import CollectorSupport
import Evidence
import Foundation
import Gate
import Inventory
import Ledger
import Operations
import Registry
import Reports
import Shared
import Transfer
import Verdict

/// `promote`: checks the gate, re-points a tag by digest, reads it back, and verifies the fleet.
struct PromoteCommand: CollectorCommand {
    static let environmentFlags =
        PromoteOptions.environmentFlags + CandidateOptions.environmentFlags + KillSwitchOptions.environmentFlags
        + CIOptions.environmentFlags + CIWaitOptions.environmentFlags + ForgeOptions.environmentFlags
        + BranchOptions.environmentFlags + RegistryOptions.environmentFlags + ReadbackOptions.environmentFlags
        + FleetOptions.environmentFlags + PolicyOptions.environmentFlags + AccessOptions.environmentFlags
        + ServerOptions.environmentFlags + OutputOptions.environmentFlags + LogOptions.environmentFlags
    static let commandLineOnly = PromoteOptions.commandLineOnly + CIOptions.commandLineOnly
    static let published: CommandEnd.Command? = .promote

    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Check the gate, re-point a tag by digest, read it back, and verify the fleet",
        discussion: """
            In this order: kill switch, CI, not superseded, registry, journal, PUT, read-back, journal, verification. The \
            kill switch is read again right before the PUT. Exits as verify does; with 40 if a newer build took over, with \
            41 if the gate refuses, with 64 if the request or the image is invalid, and with 69 if a required service is \
            unavailable.
            """)

    @OptionGroup(title: "Promotion") var promotion: PromoteOptions
    @OptionGroup(title: "Promotion") var candidate: CandidateOptions
    @OptionGroup(title: "Kill switch") var killSwitch: KillSwitchOptions
    @OptionGroup(title: "CI") var ci: CIOptions
    @OptionGroup(title: "CI") var ciWait: CIWaitOptions
    @OptionGroup(title: "Forge") var forge: ForgeOptions
    @OptionGroup(title: "Forge") var branch: BranchOptions
    @OptionGroup(title: "Registry") var registry: RegistryOptions
    @OptionGroup(title: "Registry") var readback: ReadbackOptions
    @OptionGroup(title: "Fleet") var fleet: FleetOptions
    @OptionGroup(title: "Policy") var policy: PolicyOptions
    @OptionGroup(title: "Access") var access: AccessOptions
    @OptionGroup(title: "Service") var server: ServerOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Logs") var logs: LogOptions

    func validate() throws {
        guard output.store != "none" else {
            throw ValidationError("promote keeps its journal in the ledger: omit --store none")
        }
        guard promotion.skipsVerification || !fleet.isEmpty || server.server != nil else {
            throw ValidationError("no fleet to verify: give --fleet PATH, --host NAME or --server URL, or --no-verify")
        }
        guard !promotion.skipsVerification || server.server == nil else {
            throw ValidationError("--server has no effect with --no-verify: omit one of them")
        }
        guard promotion.skipsCI || !ci.contextLists.isEmpty else {
            throw ValidationError(
                "no required CI context: give --context NAME, as the forge shows it at the commit, or --no-ci")
        }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        try server.refuse(fleet, access, policy)
        throw ExitCode(try await WebClient.with { try await run(web: $0, environment: environment) })
    }

    private func run(web: WebClient, environment: [String: String]) async throws -> Int32 {
        let inventory =
            promotion.skipsVerification
            ? nil : server.server == nil ? try await fleet.load(lasting: policy.timeout) : try fleet.nowhere()
        let remote = try server.remote(policy, web: web, environment: environment)
        let request = try await promotion.request(
            service: fleet.deployedService(inventory), candidates: candidate.candidate, environment: environment)
        let ledger =
            promotion.dryRun
            ? try await output.openLedgerIfPresent(mustExist: false, environment: environment)
            : try await output.openLedger(environment: environment)
        let evidence = promotion.dryRun ? nil : try output.evidence()
        defer { evidence?.removeIfEmpty() }
        let interruption = SignalCancellation()
        let verification = try inventory.map {
            var run = VerificationRun(
                target: Target(
                    service: request.service.name, environment: request.service.environment, gitSHA: request.gitSHA),
                inventory: $0,
                policy: try policy.policy(for: $0), check: policy.inventoryCheck, access: try access.access(for: $0),
                concurrency: access.concurrency, ledger: ledger,
                destinations: promotion.dryRun ? [] : try output.destinations(beside: evidence), evidence: evidence,
                progress: output.progress, environment: environment, logger: logs.logger)
            (run.remote, run.acceptsSuccessor) = (remote, policy.supersededOK)
            return run
        }
        do {
            let gate = try gate(request, ledger, interruption, web: web, environment: environment)
            let code = try await run(gate, verification, interruption, environment: environment)
            await ledger?.close(loggingTo: logs.logger)
            return code
        } catch {
            await ledger?.close(loggingTo: logs.logger)
            throw error
        }
    }

    private func run(
        _ gate: PromotionGate, _ verification: VerificationRun?, _ interruption: SignalCancellation,
        environment: [String: String]
    ) async throws -> Int32 {
        let isOutputFree = verification?.destinations.contains(where: \.isStandardOutput) != true
        let run = PromotionRun(
            id: RunID.make(at: Date()), gate: gate, verification: verification, rollbackOn: promotion.rollbackOn,
            interruption: interruption
        ) { pin in (isOutputFree ? Terminal.standardOutput : .standardError).write(pin + "\n") }
        let pipeline = Pipeline(environment: environment)
        do {
            guard !promotion.dryRun else {
                let plan = try await run.plan()
                Terminal.standardOutput.write(plan.text)
                pipeline?.publish(plan.end)
                return ExitStatus.success.rawValue
            }
            let result = try await run.run()
            if let end = result.end { pipeline?.publish(end) }
            return result.exitCode
        } catch let refusal as PromotionFailure
            where refusal.exitStatus == .superseded && refusal.effect == .unchanged && policy.supersededOK
        {
            // --superseded-ok applies before the verification of the fleet as well as during it.
            let message = [refusal.description, refusal.message].compactMap(\.self).joined(separator: "; ")
            Terminal.standardError.write(
                "\(Sanitizer.singleLine("superseded, as --superseded-ok permits: \(message)", limit: 1_024))\n")
            pipeline?.publish(CommandEnd(.promote, refusal, exitCode: ExitStatus.success.rawValue))
            return ExitStatus.success.rawValue
        }
    }

    private func gate(
        _ request: PromotionRequest, _ ledger: Ledger?, _ interruption: SignalCancellation, web: WebClient,
        environment: [String: String]
    ) throws -> PromotionGate {
        let forge = try forgeIfNeeded(web: web, environment: environment)
        let killSwitch = try killSwitch.killSwitch(
            promoting: request.service, environment: environment, web: web
        ) {
            try forge ?? self.forge.forge(environment: environment, web: web)
        }
        let view = CIProgress(output.progress, on: .standardError, environment: environment)
        return PromotionGate(
            request: request, killSwitch: killSwitch, ci: try ciWaiter(forge, request, interruption), forge: forge,
            branch: branch.branch(environment: environment), supersededBy: branch.supersededBy,
            registry: try registry.client(web: web, environment: environment), ledger: ledger,
            log: PromotionLog(), timeout: registry.registryTimeout, readbackTimeout: readback.readbackTimeout,
            observe: view.show)
    }

    /// The forge; nil if none is named and none is needed.
    private func forgeIfNeeded(web: WebClient, environment: [String: String]) throws -> (any Forge)? {
        do {
            return try forge.forge(environment: environment, web: web)
        } catch let error as UsageError {
            guard promotion.skipsCI, forge.isUnset, branch.branch == nil else { throw error }
            return nil
        }
    }

    private func ciWaiter(
        _ forge: (any Forge)?, _ request: PromotionRequest, _ interruption: SignalCancellation
    ) throws -> CIWaiter? {
        guard !promotion.skipsCI, let forge else { return nil }
        // A dry run reports the state of CI, and does not wait for it to change.
        let timeout = promotion.dryRun ? min(ciWait.timeout, .seconds(20)) : ciWait.timeout
        return CIWaiter(
            forge: forge, sha: request.gitSHA, contexts: try ci.contexts(), checkApp: ci.checkApp,
            allowedSkips: try ci.allowedSkips(), timeout: timeout, interval: ciWait.interval, interruption: interruption
        )
    }
}

/// The build to promote, the tag to move, and the overrides.
struct PromoteOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--image"), .init("--sha"), .init("--from"), .init("--to"), .init("--moving-tag", .values),
        .init("--rollback-on"), .init("--by"),
    ]
    static let commandLineOnly: [EnvironmentArguments.Flag] = [
        .init("--dry-run"), .init("--no-ci"), .init("--no-verify"), .init("--allow-rollback"),
        .init("--skip-ancestry"),
    ]

    @Option(help: ArgumentHelp("The repository, for example registry.example/app.", valueName: "repository"))
    var image: String

    @Option(help: "The commit, in full. Default: $GITHUB_SHA.", transform: ArgumentText.gitSHA)
    var sha: GitSHA?

    @Option(help: ArgumentHelp("The candidate. Default: the commit's tag by --candidate.", valueName: "tag|digest"))
    var from: String?

    @Option(help: ArgumentHelp("The tag to move.", valueName: "tag"))
    var to = "latest"

    @Option(
        help: ArgumentHelp(
            "A tag that can be moved; repeatable (default: latest). Tags that name a build (candidates, sha-…, v1) are never "
                + "moved.", valueName: "tag"))
    var movingTag: [String] = []

    @Flag(help: "Permit a build that does not descend from the present one; recorded in the journal.")
    var allowRollback = false

    @Flag(
        help: ArgumentHelp(
            "Skip the check that the commit descends from the present build's; recorded in the journal. For promoting "
                + "without a forge."))
    var skipAncestry = false

    @Flag(name: .customLong("no-ci"), help: "Skip CI. Without this flag, --context is required.")
    var skipsCI = false

    @Flag(help: "Check everything and show what would be done, without writing.")
    var dryRun = false

    @Flag(name: .customLong("no-verify"), help: "Stop after the tag was read back.")
    var skipsVerification = false

    @Option(
        help: ArgumentHelp(
            "After these verdicts, put the tag back to the last proven build, and verify that: failed_deploy, rolled_back, "
                + "stragglers, stalled, unreachable. Separated by commas.", valueName: "verdicts"),
        transform: PromoteOptions.verdicts)
    var rollbackOn: Set<Verdict> = []

    @Option(
        help: ArgumentHelp("Who promotes, for the journal. Default: $GITHUB_ACTOR, else the user.", valueName: "name"))
    var by: String?

    static let rollbackVerdicts: [Verdict] = [.failedDeploy, .rolledBack, .stragglers, .stalled, .unreachable]

    static func verdicts(_ text: String) throws -> Set<Verdict> {
        let words = text.split(separator: ",").map { String($0.filter { $0 != " " }) }
        let known = rollbackVerdicts.map(\.rawValue).joined(separator: ", ")
        guard !words.isEmpty else { throw ValidationError("expected verdicts of \(known)") }
        return Set(
            try words.map { word in
                guard let verdict = Verdict(rawValue: word), rollbackVerdicts.contains(verdict) else {
                    throw ValidationError("unknown verdict '\(word)': expected \(known)")
                }
                return verdict
            })
    }

    func validate() throws {
        guard rollbackOn.isEmpty || !skipsVerification else {
            throw ValidationError("--rollback-on needs a verification: omit --no-verify")
        }
    }

    func request(
        service: DeployedService, candidates: CandidatePattern, environment: [String: String]
    ) throws -> PromotionRequest {
        try PromotionRequest(
            service: service, image: image, gitSHA: try PipelineCommit.read(flag: sha, environment: environment),
            from: from, to: to,
            rules: TagPolicy(moving: movingTag.isEmpty ? ["latest"] : Set(movingTag), candidates: candidates),
            allowsRollback: allowRollback, skipsAncestry: skipAncestry,
            actor: PromotionActor.name(flag: by, environment: environment))
    }
}
