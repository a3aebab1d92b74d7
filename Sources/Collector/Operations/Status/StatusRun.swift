import CollectorSupport
import Foundation
package import Inventory
package import Ledger
package import Reports
import Shared
package import Verdict

/// A sweep that asks every host once, from its checks to its exit code. It proves nothing: a host on target is `soaking`.
package struct StatusRun: Sendable {
    let target: Target
    var inventory: Inventory
    let requestTimeout: Duration
    var access: HostCredentials
    let concurrency: Int?
    /// nil with `--store none`. Only read, unless ``records``.
    let ledger: Ledger?
    /// True if the ledger keeps the sweep.
    package var records = false
    let destinations: [ReportDestination]
    /// As in ``VerificationRun``.
    let learner: DigestResolver?
    /// Also reads the tag that `--image` names.
    let drift: DriftReader?
    /// True if the exit code reflects the result, as in ``SweepRules/conclude(isGating:)``. Drift counts like a host that
    /// serves another build.
    let isGating: Bool
    let progress: ProgressMode
    let environment: [String: String]

    package init(
        target: Target, inventory: Inventory, requestTimeout: Duration, access: HostCredentials,
        concurrency: Int? = nil,
        ledger: Ledger? = nil, destinations: [ReportDestination], learner: DigestResolver? = nil,
        drift: DriftReader? = nil, isGating: Bool = false, progress: ProgressMode = .none,
        environment: [String: String] = [:]
    ) {
        self.target = target
        self.inventory = inventory
        self.requestTimeout = requestTimeout
        self.access = access
        self.concurrency = concurrency
        self.ledger = ledger
        self.destinations = destinations
        self.learner = learner
        self.drift = drift
        self.isGating = isGating
        self.progress = progress
        self.environment = environment
    }

    package func run() async throws -> Int32 {
        let report = try await sweep()
        try await destinations.deliver(report)
        if destinations.isEmpty {
            let output = Terminal.standardOutput
            output.write(TextReport(report: report, layout: output.layout).render())
        }
        if records { try await record(report) }
        return report.exitCode
    }

    private func sweep() async throws -> Report {
        let signals = await RunSignals.caught()
        let startedAt = Date()
        let promotions = try await ledger?.promotions(of: target.deployed) ?? []
        let target = completed(promotions)
        let sweep = Verification(
            sweeping: inventory.hosts, for: target, requestTimeout: requestTimeout, promotions: promotions,
            learnsImages: learner != nil)
        let mismatch = InventoryCheck.mismatch(
            of: inventory.selector, hosts: inventory.hosts, listed: inventory.listed)
        if let mismatch {
            return VerificationOutcome(
                verification: sweep,
                conclusion: Conclusion(
                    verdict: mismatch.verdict, exitCode: mismatch.verdict.exitCode, reasons: [mismatch], at: .zero),
                context: context(startedAt, .zero)
            ).report()
        }
        let swept = try await FleetSweep(
            hosts: inventory.hosts, credentials: { [access] in access[$0] }, concurrency: concurrency, learner: learner
        ).run(
            sweep, signals: signals,
            observers: [progress.observer(on: .standardError, environment: environment)].compactMap { $0 })
        let (ended, duration, certificates) = (swept.verification, swept.duration, swept.certificates)
        let conclusion = ended.conclusion ?? SweepRules(ended, at: duration).conclude(isGating: isGating)
        var context = context(startedAt, duration)
        context.notes += [try await ledger?.environmentWarning(for: target)].compactMap { $0 }
        context.notes += [certificates.warning(now: Date(), names: inventory.hosts.map(\.name))].compactMap { $0 }
        let outcome = VerificationOutcome(verification: ended, conclusion: conclusion, context: context)
        guard let drift else { return outcome.report() }
        return outcome.adding(
            try await drift.drift(from: outcome.report(), promotions: promotions, now: Date()), isGating: isGating
        ).report()
    }

    /// Keeps a sweep in the ledger. One that did not ask every host is not kept: the rest would look silent.
    private func record(_ report: Report) async throws(LedgerError) {
        guard let ledger, !report.verdict.isRefusal, report.verdict != .interrupted else { return }
        _ = try await ledger.record(status: report)
    }

    func context(_ startedAt: Date, _ duration: Duration) -> ReportBuilder.Context {
        ReportBuilder.Context(
            id: RunID.make(at: startedAt), startedAt: startedAt,
            finishedAt: startedAt.addingTimeInterval(duration.seconds), inventorySource: inventory.source,
            inventoryHash: inventory.hash, selected: inventory.selected ?? [], listed: inventory.listedWhereSelected,
            warnings: inventory.warnings + access.warnings(for: inventory.hosts), isSweep: true)
    }

    /// The target; without one, the ledger's last promotion.
    func completed(_ promotions: [Promotion]) -> Target {
        var target = target
        if target.gitSHA == nil, target.digest == nil, let last = promotions.last {
            target.gitSHA = last.gitSHA
            target.digest = last.digest
            target.generation = last.generation
        } else {
            target.generation = promotions.last { $0.gitSHA == target.gitSHA && $0.digest == target.digest }?.generation
        }
        return target
    }
}

extension VerificationOutcome {
    /// The outcome with its drift. If it gates, drift ends with 10, because the deployed build is not the promoted one.
    func adding(_ drift: Drift, isGating: Bool) -> VerificationOutcome {
        var conclusion = conclusion
        if isGating, conclusion.exitCode == 0,
            let finding = drift.findings.first(where: { $0.kind != .unpromoted })
        {
            let reason = Reason(verdict: .stragglers, code: .drift, hosts: 0, message: "drift: \(finding.message)")
            conclusion = Conclusion(
                verdict: reason.verdict, exitCode: reason.verdict.exitCode,
                reasons: [reason] + conclusion.reasons.filter { $0.verdict != .inconclusive }, at: conclusion.at)
        }
        var context = context
        context.drift = drift
        return VerificationOutcome(verification: verification, conclusion: conclusion, context: context)
    }
}
