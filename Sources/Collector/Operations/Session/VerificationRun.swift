package import CollectorSupport
package import Evidence
import Foundation
package import Inventory
package import Ledger
package import Logging
package import Reports
import Shared
import Transfer
import UnixSignals
package import Verdict

/// One verification from its plan to its exit code: checks, polling, ledger, reports.
package struct VerificationRun: Sendable {
    package var target: Target
    package var inventory: Inventory
    package var policy: Policy
    package var check: InventoryCheck
    package var access: HostCredentials
    package var concurrency: Int?
    /// nil for `--store none`.
    package var ledger: Ledger?
    package var destinations: [ReportDestination]
    package var evidence: EvidenceFile?
    /// Where the target's image comes from a registry: asks it about other digests that hosts serve.
    package var learner: DigestResolver?
    /// Where the target's image comes from a tag: looks whether it stays what was promoted.
    package var tag: TagWatch?
    package var progress: ProgressMode
    package var environment: [String: String]
    package var logger: Logger
    package var terminal = Terminal.standardError
    /// What is done once the verdict is known, before anybody is told: it may add to the report, and changes no verdict.
    var afterwards: (@Sendable (Report) async -> Report)?
    /// Whether the terminal and the pipeline that it runs in are told of the report.
    var isPublished = true

    package init(
        target: Target, inventory: Inventory, policy: Policy, check: InventoryCheck, access: HostCredentials,
        concurrency: Int? = nil, ledger: Ledger? = nil, destinations: [ReportDestination],
        evidence: EvidenceFile? = nil, learner: DigestResolver? = nil, tag: TagWatch? = nil, progress: ProgressMode,
        environment: [String: String], logger: Logger, terminal: Terminal = Terminal.standardError,
        afterwards: (@Sendable (Report) async -> Report)? = nil, isPublished: Bool = true
    ) {
        self.target = target
        self.inventory = inventory
        self.policy = policy
        self.check = check
        self.access = access
        self.concurrency = concurrency
        self.ledger = ledger
        self.destinations = destinations
        self.evidence = evidence
        self.learner = learner
        self.tag = tag
        self.progress = progress
        self.environment = environment
        self.logger = logger
        self.terminal = terminal
        self.afterwards = afterwards
        self.isPublished = isPublished
    }

    /// - Returns: the report, which is written everywhere by then; its exit code is the verdict's.
    /// - Throws: where nothing could be verified, or a report could not be written.
    package func run() async throws -> Report {
        let report = try await destinations.deliver {
            let report = try await verify()
            return await afterwards?(report) ?? report
        }
        if isPublished, progress != .none, !destinations.contains(where: \.isTextOnTerminal) {
            terminal.write(TextReport(report: report).render())
        }
        if isPublished { Pipeline(environment: environment, terminal: terminal)?.publish(report) }
        try requireEvidence(of: report)
        return report
    }

    /// The report of a promotion that somebody interrupted before the fleet was asked: what is known, and no more. Evidence
    /// and ledger have it, too.
    func unasked(
        signal: Int32, because text: String, _ complete: @Sendable (inout Report) -> Void
    ) async throws -> Report {
        let report = try await destinations.deliver {
            let (run, startedAt) = start()
            var recorder = evidence.map(EvidenceRecorder.init)
            recorder?.begin(run, hosts: inventory.hosts)
            var verification = Verification(target: target, hosts: inventory.hosts, policy: policy)
            let input = Verification.Input.signal(signal, at: .zero)
            let actions = verification.take(input)
            recorder?.took(input, actions, by: verification)
            guard let conclusion = verification.conclusion else { throw SessionError.noConclusion }
            var context = context(id: run.verification, startedAt: startedAt, duration: .zero)
            context.notes = ["no host was asked: \(Sanitizer.singleLine(text))"]
            var report = await self.report(verification, conclusion, context, recorder)
            complete(&report)
            return await recorded(report)
        }
        if isPublished { Pipeline(environment: environment, terminal: terminal)?.publish(report) }
        try requireEvidence(of: report)
        return report
    }

    private func requireEvidence(of report: Report) throws {
        guard let evidence, report.evidence == nil else { return }
        throw ReportWriteError(report: report, error: EvidenceError.incomplete(evidence.path))
    }

    /// What is known at the beginning.
    private func start() -> (EvidenceStart, at: Date) {
        // To the millisecond, as reports and evidence write it.
        let milliseconds = Int64((Date().timeIntervalSince1970 * 1_000).rounded(.down))
        let startedAt = Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
        let run = EvidenceStart(
            verification: RunID.make(at: startedAt), collector: BuildinfoVersion.current, startedAt: startedAt.rfc3339,
            startedAtMilliseconds: milliseconds, target: target, policy: policy, promotions: [],
            inventory: .init(
                source: Sanitizer.singleLine(inventory.source), hash: inventory.hash, hosts: inventory.hosts.count,
                selected: inventory.selected, listed: inventory.listedWhereSelected),
            warnings: warnings, learnsImages: learner == nil ? nil : true)
        return (run, startedAt)
    }

    private func verify() async throws -> Report {
        // Before anything else, so that an interruption that comes before the first host is asked is one, too.
        let signals = await EndingSignals.caught()
        let (run, startedAt) = start()
        let id = run.verification
        logger.info(
            "Verifying", metadata: ["verification": "\(id)", "hosts": "\(inventory.hosts.count)"])
        let (refusal, previous) = try await refusal()
        if let refusal {
            let recorder = evidence.map(EvidenceRecorder.init)
            recorder?.begin(run, hosts: inventory.hosts)
            recorder?.refuse(
                .init(
                    check: check, selector: inventory.selector,
                    listed: inventory.selector.isEverything ? nil : inventory.listed, lastTime: previous))
            let verification = Verification(target: target, hosts: inventory.hosts, policy: policy)
            let context = context(id: id, startedAt: startedAt, duration: .zero)
            return await recorded(await report(verification, refusal, context, recorder))
        }
        // Before the ledger learns of anything, so that a collector that cannot ask leaves no trace of a promotion.
        let engines = try TransferClients.make(
            hosts: inventory.hosts.count, concurrency: concurrency, keepsConnections: true)
        do {
            let report = try await poll(engines, run, signals, startedAt: startedAt)
            await TransferClients.shutdown(engines)
            return report
        } catch {
            await TransferClients.shutdown(engines)
            throw error
        }
    }

    /// Why the inventory will not do, if it will not; and what it was held against.
    package func refusal() async throws -> (Conclusion?, InventoryCheck.Previous) {
        let previous = InventoryCheck.Previous(
            listed: try await ledger?.previousExpected(
                service: target.service, allowance: check.maximumShrinkPercent),
            selected: try await ledger?.previousSelected(
                service: target.service, selected: inventory.selected ?? [], allowance: check.maximumShrinkPercent))
        let refusal = check.refusal(
            of: inventory.hosts, listed: inventory.listed, selector: inventory.selector, requirements: policy.require,
            previous: previous)
        return (refusal, previous)
    }

    private func poll(
        _ engines: [TransferClient], _ run: EvidenceStart, _ signals: UnixSignalsSequence, startedAt: Date
    ) async throws -> Report {
        var run = run
        var observers = [progress.observer(on: terminal, environment: environment)].compactMap { $0 }
        var session = FleetSession(engines: engines, noncePrefix: RunID.nonce()) { access[$0] }
        session.watches = [SignalWatch.watch(signals)]
        session.learner = learner
        let certificates = CertificateEnds()
        session.certificates = certificates
        var recorder: LedgerRecorder?
        if let ledger {
            let start = try await ledger.begin(
                VerificationRecord(
                    id: run.verification, startedAt: startedAt, target: target, policy: policy, inventory: inventory))
            run.target.generation = start.generation
            run.promotions = start.promotions
            let made = LedgerRecorder(ledger: ledger, verification: start.verification)
            observers.append(made)
            session.watches.append(
                PromotionWatch.watch(ledger, service: target.service, known: start.promotions, logger: logger))
            recorder = made
        }
        if var tag, let digest = target.digest {
            tag.earlier.formUnion(
                run.promotions.filter { $0.generation < run.target.generation ?? 0 }.compactMap(\.digest))
            let bell = TagChangeSignal()
            session.bell = bell
            session.watches.append(tag.watch(promoted: digest, bell: bell, logger: logger))
            run.watchesTag = true
        }
        session.watches.append(InventoryPoller.watch(inventory, logger: logger))
        let witness = evidence.map(EvidenceRecorder.init)
        witness?.begin(run, hosts: inventory.hosts)
        if let witness { observers.append(witness) }
        let verification = Verification(
            target: run.target, hosts: inventory.hosts, policy: policy, promotions: run.promotions,
            learnsImages: learner != nil, watchesTag: run.watchesTag ?? false)
        let (ended, duration) = await session.run(verification, observers: observers)
        guard let conclusion = ended.conclusion else { throw SessionError.noConclusion }
        var context = context(id: run.verification, startedAt: startedAt, duration: duration)
        if let trouble = await recorder?.drain() {
            context.notes.append("the ledger lacks changes of this verification: \(trouble)")
        }
        context.notes += [certificates.warning(now: Date(), names: inventory.hosts.map(\.name))].compactMap { $0 }
        return await recorded(await report(ended, conclusion, context, witness))
    }

    /// The report, which the ledger has then, if any is kept; it says so where that failed.
    private func recorded(_ report: Report) async -> Report {
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

    /// The report, with the hash of the evidence that it rests on, if any is kept.
    private func report(
        _ verification: Verification, _ conclusion: Conclusion, _ context: ReportBuilder.Context,
        _ recorder: EvidenceRecorder?
    ) async -> Report {
        var report = ReportBuilder(verification: verification, context: context).build(conclusion)
        guard let recorder else { return report }
        do {
            report.evidence = .init(hash: try await recorder.conclude(conclusion, notes: context.notes))
        } catch {
            // The verdict stands on what was seen; run() ends with the code of a report that was not written.
            report.warnings.append("there is no whole evidence of this verification: \(error)")
        }
        return report
    }

    private func context(id: String, startedAt: Date, duration: Duration) -> ReportBuilder.Context {
        ReportBuilder.Context(
            id: id, startedAt: startedAt, finishedAt: startedAt.addingTimeInterval(duration.seconds),
            inventorySource: inventory.source, inventoryHash: inventory.hash, selected: inventory.selected ?? [],
            listed: inventory.listedWhereSelected, warnings: warnings)
    }

    private var warnings: [String] {
        inventory.warnings + access.warnings(for: inventory.hosts)
            + (policy.soak >= policy.timeout
                ? ["--soak \(policy.soak.brief) does not fit into --timeout \(policy.timeout.brief)"] : [])
    }
}

/// What cannot happen, and is said if it does.
enum SessionError: ExitCoded {
    case noConclusion

    var exitStatus: ExitStatus { .failure }

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
