import CollectorSupport
import Evidence
import Foundation
import HTTPTypes
import Inventory
import Ledger
import Logging
import Operations
import Reports
import Shared
import Synchronization
import Verdict

/// The verifications that this process runs: one state machine each, recorded in the ledger with evidence.
final class Verifications: Sendable {
    /// A verification under way.
    struct Running: Sendable {
        let deployed: DeployedService
        let monitor: VerificationMonitor
        /// The writes of evidence.
        let evidence: ChangeSignal
        let context: ReportBuilder.Context
        let interruptions: AsyncStream<Int32>.Continuation
        let ended: Task<Void, Never>

        /// What would be reported if it ended at a moment. It proves nothing.
        func report(at moment: VerificationMonitor.Moment) -> Report {
            var context = context
            context.finishedAt = context.startedAt.addingTimeInterval(moment.now.seconds)
            let reason = Reason(
                verdict: .inconclusive, code: .underWay, hosts: moment.verification.expected,
                message: "the verification is under way")
            return ReportBuilder(verification: moment.verification, context: context).build(
                Conclusion(
                    verdict: .inconclusive, exitCode: Verdict.inconclusive.exitCode, reasons: [reason], at: moment.now))
        }
    }

    /// A request with a key: the same key with the same request joins its verification.
    fileprivate struct Keyed {
        let key: String
        let request: VerificationRequest
        let id: String
    }

    fileprivate struct State {
        var running: [String: Running] = [:]
        /// The latest keys, oldest first.
        var keyed: [Keyed] = []
        /// The latest verifications that ended with an error, and without a report: the ledger may not know them.
        var failures: [(id: String, reason: String)] = []
        var isDraining = false
    }

    let counters = VerificationCounters()
    private let state = Mutex(State())
    private let ledger: Ledger
    private let pool: TransferPool
    let evidenceFolder: String
    private let logger: Logger

    /// The most verifications at once. Each holds its fleet's answers.
    private static let limit = 64
    private static let keptKeys = 10_000
    private static let keptFailures = 1_000

    /// - Parameter evidenceFolder: created when it is needed.
    init(ledger: Ledger, pool: TransferPool, evidenceFolder: String, logger: Logger) {
        self.ledger = ledger
        self.pool = pool
        self.evidenceFolder = evidenceFolder
        self.logger = logger
    }

    /// Those that run now, by their ids.
    var underWay: [String: Running] { state.withLock(\.running) }

    func running(_ id: String) -> Running? { state.withLock { $0.running[id] } }

    /// Why a verification ended without a report; nil if it did not.
    func failure(of id: String) -> String? { state.withLock { $0.failures.last { $0.id == id }?.reason } }

    /// The report in the ledger.
    ///
    /// - Returns: nil while another process runs the verification.
    /// - Throws: ``Problem`` for an id that the ledger does not have.
    func recorded(_ id: String, now: Date) async throws -> Report? {
        do throws(LedgerError) {
            return try await ledger.report(id, now: now)
        } catch {
            switch error {
            case .stillRunning: return nil
            case .unknownVerification, .ambiguous:
                if let failure = failure(of: id) {
                    throw Problem(
                        .internalServerError, "the verification failed: \(failure)",
                        remedy: "check the service's log")
                }
                throw Problem.notFound(
                    "the ledger has no verification '\(Sanitizer.singleLine(id, limit: 80))'",
                    remedy: "look up the id in the list of promotions")
            default: throw error
            }
        }
    }

    func evidencePath(_ id: String) -> String { "\(evidenceFolder)/\(id).ndjson" }

