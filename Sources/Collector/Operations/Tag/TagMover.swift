import CollectorSupport
import Foundation
import Gate
import Ledger
import Registry
import Reports
import Shared
import Verdict

/// Moves a tag to a manifest. A kill at any moment loses nothing: the journal is written before the request to the
/// registry, and settled by reading the tag afterwards.
///
/// ``TagReadback`` decides the outcome; an undecided change stays open in the journal.
struct TagMover: Sendable {
    let registry: RegistryClient
    let ledger: Ledger
    var killSwitch: KillSwitch
    let log: PromotionLog
    /// The timeout for all requests of one step of a move.
    let timeout: Duration
    /// How long an acknowledged change may take to appear.
    let readbackTimeout: Duration
    /// A signal ends the readback, and soon after also a PUT that hangs.
    let interruption: SignalCancellation

    /// The readback timeout before a write or after a refused one, when a change in flight cannot still appear.
    private static let shortReadback = Duration.seconds(10)
    /// The time that a signal leaves to an answer in flight.
    private static let grace = Duration.seconds(3)

    /// - Throws: if the tag was not moved, or the outcome is unknown.
    /// - Returns: the settled journal entry.
    func move(
        _ manifest: RegistryManifest, as intent: JournalEntry.Intent, to target: ImageReference
    ) async throws -> JournalEntry {
        // A task of its own is not cancelled with the caller's: a change that has begun is brought to a known state.
        try await Task { try await moveUninterrupted(manifest, intent, target) }.value
    }

    private func moveUninterrupted(
        _ manifest: RegistryManifest, _ intent: JournalEntry.Intent, _ target: ImageReference
    ) async throws -> JournalEntry {
        let registry = registry.until(.now + timeout)
        let earlier = Set(try await ledger.promotions(of: intent.service).compactMap(\.digest))
        let entry: JournalEntry
        switch try await ledger.intend(intent) {
        case .recorded(let recorded): entry = recorded
        case .underWay(let other, let presence): throw PromotionError.underWay(other, isSeen: presence == .running)
        }
        let before: TagReadbackPoller.Result
        do {
            before = await read(entry, target, .notAsked, earlier, isPatient: false)
            if let failure = before.failure { throw failure }
            // As late as possible: a switch that is turned on after this line is too late.
            try await killSwitch.requireOff(before: registry.deadline)
        } catch {
            _ = try await settle(entry, .unmoved, "nothing was written: \(error)")
            throw error
        }
        switch before.finding {
        case .moved: return try await settle(entry, .moved, "the tag pointed to it already")
        case .unmoved: break
        case .contested, .open, .wait:
            if let signal = interruption.signal {
                _ = try await settle(entry, .unmoved, "nothing was written: interrupted")
                throw PromotionError.interrupted(signal: signal, "interrupted before \(target) was moved", .unchanged)
            }
            _ = try await settle(
                entry, .contested, "before the write, the tag was \(before.shown?.description ?? "nothing")")
            throw PromotionError.contested("\(target)", found: before.shown, intended: intent.digest)
        }
        let refusal = await put(manifest, intent.tag, target)
        return try await readBack(entry, target, refusal, earlier)
    }

    /// - Returns: the reason that the manifest was not, or may not have been, written; nil if it was acknowledged.
    private func put(_ manifest: RegistryManifest, _ tag: String, _ target: ImageReference) async -> RegistryError? {
        let registry = registry.until(.now + timeout)
        let writing = Task { () -> RegistryError? in
            do throws(RegistryError) {
                try await registry.put(manifest, tag: tag, in: target)
                return nil
            } catch {
                return error
            }
        }
        let ending = Task {
            while interruption.signal == nil { try await Task.sleep(for: .milliseconds(50)) }
            try await Task.sleep(for: Self.grace)
            writing.cancel()
        }
        let refusal = await writing.value
        ending.cancel()
        return refusal
    }

