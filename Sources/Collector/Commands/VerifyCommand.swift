import ArgumentParser
import Logging
import Shared

/// Polls the fleet until every expected host is proven to serve what was promoted, or says which is not and why.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Poll the fleet until every host is proven to serve what was promoted, or say which is not and why.")

    @OptionGroup(title: "Fleet") var fleet: FleetOptions
    @OptionGroup(title: "Target") var target: TargetOptions
    @OptionGroup(title: "Target") var promotion: PromotionOptions
    @OptionGroup(title: "Policy") var policy: PolicyOptions
    @OptionGroup(title: "Access") var access: AccessOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Logs") var logs: LogOptions

    func validate() throws {
        guard target.sha != nil || target.digest != nil else {
            throw ValidationError("nothing to verify against: give --sha, --digest, or both")
        }
        guard promotion.generation == nil || output.store != "none" else {
            throw ValidationError("--generation is the ledger's number, and --store none keeps no ledger")
        }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        let inventory = try fleet.load()
        let ledger = try await output.openLedger(environment: environment)
        let evidence = try output.evidence()
        defer { evidence?.removeIfEmpty() }
        var target = try target.target(service: inventory.service)
        target.generation = promotion.generation
        let run = VerificationRun(
            target: target, inventory: inventory, policy: try policy.policy(for: inventory),
            check: policy.inventoryCheck, access: try access.access(for: inventory), concurrency: access.concurrency,
            ledger: ledger, destinations: try output.destinations(beside: evidence), evidence: evidence,
            progress: output.progress, environment: environment, logger: logs.logger)
        let code = try await run.run()
        do {
            // All of the ledger is in its one file then, which a pipeline may keep or copy.
            try await ledger?.close()
        } catch {
            logs.logger.warning("The ledger could not be closed", metadata: ["reason": "\(error)"])
        }
        throw ExitCode(code)
    }
}