    /// Starts a verification, or joins the one that has this key.
    ///
    /// - Returns: its id, once the ledger has its beginning, so that a kill does not lose it; and true if it is new.
    /// - Throws: ``Problem``; 409 for another request with the same key.
    func start(
        _ request: VerificationRequest, key: String, on entry: ServiceModel.Entry
    ) async throws -> (id: String, isNew: Bool) {
        let (id, isNew) = try await submit(request, key: key, on: entry)
        guard let monitor = running(id)?.monitor else {
            if isNew, let reason = failure(of: id) { throw Self.notBegun(reason) }
            return (id, isNew)
        }
        if !(await monitor.begin()) {
            if let reason = failure(of: id) { throw Self.notBegun(reason) }
            // An inventory that was refused has its report already.
            if interrupt(id) { throw Self.notBegun("the ledger did not record its start in time") }
        }
        return (id, isNew)
    }

    private static func notBegun(_ reason: String) -> Problem {
        Problem(
            .serviceUnavailable, "the verification did not start: \(reason)",
            remedy: "check the service's log, and send the request again")
    }

    private func submit(
        _ request: VerificationRequest, key: String, on entry: ServiceModel.Entry
    ) async throws -> (id: String, isNew: Bool) {
        if let known = try state.withLock({ try $0.joined(key, request) }) { return (known, false) }
        // From before a restart.
        if let known = try await ledger.request(key: key) {
            guard known.request == request.fingerprint else { throw State.conflict }
            return (known.verification, false)
        }
        let startedAt = Date()
        let id = RunID.make(at: startedAt)
        let (asked, image) = try await run(of: request, on: entry)
        var run = asked
        let inventory = run.inventory
        var evidence = try evidenceFile(id)
        let written = ChangeSignal()
        evidence.onWrite = { written.advance() }
        run.record(in: evidence)
        let monitor = VerificationMonitor()
        (run.id, run.pool, run.observer) = (id, pool, monitor.observer)
        let (interruptions, interrupt) = AsyncStream.makeStream(of: Int32.self)
        let context = ReportBuilder.Context(
            id: id, startedAt: startedAt, finishedAt: startedAt, inventorySource: inventory.source,
            inventoryHash: inventory.hash, selected: inventory.selected ?? [], listed: inventory.listedWhereSelected,
            warnings: inventory.warnings)
        // Under the lock, so that of two requests with one key only the first one starts.
        let started: (id: String, isNew: Bool) = try state.withLock { [run, evidence] state in
            if let known = try state.joined(key, request) {
                evidence.removeIfEmpty()
                return (known, false)
            }
            guard !state.isDraining, state.running.count < Self.limit else {
                evidence.removeIfEmpty()
                throw state.isDraining
                    ? Self.draining
                    : Problem(
                        .serviceUnavailable, "\(Self.limit) verifications are under way", remedy: "try again later",
                        headers: [.retryAfter: "10"])
            }
            let ended = Task {
                await self.perform(run, of: image, id: id, evidence: evidence, monitor: monitor, until: interruptions)
                monitor.end()
                written.end()
            }
            state.running[id] = Running(
                deployed: request.deployed, monitor: monitor, evidence: written, context: context,
                interruptions: interrupt, ended: ended)
            state.keyed.append(Keyed(key: key, request: request, id: id))
            if state.keyed.count > Self.keptKeys { state.keyed.removeFirst(state.keyed.count - Self.keptKeys) }
            return (id, true)
        }
        // Before the answer: whoever has it finds the verification by its key, whatever happens here.
        do {
            try await ledger.record(request.fingerprint, key: key, of: started.id, at: startedAt)
        } catch {
            _ = self.interrupt(started.id)
            state.withLock { state in state.keyed.removeAll { $0.id == started.id } }
            throw Self.notBegun(error.serviceText)
        }
        return started
    }

    /// The run that a request asks for, and its image if it names one.
    private func run(
        of request: VerificationRequest, on entry: ServiceModel.Entry
    ) async throws -> (VerificationRun, TargetImage?) {
        let (inventory, access) = try await loaded(entry)
        let (policy, check) = try request.policy(stricterThan: entry.fleet, for: inventory)
        let (target, image) = try await TargetImage.target(of: request, for: inventory, watched: entry.fleet.tag)
        var run = VerificationRun(
            target: target, inventory: inventory, policy: policy, check: check, access: access, ledger: ledger,
            destinations: [], progress: .none, environment: [:], logger: logger)
        run.change = request.change
        return (run, image)
    }

