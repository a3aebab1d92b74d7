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

/// Puts a tag back to the last proven build, reads it back, and verifies the fleet.
struct RollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Put a tag back to the last proven build, read it back, and verify the fleet.",
        discussion: """
            In this order: kill switch, ledger, registry, journal, PUT, read back, journal, verification. CI is not asked. \
            Manifests that the registry has removed are put back from the ledger. A later promote is not held up by it. Exits \
            as verify does; 41 where the kill switch is on or somebody else moves the tag, 64 where there is nothing to go back \
            to, 69 where something needed cannot be asked.
            """)

    @OptionGroup(title: "Rollback") var rollback: RollbackOptions
    @OptionGroup(title: "Kill switch") var killSwitch: KillSwitchOptions
    @OptionGroup(title: "Forge") var forge: ForgeOptions
    @OptionGroup(title: "Registry") var registry: RegistryOptions
    @OptionGroup(title: "Registry") var readback: ReadbackOptions
    @OptionGroup(title: "Fleet") var fleet: FleetOptions
    @OptionGroup(title: "Policy") var policy: PolicyOptions
    @OptionGroup(title: "Access") var access: AccessOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Logs") var logs: LogOptions

    func validate() throws {
        guard output.store != "none" else {
            throw ValidationError("rollback finds the build in the ledger: name one with --store, or leave it out")
        }
        guard rollback.skipsVerification || rollback.dryRun || !fleet.isEmpty else {
            throw ValidationError("no fleet to verify: give --fleet PATH or --host NAME, or say --no-verify")
        }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        let skips = rollback.skipsVerification || (rollback.dryRun && fleet.isEmpty)
        let inventory = skips ? nil : try fleet.load(lasting: policy.timeout)
        let code = try await WebClient.with { web in
            try await run(inventory, web, environment)
        }
        throw ExitCode(code)
    }

    private func run(_ inventory: Inventory?, _ web: WebClient, _ environment: [String: String]) async throws -> Int32 {
        let opened =
            rollback.dryRun
            ? try await output.openLedgerIfPresent(mustExist: true, environment: environment)
            : try await output.openLedger(environment: environment)
        guard let ledger = opened else {
            throw UsageError("there is no ledger that knows an earlier build: name one with --store")
        }
        let evidence = rollback.dryRun ? nil : try output.evidence()
        defer { evidence?.removeIfEmpty() }
        var verification: VerificationRun?
        do {
            verification = try inventory.map { try self.verification($0, ledger, evidence, environment) }
            let run = try self.run(
                inventory?.service ?? fleet.service ?? ServiceName.standard, ledger, verification, web, environment)
            var code: Int32 = 0
            if rollback.dryRun {
                Terminal.standardOutput.write(try await run.dryRun())
            } else {
                code = try await run.run()
            }
            await ledger.close(loggingTo: logs.logger)
            return code
        } catch {
            verification?.destinations.abandon()
            await ledger.close(loggingTo: logs.logger)
            throw error
        }
    }

    private func run(
        _ service: String, _ ledger: Ledger, _ verification: VerificationRun?, _ web: WebClient,
        _ environment: [String: String]
    ) throws -> RollbackRun {
        let isOutputFree = verification?.destinations.contains(where: \.isStandardOutput) != true
        return RollbackRun(
            id: RunID.make(at: Date()), service: service, target: try rollback.target(), wanted: rollback.to,
            actor: PromotionActor.name(flag: rollback.by, environment: environment),
            killSwitch: try killSwitch.killSwitch(environment: environment, web: web) {
                try forge.forge(environment: environment, web: web)
            },
            registry: try registry.client(web: web, environment: environment), ledger: ledger,
            log: PromotionLog(), interruption: SignalCancellation(), verification: verification,
            timeout: registry.registryTimeout, readbackTimeout: readback.readbackTimeout
        ) { pin in (isOutputFree ? Terminal.standardOutput : .standardError).write(pin + "\n") }
    }

    private func verification(
        _ inventory: Inventory, _ ledger: Ledger, _ evidence: EvidenceFile?, _ environment: [String: String]
    ) throws -> VerificationRun {
        VerificationRun(
            target: Target(service: inventory.service), inventory: inventory, policy: try policy.policy(for: inventory),
            check: policy.inventoryCheck, access: try access.access(for: inventory), concurrency: access.concurrency,
            ledger: ledger, destinations: rollback.dryRun ? [] : try output.destinations(beside: evidence),
            evidence: evidence, progress: output.progress, environment: environment, logger: logs.logger)
    }
}
