import CollectorSupport
import Evidence
import Foundation
import Gate
import Inventory
import Ledger
import Operations
import Reports
import Shared
import Transfer
import Verdict

/// Turns the flags of `promote` into a ``PromotionRun``, and runs it.
struct PromoteSetup {
    let command: PromoteCommand
    let environment: [String: String]
    let web: WebClient

    func run() async throws -> Int32 {
        let promotion = command.promotion
        let inventory = promotion.skipsVerification ? nil : try command.fleet.load(lasting: command.policy.timeout)
        let order = try promotion.order(
            service: inventory?.service ?? command.fleet.service ?? ServiceName.standard, environment: environment)
        let ledger =
            promotion.dryRun
            ? try await command.output.openLedgerIfPresent(mustExist: false, environment: environment)
            : try await command.output.openLedger(environment: environment)
        let evidence = promotion.dryRun ? nil : try command.output.evidence()
        defer { evidence?.removeIfEmpty() }
        let interruption = SignalCancellation()
        let verification = try inventory.map { try self.verification($0, order, ledger, evidence) }
        do {
            let gate = try gate(order, ledger, interruption)
            let code = try await run(gate, verification, interruption)
            await ledger?.close(loggingTo: command.logs.logger)
            return code
        } catch {
            verification?.destinations.abandon()
            await ledger?.close(loggingTo: command.logs.logger)
            throw error
        }
    }

    private func run(
        _ gate: PromotionGate, _ verification: VerificationRun?, _ interruption: SignalCancellation
    ) async throws -> Int32 {
        let isOutputFree = verification?.destinations.contains(where: \.isStandardOutput) != true
        let run = PromotionRun(
            id: RunID.make(at: Date()), gate: gate, verification: verification,
            rollbackOn: command.promotion.rollbackOn, interruption: interruption
        ) { pin in (isOutputFree ? Terminal.standardOutput : .standardError).write(pin + "\n") }
        guard command.promotion.dryRun else { return try await promote(run) }
        Terminal.standardOutput.write(try await run.plan().text)
        return 0
    }

    /// An older commit than what is there is what `--superseded-ok` is about, before the fleet is asked as well as after.
    private func promote(_ run: PromotionRun) async throws -> Int32 {
        do {
            return try await run.run()
        } catch let refusal as UnchangedTag where refusal.exitCode == 40 && command.policy.supersededOK {
            let said = "superseded, as --superseded-ok permits: \(refusal.reason); \(refusal.message)"
            Terminal.standardError.write("\(Sanitizer.singleLine(said, limit: 1_024))\n")
            Pipeline(environment: environment)?.publish(
                .init(verdict: "superseded", exitCode: 0, isUnchanged: true, message: said, level: .notice))
            return 0
        }
    }

    private func gate(
        _ order: PromotionRequest, _ ledger: Ledger?, _ interruption: SignalCancellation
    ) throws -> PromotionGate {
        let forge = try forge()
        let killSwitch = try command.killSwitch.killSwitch(environment: environment, web: web) {
            try forge ?? command.forge.forge(environment: environment, web: web)
        }
        let view = CIProgress(command.output.progress, on: .standardError, environment: environment)
        return PromotionGate(
            request: order, killSwitch: killSwitch, ci: try ci(forge, order, interruption), forge: forge,
            branch: command.branch.branch(environment: environment), supersededBy: command.branch.supersededBy,
            registry: try command.registry.client(web: web, environment: environment), ledger: ledger,
            log: PromotionLog(), timeout: command.registry.registryTimeout,
            readbackTimeout: command.readback.readbackTimeout, observe: view.show)
    }

    /// nil where no forge is needed and none is named.
    private func forge() throws -> (any Forge)? {
        do {
            return try command.forge.forge(environment: environment, web: web)
        } catch let error as UsageError {
            guard command.promotion.skipsCI, command.forge.isUnset, command.branch.branch == nil else { throw error }
            return nil
        }
    }

    private func ci(
        _ forge: (any Forge)?, _ order: PromotionRequest, _ interruption: SignalCancellation
    ) throws -> CIWaiter? {
        guard !command.promotion.skipsCI, let forge else { return nil }
        // A dry run says how CI stands, and does not wait for it to change.
        let timeout = command.promotion.dryRun ? min(command.ciWait.timeout, .seconds(20)) : command.ciWait.timeout
        return CIWaiter(
            forge: forge, sha: order.gitSHA, contexts: try command.ci.contexts(), checkApp: command.ci.checkApp,
            allowedSkips: try command.ci.allowedSkips(), timeout: timeout, interval: command.ciWait.interval,
            interruption: interruption)
    }

    private func verification(
        _ inventory: Inventory, _ order: PromotionRequest, _ ledger: Ledger?, _ evidence: EvidenceFile?
    ) throws -> VerificationRun {
        VerificationRun(
            target: Target(service: order.service, gitSHA: order.gitSHA), inventory: inventory,
            policy: try command.policy.policy(for: inventory), check: command.policy.inventoryCheck,
            access: try command.access.access(for: inventory), concurrency: command.access.concurrency, ledger: ledger,
            destinations: command.promotion.dryRun ? [] : try command.output.destinations(beside: evidence),
            evidence: evidence, progress: command.output.progress, environment: environment, logger: command.logs.logger
        )
    }
}