    /// Checks that a verification would start, and starts none.
    ///
    /// - Throws: ``Problem``, as ``start(_:key:on:)`` does; 409 with the verdict if the inventory would be refused.
    func check(_ request: VerificationRequest, on entry: ServiceModel.Entry) async throws {
        let (run, _) = try await run(of: request, on: entry)
        if let refusal = try await run.refusal().0, refusal.exitCode != 0 { throw Problem(refusal) }
        guard !state.withLock(\.isDraining) else { throw Self.draining }
    }

    private static let draining = Problem(
        .serviceUnavailable, "the service is stopping", remedy: "try again later", headers: [.retryAfter: "10"])

    private func perform(
        _ run: VerificationRun, of image: TargetImage?, id: String, evidence: EvidenceFile,
        monitor: VerificationMonitor,
        until interruptions: AsyncStream<Int32>
    ) async {
        do {
            let report =
                if let image {
                    try await image.run(run, until: interruptions)
                } else {
                    try await run.run(until: interruptions)
                }
            counters.note(report)
            logger.notice(
                "Verification ended",
                metadata: ["verification": "\(id)", "verdict": "\(report.verdict.rawValue)"])
        } catch {
            logger.error("Verification failed", metadata: ["verification": "\(id)", "error": "\(error)"])
            state.withLock { state in
                state.failures.append((id, Sanitizer.singleLine(error.serviceText)))
                if state.failures.count > Self.keptFailures { state.failures.removeFirst() }
                // What did not begin can be asked for again with its key.
                if !monitor.hasBegun { state.keyed.removeAll { $0.id == id } }
            }
        }
        evidence.removeIfEmpty()
        state.withLock { _ = $0.running.removeValue(forKey: id) }
    }

    private func loaded(_ entry: ServiceModel.Entry) async throws -> (Inventory, HostCredentials) {
        do {
            return try await entry.fleet.load()
        } catch {
            throw Problem(
                .serviceUnavailable, "the inventory of \(entry.fleet.deployed) cannot be used: \(error)",
                remedy: "correct the inventory, and send the request again")
        }
    }

    private func evidenceFile(_ id: String) throws -> EvidenceFile {
        do {
            try FileManager.default.createDirectory(
                atPath: evidenceFolder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
            return try EvidenceFile(opening: evidencePath(id))
        } catch {
            throw Problem(
                .serviceUnavailable, "the evidence cannot be written to '\(evidenceFolder)': \(error)",
                remedy: "make the folder writable for the service")
        }
    }

    /// Interrupts a verification; false if it is not under way here.
    func interrupt(_ id: String, signal: Int32 = 2) -> Bool {
        guard let running = running(id) else { return false }
        running.interruptions.yield(signal)
        return true
    }

    /// Interrupts all verifications, and returns when their reports are recorded. No more are started.
    func drain() async {
        let running = state.withLock { state in
            state.isDraining = true
            return state.running
        }
        for verification in running.values { verification.interruptions.yield(15) }
        for verification in running.values { await verification.ended.value }
    }
}

extension Verifications.State {
    /// The verification of this key; nil if it is new.
    fileprivate func joined(_ key: String, _ request: VerificationRequest) throws(Problem) -> String? {
        guard let known = keyed.last(where: { $0.key == key }) else { return nil }
        guard known.request == request else {
            throw Self.conflict
        }
        return known.id
    }

    fileprivate static var conflict: Problem {
        Problem(
            .conflict, "the Idempotency-Key was used for another request",
            remedy: "use a new key for a new request, for example a random one")
    }
}
