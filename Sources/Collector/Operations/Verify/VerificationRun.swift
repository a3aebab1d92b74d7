package import CollectorSupport
package import Evidence
package import Foundation
import Glibc
package import Inventory
package import Ledger
package import Logging
package import Reports
import Shared
import Transfer
package import Verdict

/// A verification from the checks of its inventory to its published report.
///
/// ``run()`` does all of it. A promotion takes two steps, because it may roll back in between: ``verify()`` ends with the
/// recorded verdict, and ``publish(_:promotion:notes:)`` builds the final report and delivers it.
package struct VerificationRun: Sendable {
    package var target: Target
    package let inventory: Inventory
    let policy: Policy
    let check: InventoryCheck
    let access: HostCredentials
    let concurrency: Int?
    /// nil with `--store none`.
    let ledger: Ledger?
    package private(set) var destinations: [ReportDestination]
    private(set) var evidence: EvidenceFile?
    /// Asks the registry about other digests that hosts serve; nil if the target's image does not come from a registry.
    var learner: DigestResolver?
    /// Watches the tag that the target's image comes from; nil if it does not come from a tag.
    var tag: TagWatch?
    let progress: ProgressMode
    let environment: [String: String]
    let logger: Logger
    let terminal: Terminal
    /// True if the process ends after ``run()``, so that what it holds need not be released.
    package var endsProcess = false
    /// The stream for the final table, unless a report is written to it.
    let output: Terminal
    /// The id of the verification; nil to make one.
    package var id: String?
    /// The process's transfers; nil for clients of its own.
    package var pool: TransferPool?
    /// Watches the verification besides the progress, the ledger and the evidence.
    package var observer: (any SessionObserver)?
    /// The service that verifies, so that this process only follows; nil to ask the hosts from here.
    package var remote: RemoteVerification?
    /// True to end with 0 if a newer promotion took over; only for a remote verification, whose policy is the service's.
    package var acceptsSuccessor = false
    /// What moved the tag to the target, where no ledger's journal says it; nil if nothing is known.
    package var change: JournalEntry.Kind?

    package init(
        target: Target, inventory: Inventory, policy: Policy, check: InventoryCheck, access: HostCredentials,
        concurrency: Int? = nil, ledger: Ledger? = nil, destinations: [ReportDestination],
        evidence: EvidenceFile? = nil, learner: DigestResolver? = nil, tag: TagWatch? = nil, progress: ProgressMode,
        environment: [String: String], logger: Logger, terminal: Terminal = .standardError,
        output: Terminal = .standardError
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
        self.output = output
    }

    /// Records the verification in an evidence file.
    package mutating func record(in evidence: EvidenceFile) { self.evidence = evidence }

    /// Watches the tag of the target's image, and looks up other digests that hosts serve.
    package mutating func watch(_ image: ImageSource) {
        learner = image.learner
        tag = image.watch
    }

    /// A copy without reports and evidence, for the verification after a rollback.
    var withoutOutput: VerificationRun {
        var copy = self
        (copy.destinations, copy.evidence) = ([], nil)
        return copy
    }

    /// - Returns: the report, written to every destination; its exit code is the verdict's.
    /// - Throws: if nothing could be verified, or a report could not be written.
    package func run() async throws -> Report {
        let signals = await RunSignals.caught()
        defer { withExtendedLifetime(signals) {} }
        return try await observe(.signals(signals)) { outcome in
            if endsProcess { UntilExit.keep(outcome.verification) }
            let report = try await publish(outcome, showsText: true)
            if endsProcess { UntilExit.keep(report) }
            return report
        }
    }

    /// As ``run()``, in a process with signals of its own.
    ///
    /// - Parameter interruptions: numbers of signals; the first one ends the verification as that signal would.
    package func run(until interruptions: AsyncStream<Int32>) async throws -> Report {
        let watch = SessionWatch { yield in
            for await number in interruptions { yield(.signal(number)) }
        }
        return try await observe(watch) { try await publish($0, showsText: false) }
    }

    // MARK: - Verify

    /// Polls the fleet until the verdict, and records it in the evidence and the ledger.
    func verify() async throws -> VerificationOutcome {
        try await observe(.signals(await RunSignals.caught())) { outcome in
            guard let problem = await record(outcome.report()) else { return outcome }
            return outcome.noting(problem)
        }
    }

    /// Polls the fleet until the verdict, and records it in the evidence.
    ///
    /// - Parameters:
    ///   - signals: trapped before anything else, so that a signal before the first request interrupts the run, too.
    ///   - use: called with the outcome, while the connections are being closed.
    private func observe<Result: Sendable>(
        _ signals: SessionWatch, _ use: (VerificationOutcome) async throws -> Result
    ) async throws -> Result {
        if let remote { return try await use(try await follow(remote, signals)) }
        let start = start()
        logger.info(
            "Verifying",
            metadata: ["verification": "\(start.verification)", "hosts": "\(inventory.hosts.count)"])
        let (refusal, previous) = try await refusal()
        if let refusal {
            let recorder = evidenceRecorder()
            recorder?.begin(start, hosts: inventory.hosts)
            recorder?.refuse(
                .init(
                    check: check, selector: inventory.selector,
                    listed: inventory.selector.isEverything ? nil : inventory.listed, lastTime: previous))
            let outcome = VerificationOutcome(
                verification: Verification(target: target, hosts: inventory.hosts, policy: policy),
                conclusion: refusal, context: context(start, duration: .zero))
            return try await use(await outcome.concluding(recorder))
        }
        if let pool {
            let lanes = pool.lanes(for: inventory.hosts.count)
            defer { pool.release(lanes) }
            let outcome = try await pool.withTransfers(on: lanes) { try await poll($0, start, signals) }
            return try await use(outcome)
        }
        // Before the ledger records anything, so that a collector that cannot send requests leaves no trace of a promotion.
        let clients = try TransferClients(
            hosts: inventory.hosts, concurrency: concurrency, keepsConnections: true)
        let outcome: VerificationOutcome
        do {
            outcome = try await poll(SessionTransfers(clients.all, endsProcess: endsProcess), start, signals)
        } catch {
            await clients.shutdown()
            throw error
        }
        async let closing: Void = clients.shutdown()
        let result = try await use(outcome)
        await closing
        return result
    }

    /// The outcome of a promotion that was interrupted before the first request: no host is known.
    func interrupted(signal: Int32, because reason: String) async throws -> VerificationOutcome {
        let start = start()
        var recorder = evidenceRecorder()
        recorder?.begin(start, hosts: inventory.hosts)
        var verification = Verification(target: target, hosts: inventory.hosts, policy: policy)
        let input = Verification.Input.signal(signal, at: .zero)
        // Not inside the optional chain: without a recorder, Swift would not evaluate its arguments.
        let actions = verification.take(input)
        recorder?.took(input, actions, by: verification)
        guard let conclusion = verification.conclusion else { throw VerificationRunError.noConclusion }
        var context = context(start, duration: .zero)
        context.notes = ["no host was asked: \(Sanitizer.singleLine(reason))"]
        return await VerificationOutcome(verification: verification, conclusion: conclusion, context: context)
            .concluding(recorder)
    }

    /// The refusal of the inventory, nil if it is accepted, and the earlier inventories that it was compared with.
    package func refusal() async throws -> (Conclusion?, InventoryCheck.Previous) {
        // The service checks its inventory.
        guard remote == nil else { return (nil, InventoryCheck.Previous(listed: nil, selected: nil)) }
        let previous = InventoryCheck.Previous(
            listed: try await ledger?.previousExpected(
                of: target.deployed, allowance: check.maximumShrinkPercent),
            selected: try await ledger?.previousSelected(
                of: target.deployed, selected: inventory.selected ?? [], allowance: check.maximumShrinkPercent))
        let refusal = check.refusal(
            of: inventory.hosts, listed: inventory.listed, selector: inventory.selector, requirements: policy.require,
            previous: previous)
        return (refusal, previous)
    }

    private func start() -> EvidenceStart {
        // To the millisecond, as reports and evidence write it.
        let milliseconds = Int64((Date().timeIntervalSince1970 * 1_000).rounded(.down))
        let startedAt = Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
        return EvidenceStart(
            verification: id ?? RunID.make(at: startedAt), collector: BuildinfoVersion.current,
            startedAt: startedAt.rfc3339,
            startedAtMilliseconds: milliseconds, target: target, policy: policy, promotions: [],
            inventory: .init(
                source: Sanitizer.singleLine(inventory.source), hash: inventory.hash, hosts: inventory.hosts.count,
                selected: inventory.selected, listed: inventory.listedWhereSelected),
            warnings: warnings, learnsImages: learner == nil ? nil : true, origin: origin(at: startedAt))
    }

    private func poll(
        _ transfers: SessionTransfers, _ initial: EvidenceStart, _ signals: SessionWatch
    ) async throws -> VerificationOutcome {
        var start = initial
        var observers = [progress.observer(on: terminal, environment: environment), observer].compactMap { $0 }
        var session = FleetSession(transfers: transfers, noncePrefix: RunID.nonce()) { access[$0] }
        session.watches = [signals]
        session.learner = learner
        let certificates = CertificateExpiries()
        session.certificates = certificates
        var ledgerRecorder: LedgerRecorder?
        if let ledger {
            let begun = try await ledger.begin(
                VerificationRecord(
                    id: start.verification, startedAt: start.date, target: target, policy: policy, inventory: inventory)
            )
            start.target.generation = begun.generation
            start.promotions = begun.promotions
            if let own = start.promotions.firstIndex(where: { $0.generation == begun.generation }),
                start.promotions[own].change == nil
            {
                start.promotions[own].change = change
            }
            start.warnings += [try await ledger.environmentWarning(for: target)].compactMap { $0 }
            let recorder = LedgerRecorder(ledger: ledger, verification: begun.verification)
            observers.append(recorder)
            session.watches.append(
                .promotions(of: target.deployed, in: ledger, known: begun.promotions, logger: logger))
            ledgerRecorder = recorder
        }
        if var tag, let digest = target.digest {
            tag.earlier.formUnion(
                start.promotions.filter { $0.generation < start.target.generation ?? 0 }.compactMap(\.digest))
            let trigger = TagReadTrigger()
            session.tagTrigger = trigger
            session.watches.append(tag.watch(promoted: digest, trigger: trigger, logger: logger))
            start.watchesTag = true
        }
        session.watches.append(.inventory(inventory, logger: logger))
        let evidenceRecorder = evidenceRecorder()
        evidenceRecorder?.begin(start, hosts: inventory.hosts)
        if let evidenceRecorder { observers.append(evidenceRecorder) }
        let begun = start
        let (ended, duration) = await polling(session, observers) {
            Verification(
                target: begun.target, hosts: inventory.hosts, policy: policy, promotions: begun.promotions,
                learnsImages: learner != nil, watchesTag: begun.watchesTag ?? false)
        }
        // Closing thousands of connections takes as long as a report.
        transfers.stop()
        guard let conclusion = ended.conclusion else { throw VerificationRunError.noConclusion }
        var context = context(start, duration: duration)
        // Beside the last writes to ledger and evidence: with 100,000 hosts, each of the three takes a good part of a second.
        let builder = ReportBuilder(verification: ended, context: context)
        async let rows = builder.rows(at: conclusion.at)
        if let problem = await ledgerRecorder?.end() {
            context.notes.append("the ledger lacks changes of this verification: \(problem)")
        }
        if let lost = ledgerRecorder?.lost, lost > 0 {
            context.notes.append(
                "the ledger lacks \(lost) changes of hosts that changed very often: its disk is too slow for them")
        }
        context.notes += [certificates.warning(now: Date(), names: inventory.hosts.map(\.name))].compactMap { $0 }
        context.notes += [ended.paceNote, ended.suspensionNote].compactMap { $0 }
        var outcome = VerificationOutcome(verification: ended, conclusion: conclusion, context: context)
        outcome = await outcome.concluding(evidenceRecorder)
        outcome.rows = PreparedRows(await rows)
        return outcome
    }

    /// Polls until the verdict. In a pipeline, the plain progress is folded.
    private func polling(
        _ session: FleetSession, _ observers: [any SessionObserver], _ initial: () -> Verification
    ) async -> (Verification, Duration) {
        await grouping("on \(inventory.hosts.count.hostCount)") { await session.run(initial(), observers: observers) }
    }

    func grouping<Value>(_ place: String, _ work: () async throws -> Value) async rethrows -> Value {
        guard progress.style(on: terminal, environment: environment) == .plain,
            let pipeline = Pipeline(environment: environment, terminal: terminal)
        else { return try await work() }
        let build = target.gitSHA?.short ?? target.digest?.short ?? target.image ?? "the target"
        return try await pipeline.grouping("Verifying \(build) \(place)", work)
    }

    private func context(_ start: EvidenceStart, duration: Duration) -> ReportBuilder.Context {
        var context = ReportBuilder.Context(
            id: start.verification, startedAt: start.date,
            finishedAt: start.date.addingTimeInterval(duration.seconds), inventorySource: inventory.source,
            inventoryHash: inventory.hash, selected: inventory.selected ?? [], listed: inventory.listedWhereSelected,
            warnings: start.warnings)
        context.origin = start.origin
        return context
    }

    func origin(at start: Date, _ promotion: PromotionRecord? = nil) -> ReportOrigin {
        PipelineOrigin(environment).origin(
            of: target.gitSHA, former: promotion?.formerGitSHA, isBack: promotion?.kind == .rollback, at: start)
    }

    private var warnings: [String] {
        inventory.warnings + access.warnings(for: inventory.hosts)
            + policy.warnings
    }

    private func evidenceRecorder() -> EvidenceRecorder? {
        evidence.map { EvidenceRecorder(file: $0, hosts: inventory.hosts.count) }
    }

    // MARK: - Record and publish

    /// Records a report in the ledger.
    ///
    /// - Returns: a warning if that failed. The verdict rests on what was seen: a gap in the history must be reported, and must
    ///   not change the verdict.
    private func record(_ report: Report) async -> String? {
        guard let ledger else { return nil }
        do {
            if remote == nil {
                try await ledger.finish(report)
            } else {
                var own = report
                // The service counts its own promotions.
                own.target.generation = target.generation
                try await ledger.adopt(own)
            }
            return nil
        } catch {
            return "cannot record this verification in the ledger: \(error)"
        }
    }

    /// Delivers the report of a verification that belongs to a promotion, and records it once more with that promotion.
    ///
    /// - Parameters:
    ///   - promotion: nil if nothing is known of the tag.
    ///   - notes: warnings about the promotion, one line each.
    ///   - showsText: false if the terminal has already shown everything.
    func publish(
        _ outcome: VerificationOutcome, promotion: PromotionRecord?, notes: [String] = [], showsText: Bool = true
    ) async throws -> Report {
        var outcome = outcome
        outcome.context.promotion = promotion
        outcome.context.origin = origin(at: outcome.context.startedAt, promotion)
        outcome.context.closingNotes += notes
        return try await publish(outcome, showsText: showsText)
    }

    /// Records the report, and delivers it. The files are written while the ledger records, and take their place afterwards.
    private func publish(_ outcome: VerificationOutcome, showsText: Bool) async throws -> Report {
        let built = outcome.report()
        async let recording = record(built)
        var report = built
        var staged = await destinations.staged(report)
        if let problem = await recording {
            staged.discard()
            report.warnings.append(problem)
            staged = await destinations.staged(report)
        }
        var failure: ReportWriteError?
        do throws(ReportWriteError) {
            try staged.finish()
            try requireEvidence(of: report)
        } catch {
            failure = error
        }
        if showsText {
            do throws(ReportWriteError) { try show(report) } catch { failure = failure ?? error }
        }
        let pipeline = Pipeline(environment: environment, terminal: terminal)
        guard let failure else {
            pipeline?.publish(report)
            return report
        }
        // The pipeline shows the exit code that the process ends with.
        var ending = report
        ending.exitCode = failure.exitCode
        ending.warnings.append("\(failure)")
        pipeline?.publish(ending)
        throw failure
    }

    /// Writes the final table: to ``output`` if no report goes there; else beside the progress, if any is wanted.
    ///
    /// - Throws: if standard output could not take it. Nothing else tells a script that its log is incomplete.
    private func show(_ report: Report) throws(ReportWriteError) {
        guard !destinations.contains(where: \.isTextOnTerminal) else { return }
        let isTaken = destinations.contains(where: \.isStandardOutput) || evidence?.isStandardOutput == true
        let isResult = output.descriptor == Terminal.standardOutput.descriptor && !isTaken
        guard isResult || progress != .none else { return }
        let stream = isResult ? output : terminal
        guard stream.isWritable, !stream.write(TextReport(report: report, layout: stream.layout).render()),
            errno != EPIPE,
            isResult
        else { return }
        throw ReportWriteError(
            report: report,
            error: ReportDestinationError.unwritable("standard output", reason: Terminal.reason(errno)))
    }

    private func requireEvidence(of report: Report) throws(ReportWriteError) {
        guard let evidence, report.evidence == nil else { return }
        throw ReportWriteError(report: report, error: EvidenceError.incomplete(evidence.path))
    }
}

