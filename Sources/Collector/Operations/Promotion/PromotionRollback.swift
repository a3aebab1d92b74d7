import CollectorSupport
import Foundation
import Gate
import Registry
import Reports
import Shared
import Verdict

/// The way back after a promotion whose verification failed: the tag is put back to the last proven build, journalled as
/// every change, and that build is verified in its turn.
struct PromotionRollback: Sendable {
    let order: PromotionRequest
    let id: String
    let passed: PromotionGate.Passed
    /// nil where there is nothing to go back to.
    let wayBack: RollbackTarget?
    let mover: TagMover
    /// Of the promotion; copied for the former build.
    let verification: VerificationRun

    /// Never throws: whatever happens on the way back is told beside the verdict, and changes none.
    func goBack(from report: Report) async -> PromotionRecord.Rollback {
        guard let wayBack else {
            mover.narrator.say(.rollback, "\(report.verdict.rawValue): the way back is asked for")
            let was = passed.former == nil ? "was nothing" : "was this very build"
            return told(
                .init(
                    said: "there is nothing to go back to: \(order.target) \(was) before, and no other build of it was "
                        + "ever proven"))
        }
        mover.narrator.say(.rollback, "\(report.verdict.rawValue): \(order.target) is put back to \(wayBack.standing)")
        var rollback = PromotionRecord.Rollback(said: "")
        do {
            let entry = try await TagReturn(mover: mover, target: order.target).go(
                to: wayBack, as: intent(report.verdict))
            (rollback.digest, rollback.gitSHA, rollback.generation) = (wayBack.digest, wayBack.gitSHA, entry.generation)
            let verified = try await verify(wayBack, generation: entry.generation)
            (rollback.verification, rollback.verdict) = (verified.verification.id, verified.verdict)
            let proven = "\(verified.summary.proven) of \(verified.summary.expected.hostCount)"
            rollback.said =
                "\(order.target) was put back to \(wayBack.name) as generation \(entry.generation), which is "
                + "\(verified.verdict.rawValue): \(proven) proven to serve it (\(verified.verification.id))"
        } catch {
            rollback.said =
                rollback.digest == nil
                ? "\(order.target) was not put back: \(error)"
                : "\(order.target) was put back to \(wayBack.name), and the fleet was not verified against it: \(error)"
        }
        return told(rollback)
    }

    private func told(_ rollback: PromotionRecord.Rollback) -> PromotionRecord.Rollback {
        var rollback = rollback
        rollback.said = Sanitizer.singleLine(rollback.said)
        mover.narrator.say(.rollback, rollback.said)
        return rollback
    }

    private func intent(_ verdict: Verdict) -> JournalEntry.Intent {
        JournalEntry.Intent(
            id: "\(id)-back", kind: .rollback, service: order.service, repository: order.repository, tag: order.tag,
            source: wayBack?.digest.description ?? "", gitSHA: wayBack?.gitSHA,
            digest: wayBack?.digest ?? passed.image.digest, formerDigest: passed.image.digest,
            formerGitSHA: order.gitSHA, actor: order.actor, contexts: [:],
            permission: "--rollback-on \(verdict.rawValue)", intendedAt: Date().rfc3339)
    }

    private func verify(_ wayBack: RollbackTarget, generation: Int) async throws -> Report {
        var run = verification
        run.target = await TagReturn(mover: mover, target: order.target)
            .verified(wayBack, service: order.service, generation: generation)
        run.tag?.former = passed.image.digest
        run.tag?.isFormerKnown = true
        (run.destinations, run.evidence, run.afterwards, run.isPublished) = ([], nil, nil, false)
        return try await run.run()
    }
}

/// Puts a tag back to a build, and what the registry has removed of it.
struct TagReturn: Sendable {
    let mover: TagMover
    let target: ImageReference

    /// - Throws: why the tag is not, or may not be, what it was to be.
    /// - Returns: the settled entry of the journal.
    func go(to wayBack: RollbackTarget, as intent: JournalEntry.Intent) async throws -> JournalEntry {
        let registry = mover.registry.until(.now + mover.timeout)
        let image: KeptImage
        if let kept = wayBack.image {
            image = kept
        } else {
            image = try await registry.keep(registry.manifest(wayBack.digest, in: target), in: target)
        }
        // Children first: a registry takes no index whose manifests it does not have.
        try await mover.killSwitch.requireOff(before: registry.deadline)
        try await registry.restoreChildren(of: image, in: target)
        return try await mover.move(image.root, as: intent, to: target)
    }

    /// What the fleet is verified against.
    func verified(_ wayBack: RollbackTarget, service: String, generation: Int?) async -> Target {
        var verified = Target(
            service: service, gitSHA: wayBack.gitSHA, digest: wayBack.digest, image: "\(target)", generation: generation
        )
        let registry = mover.registry.until(.now + mover.timeout)
        do throws(RegistryError) {
            let reference = target.with(digest: wayBack.digest)
            let manifest: RegistryManifest
            if let root = wayBack.image?.root {
                manifest = root
            } else {
                manifest = try await registry.manifest(of: reference)
            }
            let image = try await registry.resolve(manifest, as: reference)
            verified.content = image.promotedContent
        } catch {
            // The digest alone can prove it, too.
            mover.narrator.say(.rollback, "\(error)")
        }
        return verified
    }
}