    /// Settles the entry by the tag's reads, whatever the registry's answer was.
    private func readBack(
        _ entry: JournalEntry, _ target: ImageReference, _ refusal: RegistryError?, _ earlier: Set<Digest>
    ) async throws -> JournalEntry {
        let answer: TagReadback.Answer =
            switch refusal {
            case nil: .acknowledged
            case .uncertainPut?: .lost
            default: .refused
            }
        let read = await read(entry, target, answer, earlier, isPatient: true)
        switch (read.finding, refusal) {
        case (.moved, _): return try await settle(entry, .moved, refusal.map { "although \($0)" })
        case (.contested(let found), _):
            _ = try await settle(entry, .contested, "read back: \(found?.description ?? "nothing")")
            throw PromotionError.contested("\(target)", found: found, intended: entry.intent.digest)
        case (.unmoved, let refusal?):
            _ = try await settle(entry, .unmoved, "\(refusal)")
            throw refusal
        case (_, .uncertainPut(_, let reason)):
            // It may still take effect, so the journal must not record that it never did.
            throw await open(entry, .uncertain("\(target)", reason: reason))
        case (_, let refusal?):
            throw await open(entry, .uncertain("\(target)", reason: "\(refusal)"))
        case (_, nil):
            if interruption.signal != nil {
                let reason = "the registry acknowledged it, and the readback was interrupted"
                throw await open(entry, .uncertain("\(target)", reason: reason))
            }
            if let failure = read.failure {
                let reason = "the registry acknowledged it, and the tag cannot be read back: \(failure)"
                throw await open(entry, .uncertain("\(target)", reason: reason))
            }
            throw await open(entry, .notShown("\(target)", found: read.shown, after: readbackTimeout))
        }
    }

    private func read(
        _ entry: JournalEntry, _ target: ImageReference, _ answer: TagReadback.Answer, _ earlier: Set<Digest>,
        isPatient: Bool
    ) async -> TagReadbackPoller.Result {
        let isInFlight = answer == .acknowledged || answer == .lost
        let readback = TagReadback(
            intended: entry.intent.digest, former: entry.intent.formerDigest, earlier: earlier, answer: answer,
            timeout: isInFlight ? readbackTimeout : min(readbackTimeout, Self.shortReadback))
        return await TagReadbackPoller(registry: registry, interruption: interruption)
            .read(target, readback, isPatient: isPatient)
    }

    /// Leaves the entry open, with the error as its reason.
    private func open(_ entry: JournalEntry, _ error: PromotionError) async -> any Error {
        do {
            try await ledger.note(Sanitizer.singleLine("\(error)"), on: entry)
            return error
        } catch {
            return error
        }
    }

    private func settle(
        _ entry: JournalEntry, _ state: JournalEntry.State, _ reason: String? = nil
    ) async throws(LedgerError) -> JournalEntry {
        try await ledger.settle(entry, as: state, at: Date(), reason: reason.map { Sanitizer.singleLine($0) })
    }
}

extension TagMover {
    /// Puts a tag back to a build, together with the manifests that the registry has removed.
    ///
    /// - Throws: if the tag was not put back, or the outcome is unknown.
    /// - Returns: the settled journal entry.
    func restore(
        _ build: RollbackTarget, as intent: JournalEntry.Intent, to target: ImageReference
    ) async throws -> JournalEntry {
        let client = registry.until(.now + timeout)
        let image: KeptImage
        if let kept = build.image {
            image = kept
        } else {
            image = try await client.keep(client.manifest(build.digest, in: target), in: target)
        }
        // Children first: a registry refuses an index whose manifests it lacks.
        try await killSwitch.requireOff(before: client.deadline)
        try await client.restoreChildren(of: image, in: target)
        return try await move(image.root, as: intent, to: target)
    }

    /// The target of the verification after a rollback.
    func verificationTarget(
        of build: RollbackTarget, in target: ImageReference, service: DeployedService, generation: Int?
    ) async -> Target {
        var verified = Target(
            service: service.name, environment: service.environment, gitSHA: build.gitSHA, digest: build.digest,
            image: "\(target)", generation: generation)
        let registry = registry.until(.now + timeout)
        do throws(RegistryError) {
            let reference = target.with(digest: build.digest)
            let manifest: RegistryManifest
            if let root = build.image?.root {
                manifest = root
            } else {
                manifest = try await registry.manifest(of: reference)
            }
            verified.content = try await registry.resolve(manifest, as: reference).promotedContent
        } catch {
            // The digest alone can prove it, too.
            log.record(.rollback, "\(error)")
        }
        return verified
    }
}
