package import CollectorSupport
import Foundation
import Gate
import Inventory
import Ledger
import Registry
import Reports
import Shared
package import Verdict

/// A promotion from its gate to the proof: gate, journal, PUT, read back, journal, verification, and the way back where one
/// was asked for.
package struct PromotionRun: Sendable {
    package let id: String
    package let gate: PromotionGate
    /// nil where nothing is verified. Its target is completed here.
    package let verification: VerificationRun?
    /// Verdicts after which the tag is put back.
    package var rollbackOn: Set<Verdict> = []
    package let interruption: SignalCancellation
    /// How long what the registry acknowledged may take to show.
    package var readbackTimeout = Duration.seconds(60)
    /// Says the pin, ready to be pasted.
    var announce: @Sendable (String) -> Void = { _ in }

    package init(
        id: String, gate: PromotionGate, verification: VerificationRun?, rollbackOn: Set<Verdict> = [],
        interruption: SignalCancellation, readbackTimeout: Duration = Duration.seconds(60),
        announce: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.id = id
        self.gate = gate
        self.verification = verification
        self.rollbackOn = rollbackOn
        self.interruption = interruption
        self.readbackTimeout = readbackTimeout
        self.announce = announce
    }

    private var order: PromotionRequest { gate.order }

    /// - Returns: the exit code: 0 for a promotion that was not to be verified, else the verdict's.
    /// - Throws: why nothing was promoted, or why it is not known.
    package func run() async throws -> Int32 {
        guard let ledger = gate.ledger else {
            throw UsageError("promote keeps a journal in the ledger: name one with --store")
        }
        var stage = Stage()
        do {
            return try await promote(&stage, ledger)
        } catch PromotionError.interrupted(let signal, let text) {
            guard var run = verification else { throw PromotionError.interrupted(signal: signal, text) }
            run.target = stage.target ?? run.target
            gate.narrator.say(.tag, text)
            let story = stage.passed.map { self.story($0, isMoved: stage.target?.generation != nil, rollback: nil) }
            return try await run.unasked(signal: signal, because: text) { $0.promotion = story }.exitCode
        } catch {
            if !stage.isAsked || Self.wroteNothing(error) {
                let now = stage.passed?.former.map { "is still \($0.gitSHA?.short ?? $0.digest.short)" }
                let said = "nothing was changed: \(order.target) \(now ?? "was not written")"
                gate.narrator.say(.tag, said)
                if let error = error as? any ExitCoded { throw UnchangedTag(reason: error, said: said) }
            }
            throw error
        }
    }

    /// How far it has come.
    private struct Stage {
        var passed: PromotionGate.Passed?
        var target: Target?
        /// Whether the registry may have been asked to write.
        var isAsked = false
    }

    private static func wroteNothing(_ error: any Error) -> Bool {
        switch error {
        case let error as RegistryError: if case .uncertainPut = error { false } else { true }
        case is GateError: true
        default: false
        }
    }

    private func promote(_ stage: inout Stage, _ ledger: Ledger) async throws -> Int32 {
        let mover = TagMover(
            registry: gate.registry, ledger: ledger, killSwitch: gate.killSwitch, narrator: gate.narrator,
            timeout: gate.timeout, readbackTimeout: readbackTimeout, interruption: interruption)
        let (passed, target) = try await interruptible { try await pass(settles: true) }
        (stage.passed, stage.target) = (passed, target)
        let wayBack = try await interruptible {
            try await RollbackTargetFinder(registry: gate.registry, ledger: ledger, narrator: gate.narrator).find(
                service: order.service, target: order.target, intended: passed.image.digest, former: passed.former)
        }
        stage.isAsked = true
        let entry = try await interruptible {
            try await mover.move(passed.image.manifest, as: intent(passed), to: order.target)
        }
        stage.target?.generation = entry.generation
        let (isMoved, digest) = (passed.former?.digest != passed.image.digest, passed.image.digest)
        gate.narrator.say(
            .tag,
            isMoved
                ? "\(order.target) is \(digest), read back: generation \(entry.generation) of \(order.service)"
                : "\(order.target) already was \(digest), and nothing was moved: generation \(entry.generation) of "
                    + order.service)
        announce(order.pin(passed.image))
        if let signal = interruption.signal {
            throw PromotionError.interrupted(
                signal: signal,
                "interrupted after \(order.target) was moved (generation \(entry.generation)): it is not verified, run verify"
            )
        }
        guard var run = verification, var target else { return 0 }
        target.generation = entry.generation
        run.target = target
        run.learner = gate.registry.learner(in: order.target)
        run.tag = TagWatch(
            reference: order.target, client: gate.registry, created: passed.image.created,
            former: isMoved ? passed.former?.digest : nil, isFormerKnown: isMoved, timeout: readbackTimeout)
        run.afterwards = { [run] in await story($0, passed, wayBack, mover, run) }
        return try await run.run().exitCode
    }

    /// Reads everything and writes nothing.
    package func plan() async throws -> PromotionPlan {
        let (passed, _) = try await interruptible { try await pass(settles: false) }
        return PromotionPlan(order: order, passed: passed, hosts: verification?.inventory.hosts.count)
    }

    /// The same for a real run and a dry one, but for what the journal is told.
    private func pass(settles: Bool) async throws -> (PromotionGate.Passed, Target?) {
        if let refusal = try await verification?.refusal().0, refusal.exitCode != 0 {
            throw PromotionError.inventory(refusal)
        }
        var gate = gate
        if let ledger = gate.ledger {
            let registry = gate.registry.until(.now + gate.timeout)
            gate.leftover = try await InterruptedPromotionRecovery(
                registry: registry, ledger: ledger, narrator: gate.narrator, readbackTimeout: readbackTimeout
            ).settle(tag: order.target, now: Date(), settles: settles)
        }
        let passed = try await gate.pass()
        // A host that the image cannot run on is known before anything moves, where the inventory says what hosts are.
        let target = try verification.map { verification throws(RegistryError) in
            var asked = Target(service: order.service, gitSHA: order.gitSHA, digest: passed.image.digest)
            asked = try TargetResolver.complete(asked, by: passed.image, for: verification.inventory.hosts)
            asked.image = "\(order.target)"
            return asked
        }
        return (passed, target)
    }

    private func interruptible<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await interruption.guarding("\(order.target) was moved", work)
    }

    private func intent(_ passed: PromotionGate.Passed) -> JournalEntry.Intent {
        JournalEntry.Intent(
            id: id, kind: .promotion, service: order.service, repository: order.repository, tag: order.tag,
            source: order.sourceName, gitSHA: order.gitSHA, digest: passed.image.digest,
            formerDigest: passed.former?.digest, formerGitSHA: passed.former?.gitSHA, actor: order.actor,
            contexts: passed.contexts, permission: passed.permission,
            intendedAt: Date().rfc3339)
    }

    /// Adds to the report what was done to the tag, and goes back where the verdict asks for it.
    private func story(
        _ report: Report, _ passed: PromotionGate.Passed, _ wayBack: RollbackTarget?, _ mover: TagMover,
        _ verification: VerificationRun
    ) async -> Report {
        var report = report
        var rollback: PromotionRecord.Rollback?
        if rollbackOn.contains(report.verdict) {
            rollback = await PromotionRollback(
                order: order, id: id, passed: passed, wayBack: wayBack, mover: mover, verification: verification
            ).goBack(from: report)
        }
        report.promotion = story(passed, isMoved: passed.former?.digest != passed.image.digest, rollback: rollback)
        report.warnings += gate.narrator.steps.filter { $0.step == PromotionStep.wayBack.rawValue }.map(\.said)
        if let rollback { report.warnings.append("rollback: \(rollback.said)") }
        do {
            try await mover.ledger.finish(report)
        } catch {
            report.warnings.append("the ledger could not record the story of this promotion: \(error)")
        }
        return report
    }

    private func story(
        _ passed: PromotionGate.Passed, isMoved: Bool, rollback: PromotionRecord.Rollback?
    ) -> PromotionRecord {
        PromotionRecord(
            id: id, image: "\(order.target)", source: order.sourceName, digest: passed.image.digest, isMoved: isMoved,
            formerDigest: passed.former?.digest, formerGitSHA: passed.former?.gitSHA, actor: order.actor,
            contexts: passed.contexts.reduce(into: [:]) {
                $0[Sanitizer.singleLine($1.key)] = Sanitizer.singleLine($1.value)
            },
            pin: order.pin(passed.image), steps: gate.narrator.steps, rollback: rollback)
    }
}
