package import CollectorSupport
import Foundation
import Gate
import Inventory
import Ledger
import Registry
import Reports
import Shared
package import Verdict

/// A promotion from its gate to the proof: gate, journal, PUT, readback, journal, verification, and a rollback if the verdict
/// calls for one.
package struct PromotionRun: Sendable {
    private let id: String
    private let gate: PromotionGate
    /// nil with `--no-verify`. Its target is completed here.
    private let verification: VerificationRun?
    /// The verdicts after which the tag is put back.
    private let rollbackOn: Set<Verdict>
    private let interruption: SignalCancellation
    /// Prints the pin at the end, if the tag is the build then.
    private let announce: @Sendable (String) -> Void

    package init(
        id: String, gate: PromotionGate, verification: VerificationRun?, rollbackOn: Set<Verdict>,
        interruption: SignalCancellation, announce: @escaping @Sendable (String) -> Void
    ) {
        self.id = id
        self.gate = gate
        self.verification = verification
        self.rollbackOn = rollbackOn
        self.interruption = interruption
        self.announce = announce
    }

    private var request: PromotionRequest { gate.request }
    private var log: PromotionLog { gate.log }

    /// - Throws: ``PromotionFailure``, or a report's error.
    package func run() async throws -> PromotionResult {
        guard let ledger = gate.ledger else {
            throw UsageError("promote keeps a journal in the ledger: name one with --store")
        }
        var progress = Progress()
        do {
            return try await promote(&progress, ledger)
        } catch PromotionError.interrupted(let signal, let text, let effect) {
            log.record(.tag, text)
            guard var run = verification else {
                let code = ExitStatus.interrupted(by: signal).rawValue
                return PromotionResult(
                    exitCode: code,
                    end: CommandEnd(.promote, .interrupted, exitCode: code, effect: effect, message: text))
            }
            run.target = progress.target ?? run.target
            let outcome = try await run.interrupted(signal: signal, because: text)
            let record = record(progress.passed, effect: effect, rollback: nil)
            let report = try await run.publish(outcome, promotion: record, showsText: false)
            if let pin = report.pin { announce(pin) }
            return PromotionResult(exitCode: report.exitCode)
        } catch let error as ReportWriteError {
            throw error
        } catch {
            guard let error = error as? any ExitCoded else { throw error }
            guard !progress.mayHaveWritten || error.wroteNothing else {
                throw PromotionFailure(
                    reason: error, effect: progress.effect ?? .unknown, message: nil, object: request.object)
            }
            var present = progress.passed?.former.map { "is still \($0.name)" }
            if case PromotionError.underWay = error { present = nil }
            let message = "nothing was changed: \(request.target) \(present ?? "was not written")"
            log.record(.tag, message)
            throw PromotionFailure(
                reason: error, effect: .unchanged, message: message, object: request.object,
                tagBuild: present == nil ? "" : progress.passed?.former?.full ?? "")
        }
    }

    private struct Progress {
        var passed: PromotionGate.Passed?
        var target: Target?
        var mayHaveWritten = false
        /// The effect on the tag once it is known.
        var effect: PromotionRecord.Outcome?
    }

    private func promote(_ progress: inout Progress, _ ledger: Ledger) async throws -> PromotionResult {
        let mover = TagMover(
            registry: gate.registry, ledger: ledger, killSwitch: gate.killSwitch, log: log, timeout: gate.timeout,
            readbackTimeout: gate.readbackTimeout, interruption: interruption)
        let (passed, target) = try await interruptible { try await pass(settles: true) }
        (progress.passed, progress.target) = (passed, target)
        let rollbackTarget = try await interruptible {
            try await RollbackTargetFinder(registry: gate.registry, ledger: ledger, log: log).find(
                service: request.service, target: request.target, intended: passed.image.digest, former: passed.former)
        }
        progress.mayHaveWritten = true
        let entry = try await interruptible(writes: true) {
            try await mover.move(passed.image.manifest, as: intent(passed), to: request.target)
        }
        progress.target?.generation = entry.generation
        let effect = passed.isMove ? PromotionRecord.Outcome.moved : .unchanged
        progress.effect = effect
        let digest = passed.image.digest
        log.record(
            .tag,
            passed.isMove
                ? "\(request.target) is \(digest), read back: promotion no. \(entry.generation) of \(request.service)"
                : "\(request.target) already was \(digest); nothing was moved: promotion no. \(entry.generation) of "
                    + "\(request.service)")
        if verification == nil { announce(request.pin(passed.image)) }
        if let signal = interruption.signal {
            throw PromotionError.interrupted(
                signal: signal,
                "interrupted after \(request.target) was moved (promotion no. \(entry.generation)): not verified; run verify",
                effect)
        }
        guard var run = verification, var target else {
            let name = request.gitSHA.short
            var end = CommandEnd(
                .promote, .notVerified, exitCode: ExitStatus.success.rawValue, effect: effect,
                message:
                    "\(name) is promotion no. \(entry.generation) of \(request.service); no host was asked (--no-verify)",
                tag: "\(request.target) \(passed.isMove ? "is" : "already was") \(name)")
            (end.object, end.tagBuild) = (request.object, request.gitSHA.hex)
            return PromotionResult(exitCode: ExitStatus.success.rawValue, end: end)
        }
        target.generation = entry.generation
        run.target = target
        run.change = .promotion
        run.learner = gate.registry.learner(in: request.target)
        run.tag = TagWatch(
            reference: request.target, client: gate.registry, created: passed.image.created,
            former: passed.isMove ? passed.former?.digest : nil, isFormerKnown: passed.isMove,
            timeout: gate.readbackTimeout)
        let outcome = try await run.verify()
        var rollback: PromotionRecord.Rollback?
        if rollbackOn.contains(outcome.conclusion.verdict) {
            rollback = await AutomaticRollback(
                request: request, id: id, passed: passed, target: rollbackTarget, mover: mover, verification: run
            ).run(after: outcome.conclusion.verdict)
        }
        let report = try await run.publish(
            outcome, promotion: record(passed, effect: effect, rollback: rollback),
            notes: log.warnings
                + [rollback].compactMap { $0 }.filter { $0.verdict != .converged }.map { "rollback: \($0.message)" })
        if let pin = report.pin { announce(pin) }
        return PromotionResult(exitCode: report.exitCode)
    }

    /// A dry run: reads everything and writes nothing.
    package func plan() async throws -> PromotionPlan {
        do {
            let (passed, _) = try await interruptible { try await pass(settles: false) }
            return PromotionPlan(
                request: request, passed: passed,
                verification: verification?.plan)
        } catch {
            guard let error = error as? any ExitCoded else { throw error }
            throw PromotionFailure(
                reason: error, effect: .unchanged, message: "nothing was changed: this is a dry run",
                object: request.object)
        }
    }

    /// The checks, the same for a real run and a dry one, except for the journal.
    private func pass(settles: Bool) async throws -> (PromotionGate.Passed, Target?) {
        try await verification?.requireStart()
        var gate = gate
        if let ledger = gate.ledger {
            gate.recovered = try await InterruptedPromotionRecovery(
                registry: gate.registry.until(.now + gate.timeout), ledger: ledger, log: log,
                readbackTimeout: gate.readbackTimeout
            ).settle(tag: request.target, now: Date(), settles: settles)
        }
        let passed = try await gate.pass()
        // A host that cannot run the image is found before anything moves, if the inventory states the hosts' platforms.
        let target = try verification.map { verification throws(RegistryError) in
            var target = Target(
                service: request.service.name, environment: request.service.environment, gitSHA: request.gitSHA,
                digest: passed.image.digest)
            target = try TargetResolver.complete(target, by: passed.image, for: verification.inventory.hosts)
            target.image = "\(request.target)"
            return target
        }
        return (passed, target)
    }

    private func interruptible<Value: Sendable>(
        writes: Bool = false, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await interruption.guarding("\(request.target) was moved", writes: writes, work)
    }

    private func intent(_ passed: PromotionGate.Passed) -> JournalEntry.Intent {
        JournalEntry.Intent(
            id: id, kind: .promotion, service: request.service, repository: request.repository, tag: request.tag,
            source: request.sourceName, gitSHA: request.gitSHA, digest: passed.image.digest,
            formerDigest: passed.former?.digest, formerGitSHA: passed.former?.gitSHA, actor: request.actor,
            contexts: passed.contexts, permission: passed.permission,
            intendedAt: Date().rfc3339)
    }

    /// - Parameter passed: nil if the gate was not passed.
    private func record(
        _ passed: PromotionGate.Passed?, effect: PromotionRecord.Outcome, rollback: PromotionRecord.Rollback?
    ) -> PromotionRecord {
        PromotionRecord(
            id: id, image: "\(request.target)", source: request.sourceName, digest: passed?.image.digest,
            isMoved: effect == .moved, outcome: effect, formerDigest: passed?.former?.digest,
            formerGitSHA: passed?.former?.gitSHA, actor: request.actor,
            contexts: (passed?.contexts ?? [:]).reduce(into: [:]) {
                $0[Sanitizer.singleLine($1.key)] = Sanitizer.singleLine($1.value)
            },
            pin: passed.map { request.pin($0.image) } ?? "", steps: log.steps, rollback: rollback)
    }
}