extension Policy {
    /// Times that do not fit together: no mistake in every fleet, so the run goes on.
    var warnings: [String] {
        var warnings: [String] = []
        if soak >= timeout { warnings.append("--soak \(soak.brief) does not fit into --timeout \(timeout.brief)") }
        if interval * (failAfter - 1) >= timeout {
            warnings.append(
                "--fail-after \(failAfter) at --interval \(interval.brief) takes longer than --timeout \(timeout.brief): a "
                    + "failed deploy could not be recognised in time")
        }
        if stall < interval {
            warnings.append(
                "--stall \(stall.brief) is shorter than --interval \(interval.brief): a host that was behind at first is not "
                    + "asked again before it")
        }
        return warnings
    }
}

/// A failure that points to a mistake in this program.
enum VerificationRunError: ExitCoded {
    case noConclusion

    var exitStatus: ExitStatus { .failure }

    var description: String {
        switch self {
        case .noConclusion: "the verification ended without a verdict: this is a bug in buildinfo-collector"
        }
    }
}

/// Ids and nonces of runs.
package enum RunID {
    /// A unique id that sorts by time: `20260131T120000-1f2e3d4c`.
    package static func make(at date: Date) -> String {
        let style = Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted)
        let time = date.formatted(style).filter { $0 != "Z" }
        return "\(time)-\(Hexadecimal.encode([UInt8].random(4)))"
    }

    /// True for text of the form that ``make(at:)`` gives.
    package static func isValid(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let digits = parts.first?.split(separator: "T", omittingEmptySubsequences: false) ?? []
        return parts.count == 2 && digits.map(\.utf8.count) == [8, 6]
            && digits.allSatisfy { $0.utf8.allSatisfy(\.isASCIIDigit) }
            && parts[1].utf8.count == 8 && parts[1].allSatisfy { $0.isASCII && $0.isHexDigit }
    }

    /// 128 random bits.
    package static func nonce() -> String { Hexadecimal.encode([UInt8].random(16)) }
}

