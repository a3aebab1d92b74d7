import Foundation
import Shared

/// The way back after a promotion whose verification failed: the tag is put back to what it was, journalled as every
/// change, and the former build is verified in its turn.
struct PromotionRollback: Sendable {
    let order: PromotionOrder
    let id: String
    let passed: PromotionGate.Passed
    let mover: TagMover
    /// Of the promotion; copied for the former build.
    let verification: VerificationRun

    /// Never throws: whatever happens on the way back is told beside the verdict, and changes none.
    func goBack(from report: Report) async -> PromotionStory.Rollback {
        mover.narrator.say(.rollback, "\(report.verdict.rawValue): \(order.target) is put back to what it was")
        guard let former = passed.former, former.digest != passed.image.digest else {
            let was = passed.former == nil ? "was nothing" : "was this very build"
            return told(.init(said: "there is nothing to go back to: \(order.target) \(was) before"))
        }
        var rollback = PromotionStory.Rollback(said: "")
        do {
            let registry = mover.registry.until(.now + mover.timeout)
            let manifest = try await registry.manifest(former.digest, in: order.target)
            let entry = try await mover.move(manifest, as: intent(to: former, after: report.verdict), to: order.target)
            (rollback.digest, rollback.gitSHA, rollback.generation) = (former.digest, former.gitSHA, entry.generation)
            let verified = try await verify(former, manifest, generation: entry.generation, registry)
            (rollback.verification, rollback.verdict) = (verified.verification.id, verified.verdict)
            let proven = "\(verified.summary.proven) of \(verified.summary.expected.hostCount)"
            rollback.said =
                "\(order.target) was put back to \(former.gitSHA?.short ?? former.digest.short) as generation "
                + "\(entry.generation), which is \(verified.verdict.rawValue): \(proven) proven to serve it "
                + "(\(verified.verification.id))"
        } catch {
            rollback.said =
                rollback.digest == nil
                ? "\(order.target) was not put back: \(error)"
                : "\(order.target) was put back to \(former.gitSHA?.short ?? former.digest.short), and the fleet was not "
                    + "verified against it: \(error)"
        }
        return told(rollback)
    }

    private func told(_ rollback: PromotionStory.Rollback) -> PromotionStory.Rollback {
        var rollback = rollback
        rollback.said = Hygiene.line(rollback.said)
        mover.narrator.say(.rollback, rollback.said)
        return rollback
    }

    private func intent(to former: TaggedImage, after verdict: Verdict) -> JournalEntry.Intent {
        JournalEntry.Intent(
            id: "\(id)-back", kind: .rollback, service: order.service, repository: order.repository, tag: order.tag,
            source: former.digest.description, gitSHA: former.gitSHA, digest: former.digest,
            formerDigest: passed.image.digest, formerGitSHA: order.gitSHA, actor: order.actor, contexts: [:],
            permission: "--rollback-on \(verdict.rawValue)", intendedAt: Date().rfc3339)
    }

    private func verify(
        _ former: TaggedImage, _ manifest: RegistryManifest, generation: Int, _ registry: RegistryClient
    ) async throws -> Report {
        var target = Target(
            service: order.service, gitSHA: former.gitSHA, digest: former.digest, image: "\(order.target)",
            generation: generation)
        do throws(RegistryError) {
            let reference = order.target.with(digest: former.digest)
            target.content = try await registry.resolve(manifest, as: reference).promotedContent
        } catch {
            // The digest alone can prove it, too.
            mover.narrator.say(.rollback, "\(error)")
        }
        var run = verification
        run.target = target
        (run.destinations, run.evidence, run.afterwards, run.isPublished) = ([], nil, nil, false)
        return try await run.run()
    }
}
