import ArgumentParser
import CollectorSupport
import Evidence
import Ledger
import Operations
import Reports
import Shared
import Transfer
import Verdict

/// `verify`: polls the fleet until every expected host is proven to serve the promoted build.
struct VerifyCommand: CollectorCommand {
    static let environmentFlags =
        FleetOptions.environmentFlags + TargetOptions.environmentFlags + GenerationOptions.environmentFlags
        + RegistryOptions.environmentFlags + ReadbackOptions.environmentFlags + PolicyOptions.environmentFlags
        + AccessOptions.environmentFlags + ServerOptions.environmentFlags + OutputOptions.environmentFlags
        + LogOptions.environmentFlags
    static let published: CommandEnd.Command? = .verify

    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Poll the fleet until every host is proven to serve the promoted build, or report which is not")

    @OptionGroup(title: "Fleet") var fleet: FleetOptions
    @OptionGroup(title: "Target") var target: TargetOptions
    @OptionGroup(title: "Target") var promotion: GenerationOptions
    @OptionGroup(title: "Registry") var registry: RegistryOptions
    @OptionGroup(title: "Registry") var readback: ReadbackOptions
    @OptionGroup(title: "Policy") var policy: PolicyOptions
    @OptionGroup(title: "Access") var access: AccessOptions
    @OptionGroup(title: "Service") var server: ServerOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Logs") var logs: LogOptions

    func validate() throws {
        guard target.sha != nil || target.digest != nil || target.image != nil else {
            throw ValidationError("no target: give --sha, --digest, or both, or --image")
        }
        guard promotion.generation == nil || output.store != "none" else {
            throw ValidationError("--generation needs a ledger: omit --store none")
        }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        guard server.server == nil else { throw ExitCode(try await follow(environment: environment)) }
        let inventory = try await fleet.load(lasting: policy.timeout)
        let ledger = try await output.openLedger(environment: environment)
        let evidence = try output.evidence()
        defer { evidence?.removeIfEmpty() }
        let policy = try policy.policy(for: inventory)
        let access = try access.access(for: inventory)
        let code = try await target.withTarget(for: inventory, registry: registry, environment: environment) {
            target, image in
            var target = target
            target.generation = promotion.generation
            var watch = image?.watch
            watch?.timeout = readback.readbackTimeout
            var run = VerificationRun(
                target: target, inventory: inventory, policy: policy, check: self.policy.inventoryCheck, access: access,
                concurrency: self.access.concurrency, ledger: ledger,
                destinations: try output.destinations(beside: evidence), evidence: evidence, learner: image?.learner,
                tag: watch,
                progress: output.progress, environment: environment, logger: logs.logger, output: .standardOutput)
            run.endsProcess = true
            return try await run.run().exitCode
        }
        await ledger?.close(loggingTo: logs.logger)
        throw ExitCode(code)
    }

    /// Lets a service verify, and follows it.
    private func follow(environment: [String: String]) async throws -> Int32 {
        let isImage = target.image != nil
        let asked = "omit it: the service reads the image, as its configuration says"
        try server.refuse(
            fleet, access, policy,
            [
                ("--index", isImage && target.index != nil, "omit it: the service reads the image's manifests"),
                ("--registry-auth-file", isImage && registry.registryAuthFile != nil, asked),
                ("--registry-ca", isImage && registry.registryCA != nil, asked),
                ("--plain-http", isImage && registry.plainHTTP, asked),
                ("--generation", promotion.generation != nil, "omit it: it is a number of this machine's ledger"),
                ("--store", output.store != nil, "omit it: the service keeps the history"),
            ])
        return try await WebClient.with { web in
            let remote = try server.remote(policy, image: target.image, web: web, environment: environment)
            let nowhere = try fleet.nowhere()
            let evidence = try output.evidence()
            defer { evidence?.removeIfEmpty() }
            var run = VerificationRun(
                target: try target.remoteTarget(for: nowhere), inventory: nowhere, policy: Policy(),
                check: InventoryCheck(), access: HostCredentials(),
                destinations: try output.destinations(beside: evidence), evidence: evidence,
                progress: output.progress, environment: environment, logger: logs.logger, output: .standardOutput)
            (run.remote, run.acceptsSuccessor) = (remote, policy.supersededOK)
            run.endsProcess = true
            let report = try await run.run()
            return report.exitCode
        }
    }
}
