import Foundation
import Logging
import Shared

/// One verification from its plan to its exit code: checks, polling, ledger, reports.
struct VerificationRun: Sendable {
    var target: Target
    var inventory: Inventory
    var policy: Policy
    var check: InventoryCheck
    var access: TransferAccess
    var concurrency: Int?
    /// nil for `--store none`.
    var ledger: Ledger?
    var destinations: [ReportDestination]
    var progress: ProgressMode
    var environment: [String: String]
    var logger: Logger
    var terminal = Terminal.standardError

    /// - Returns: the verdict's exit code; the reports are written by then.
    /// - Throws: where nothing could be verified, or a report could not be written.
    func run() async throws -> Int32 {
        let report = try await destinations.deliver { try await verify() }
        if progress != .none, !destinations.contains(where: \.isTextOnTerminal) {
            terminal.write(TextReport(report: report).render())
        }
        return report.exitCode
    }

    private func verify() async throws -> Report {
        let startedAt = Date()
        let id = RunID.make(at: startedAt)
        logger.info(
            "Verifying", metadata: ["verification": "\(id)", "hosts": "\(inventory.hosts.count)"])
        let expected = inventory.hosts.count { !$0.isWaived }
        let previous = try await ledger?.previousExpected(service: target.service)
        if let refusal = check.refusal(expected: expected, listed: inventory.hosts.count, previous: previous) {
            let verification = Verification(target: target, hosts: inventory.hosts, policy: policy)
            return ReportBuilder(
                verification: verification, context: context(id: id, startedAt: startedAt)
            ).build(refusal)
        }
        // Before the ledger learns of anything, so that a collector that cannot ask leaves no trace of a promotion.
        let engines = try TransferEngines.make(
            hosts: inventory.hosts.count, concurrency: concurrency, keepsConnections: true)
        do {
            let report = try await poll(engines, id: id, startedAt: startedAt)
            await TransferEngines.shutdown(engines)
            return report
        } catch {
            await TransferEngines.shutdown(engines)
            throw error
        }
    }

    private func poll(_ engines: [TransferEngine], id: String, startedAt: Date) async throws -> Report {
        var target = target
        var promotions: [Promotion] = []
        var observers = [progress.observer(on: terminal, environment: environment)].compactMap { $0 }
        var session = FleetSession(engines: engines, noncePrefix: RunID.nonce()) { _ in access }
        session.watches = [SignalWatch.watch]
        var recorder: LedgerRecorder?
        if let ledger {
            let start = try await ledger.begin(
                LedgerRun(id: id, startedAt: startedAt, target: target, policy: policy, inventory: inventory))
            target.generation = start.generation
            promotions = start.promotions
            let made = LedgerRecorder(ledger: ledger, verification: start.verification)
            observers.append(made)
            session.watches.append(
                PromotionWatch.watch(ledger, service: target.service, known: promotions, logger: logger))
            recorder = made
        }
        session.watches.append(RelistingWatch.watch(inventory, logger: logger))
        let verification = Verification(
            target: target, hosts: inventory.hosts, policy: policy, promotions: promotions)
        let (ended, duration) = await session.run(verification, observers: observers)
        var context = context(id: id, startedAt: startedAt)
        context.finishedAt = startedAt.addingTimeInterval(duration.seconds)
        guard let conclusion = ended.conclusion else { throw SessionError.noConclusion }
        if let trouble = await recorder?.drain() {
            context.warnings.append("the ledger lacks changes of this verification: \(trouble)")
        }
        let report = ReportBuilder(verification: ended, context: context).build(conclusion)
        guard let ledger else { return report }
        do {
            try await ledger.finish(report)
        } catch {
            // The verdict stands on what was seen; that the history lacks it must be said, and must not change it.
            var marked = report
            marked.warnings.append("the ledger could not record this verification: \(error)")
            return marked
        }
        return report
    }

    private func context(id: String, startedAt: Date) -> ReportBuilder.Context {
        ReportBuilder.Context(
            id: id, startedAt: startedAt, finishedAt: Date(), inventorySource: inventory.source,
            inventoryHash: inventory.hash,
            warnings: inventory.warnings
                + (policy.soak >= policy.timeout
                    ? ["--soak \(policy.soak.brief) does not fit into --timeout \(policy.timeout.brief)"] : []))
    }
}

/// Ids and nonces of a run.
enum RunID {
    /// Sorts by time, and is unique: `20260131T120000-1f2e3d4c`.
    static func make(at date: Date) -> String {
        let style = Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted)
        let time = date.formatted(style).filter { $0 != "Z" }
        return "\(time)-\(Hexadecimal.encode(randomBytes(4)))"
    }

    /// 128 random bits.
    static func nonce() -> String { Hexadecimal.encode(randomBytes(16)) }

    private static func randomBytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in .random(in: .min ... .max) } }
}

/// What cannot happen, and is said if it does.
enum SessionError: ExitCoded {
    case noConclusion

    var exitCode: Int32 { 1 }

    var description: String {
        switch self {
        case .noConclusion: "the verification ended without a verdict: this is a mistake in buildinfo-collector"
        }
    }
}

extension ReportDestination {
    /// Whether a person at the terminal sees this report as text anyway.
    var isTextOnTerminal: Bool { format == .text && isStandardOutput }
}
