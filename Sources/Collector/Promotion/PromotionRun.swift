import Foundation
import Shared

/// A promotion from its gate to the proof: gate, journal, PUT, read back, journal, verification, and the way back where one
/// was asked for.
struct PromotionRun: Sendable {
    let id: String
    let gate: PromotionGate
    /// nil where nothing is verified. Its target is completed here.
    let verification: VerificationRun?
    /// Verdicts after which the tag is put back.
    var rollbackOn: Set<Verdict> = []
    let interruption: Interruption
    /// Says the pin, ready to be pasted.
    var announce: @Sendable (String) -> Void = { _ in }

    private var order: PromotionOrder { gate.order }

    /// - Returns: the exit code: 0 for a promotion that was not to be verified, else the verdict's.
    /// - Throws: why nothing was promoted, or why it is not known.
    func run() async throws -> Int32 {
        guard let ledger = gate.ledger else {
            throw UsageError("promote keeps a journal in the ledger: name one with --store")
        }
        let mover = TagMover(
            registry: gate.registry, ledger: ledger, killSwitch: gate.killSwitch, narrator: gate.narrator,
            timeout: gate.timeout)
        let (passed, target) = try await interruptible { try await pass(settles: true) }
        let entry = try await interruptible {
            try await mover.move(passed.image.manifest, as: intent(passed), to: order.target)
        }
        gate.narrator.say(
            .tag,
            "\(order.target) is \(passed.image.digest), read back: generation \(entry.generation) of \(order.service)")
        announce(order.pin(passed.image))
        if let signal = interruption.signal {
            throw PromotionError.interrupted(
                signal: signal, "interrupted after \(order.target) was moved: it is not verified, run verify")
        }
        guard var run = verification, var target else { return 0 }
        target.generation = entry.generation
        run.target = target
        run.learner = gate.registry.learner(in: order.target)
        run.tag = TagWatch(reference: order.target, client: gate.registry)
        run.afterwards = { [run] in await story($0, passed, mover, run) }
        return try await run.run().exitCode
    }

    /// Reads everything and writes nothing.
    func plan() async throws -> PromotionPlan {
        let (passed, _) = try await interruptible { try await pass(settles: false) }
        return PromotionPlan(order: order, passed: passed, hosts: verification?.inventory.hosts.count)
    }

    /// The same for a real run and a dry one, but for what the journal is told.
    private func pass(settles: Bool) async throws -> (PromotionGate.Passed, Target?) {
        if let refusal = try await verification?.refusal().0, refusal.exitCode != 0 {
            throw PromotionError.inventory(refusal)
        }
        if let ledger = gate.ledger {
            let registry = gate.registry.until(.now + gate.timeout)
            try await PromotionLeftover(registry: registry, ledger: ledger, narrator: gate.narrator)
                .settle(tag: order.target, now: Date(), settles: settles)
        }
        let passed = try await gate.pass()
        // A host that the image cannot run on is known before anything moves, where the inventory says what hosts are.
        let target = try verification.map { verification throws(RegistryError) in
            var asked = Target(service: order.service, gitSHA: order.gitSHA, digest: passed.image.digest)
            asked = try PromotedImage.complete(asked, by: passed.image, for: verification.inventory.hosts)
            asked.image = "\(order.target)"
            return asked
        }
        return (passed, target)
    }

    private func interruptible<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let result = await interruption.watching { () -> Result<Value, any Error> in
            do { return .success(try await work()) } catch { return .failure(error) }
        }
        guard case .failure(let error) = result, let signal = interruption.signal, !(error is GateError) else {
            return try result.get()
        }
        // Cut short, a request fails in whatever way: what matters is that somebody wanted it to end.
        if let error = error as? PromotionError { throw error }
        throw PromotionError.interrupted(signal: signal, "interrupted before \(order.target) was moved")
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
        _ report: Report, _ passed: PromotionGate.Passed, _ mover: TagMover, _ verification: VerificationRun
    ) async -> Report {
        var report = report
        var rollback: PromotionStory.Rollback?
        if rollbackOn.contains(report.verdict) {
            rollback = await PromotionRollback(
                order: order, id: id, passed: passed, mover: mover, verification: verification
            ).goBack(from: report)
        }
        report.promotion = PromotionStory(
            id: id, image: "\(order.target)", source: order.sourceName, formerDigest: passed.former?.digest,
            formerGitSHA: passed.former?.gitSHA, actor: order.actor,
            contexts: passed.contexts.reduce(into: [:]) { $0[Hygiene.line($1.key)] = Hygiene.line($1.value) },
            pin: order.pin(passed.image), steps: gate.narrator.steps, rollback: rollback)
        if let rollback { report.warnings.append("rollback: \(rollback.said)") }
        do {
            try await mover.ledger.finish(report)
        } catch {
            report.warnings.append("the ledger could not record the story of this promotion: \(error)")
        }
        return report
    }
}