extension EvidenceStart {
    fileprivate var date: Date { Date(timeIntervalSince1970: Double(startedAtMilliseconds) / 1_000) }
}

extension ReportDestination {
    /// True if the report appears as text on standard output anyway.
    fileprivate var isTextOnTerminal: Bool { format == .text && isStandardOutput }
}

extension VerificationRecord {
    package init(id: String, startedAt: Date, target: Target, policy: Policy, inventory: Inventory) {
        self.init(
            id: id, startedAt: startedAt.rfc3339,
            target: Report.PromotedTarget(
                service: target.service, environment: target.environment, gitSHA: target.gitSHA, digest: target.digest,
                image: target.image, generation: target.generation, equivalentDigests: []),
            policy: Report.PolicySummary(policy),
            inventory: Report.InventorySummary(
                source: Sanitizer.singleLine(inventory.source), hash: inventory.hash, expected: inventory.hosts.count,
                listed: inventory.listedWhereSelected, selected: inventory.selected),
            hosts: inventory.hosts)
    }
}

extension Verification {
    /// A note if the collector did not run all the time.
    fileprivate var suspensionNote: String? {
        guard suspensions.count > 0 else { return nil }
        let times = suspensions.count == 1 ? "" : " \(suspensions.count) times,"
        return
            "the collector was suspended\(times) for \(suspensions.total.brief)\(times.isEmpty ? "" : " in all"): requests that "
            + "were under way were sent again, and a soak began again where the last answer was no longer fresh"
    }

    /// A note if hosts were queried less often than was wanted.
    fileprivate var paceNote: String? {
        guard longestInterval > policy.interval else { return nil }
        let freshness = longestInterval * 3
        return
            "each host was asked every \(longestInterval.brief) instead of every \(policy.interval.brief), as fast as "
            + "this machine can ask \(tracks.count.hostCount); an answer counted as fresh for \(freshness.brief)"
    }
}
