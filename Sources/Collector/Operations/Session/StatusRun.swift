import CollectorSupport
import Foundation
package import Inventory
package import Ledger
package import Reports
import Shared
package import Verdict

/// One look at every host, from its plan to its exit code. Proves nothing, and says so: a match is `soaking`.
package struct StatusRun: Sendable {
    package var target: Target
    package var inventory: Inventory
    package var requestTimeout: Duration
    package var access: HostCredentials
    package var concurrency: Int?
    /// nil for `--store none`. Only read.
    package var ledger: Ledger?
    package var destinations: [ReportDestination]
    /// As in ``VerificationRun``.
    package var learner: DigestResolver?
    /// Looks at the tag that was asked for, too.
    package var drift: DriftReader?
    /// Whether the exit code tells what was found, as ``StatusRules/conclude(isGating:)`` has it; drift counts like a host that
    /// serves something else.
    package var isGating = false
    package var progress: ProgressMode = .none
    package var environment: [String: String] = [:]

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
        let report = try await destinations.deliver { try await look() }
        if destinations.isEmpty { Terminal.standardOutput.write(TextReport(report: report).render()) }
        return report.exitCode
    }

    private func look() async throws -> Report {
        let signals = await EndingSignals.caught()
        let startedAt = Date()
        let promotions = try await ledger?.promotions(service: target.service) ?? []
        let target = completed(promotions)
        let sweep = Verification(
            sweeping: inventory.hosts, for: target, requestTimeout: requestTimeout, promotions: promotions,
            learnsImages: learner != nil)
        let mismatch = InventoryCheck.mismatch(
            of: inventory.selector, hosts: inventory.hosts, listed: inventory.listed)
        if let mismatch {
            return ReportBuilder(verification: sweep, context: context(startedAt, .zero)).build(
                Conclusion(
                    verdict: mismatch.verdict, exitCode: mismatch.verdict.exitCode, reasons: [mismatch], at: .zero))
        }
        // Each host is asked once: a kept connection would serve nobody.
        let engines = try TransferClients.make(
            hosts: inventory.hosts.count, concurrency: concurrency, keepsConnections: false)
        var session = FleetSession(engines: engines, noncePrefix: RunID.nonce()) { access[$0] }
        session.watches = [SignalWatch.watch(signals)]
        session.learner = learner
        let certificates = CertificateEnds()
        session.certificates = certificates
        session.isComplete = { verification in
            verification.isEveryHostAsked && verification.lookups.pending.isEmpty
        }
        let (ended, duration) = await session.run(
            sweep,
            observers: [progress.observer(on: .standardError, environment: environment)].compactMap { $0 })
        await TransferClients.shutdown(engines)
        let conclusion = ended.conclusion ?? StatusRules(ended, at: duration).conclude(isGating: isGating)
        var context = context(startedAt, duration)
        context.notes += [certificates.warning(now: Date(), names: inventory.hosts.map(\.name))].compactMap { $0 }
        var report = ReportBuilder(verification: ended, context: context).build(conclusion)
        report.drift = try await drift?.drift(from: report, promotions: promotions, now: Date())
        if isGating, report.exitCode == 0, let drift = report.drift, !drift.isExplained { report.fail(by: drift) }
        return report
    }

    private func context(_ startedAt: Date, _ duration: Duration) -> ReportBuilder.Context {
        ReportBuilder.Context(
            id: RunID.make(at: startedAt), startedAt: startedAt,
            finishedAt: startedAt.addingTimeInterval(duration.seconds), inventorySource: inventory.source,
            inventoryHash: inventory.hash, selected: inventory.selected ?? [], listed: inventory.listedWhereSelected,
            warnings: inventory.warnings + access.warnings(for: inventory.hosts), isSweep: true)
    }

    /// The target, from the ledger's last promotion where none was given.
    private func completed(_ promotions: [Promotion]) -> Target {
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

extension Report {
    /// Ends with 10, because what is deployed is not what was promoted.
    fileprivate mutating func fail(by drift: Drift) {
        guard let finding = drift.findings.first(where: { $0.kind != .unpromoted }) else { return }
        let reason = Reason(verdict: .stragglers, code: .drift, hosts: 0, message: "drift: \(finding.message)")
        reasons = [reason] + reasons.filter { $0.verdict != .inconclusive }
        (verdict, exitCode) = (reason.verdict, reason.verdict.exitCode)
    }
}
