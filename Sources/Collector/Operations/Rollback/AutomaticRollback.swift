import CollectorSupport
import Foundation
import Gate
import Registry
import Reports
import Shared
import Verdict

/// The rollback after a promotion whose verification failed: the tag is put back to the last proven build, journalled like any
/// change, and that build is verified in turn.
struct AutomaticRollback: Sendable {
    let request: PromotionRequest
    let id: String
    let passed: PromotionGate.Passed
    /// nil without a build to roll back to.
    let target: RollbackTarget?
    let mover: TagMover
    /// The promotion's verification, which this one copies.
    let verification: VerificationRun

    /// Never throws: the outcome is reported beside the verdict, and does not change it.
    func run(after verdict: Verdict) async -> PromotionRecord.Rollback {
        guard let target else {
            mover.log.record(.rollback, "rolling back because of \(verdict.rawValue) …")
            let former = passed.former == nil ? "did not exist" : "was this very build"
            return recorded(
                .init(
                    message:
                        "no build to roll back to: \(request.target) \(former) before, and no other build of it was ever "
                        + "proven", outcome: .unchanged, isImpossible: true))
        }
        mover.log.record(
            .rollback, "rolling back because of \(verdict.rawValue) … (\(request.target) to \(target.standing))")
        var mover = mover
        mover.killSwitch = mover.killSwitch.holdingRollback(of: "\(request.service)")
        var rollback = PromotionRecord.Rollback(message: "")
        do {
            let entry = try await mover.restore(target, as: intent(verdict, target), to: request.target)
            (rollback.digest, rollback.gitSHA, rollback.generation) = (target.digest, target.gitSHA, entry.generation)
            rollback.outcome = .moved
            let verified = try await verify(target, generation: entry.generation)
            (rollback.verification, rollback.verdict) = (verified.verification.id, verified.verdict)
            rollback.serving = Serving(verified)
            let proven = "\(verified.summary.proven) of \(verified.summary.expected.hostCount)"
            rollback.message =
                "\(request.target) was put back to \(target.name) as promotion no. \(entry.generation), which is "
                + "\(verified.verdict.rawValue): \(proven) proven to serve it (\(verified.verification.id))"
        } catch {
            if rollback.outcome == nil { rollback.outcome = error.wroteNothing ? .unchanged : .unknown }
            if rollback.outcome == .unchanged { rollback.obstacle = .init(error) }
            rollback.message =
                rollback.digest == nil
                ? "\(request.target) was not put back: \(error)"
                : "\(request.target) was put back to \(target.name), but the fleet was not verified against it: \(error)"
        }
        return recorded(rollback)
    }

    private func recorded(_ rollback: PromotionRecord.Rollback) -> PromotionRecord.Rollback {
        var rollback = rollback
        rollback.message = Sanitizer.singleLine(rollback.message)
        mover.log.record(.rollback, rollback.message)
        return rollback
    }

    private func intent(_ verdict: Verdict, _ target: RollbackTarget) -> JournalEntry.Intent {
        JournalEntry.Intent(
            id: "\(id)-back", kind: .rollback, service: request.service, repository: request.repository,
            tag: request.tag, source: target.digest.description, gitSHA: target.gitSHA, digest: target.digest,
            formerDigest: passed.image.digest, formerGitSHA: request.gitSHA, actor: request.actor, contexts: [:],
            permission: "--rollback-on \(verdict.rawValue)", intendedAt: Date().rfc3339)
    }

    private func verify(_ target: RollbackTarget, generation: Int) async throws -> Report {
        var run = verification.withoutOutput
        run.target = await mover.verificationTarget(
            of: target, in: request.target, service: request.service, generation: generation)
        run.change = .rollback
        run.tag?.former = passed.image.digest
        run.tag?.isFormerKnown = true
        return try await run.verify().report()
    }
}

extension PromotionRecord.Rollback.Obstacle {
    /// nil for an error that is neither the kill switch's nor the registry's.
    fileprivate init?(_ error: any Error) {
        switch error {
        case GateError.refused(_, by: .killSwitch): self = .killSwitch
        case GateError.refused(_, by: .unreadableKillSwitch): self = .unreadableKillSwitch
        case is RegistryError: self = .registry
        default: return nil
        }
    }
}
