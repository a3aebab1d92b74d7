import Foundation
import Shared

/// Moves a tag to bytes that were read before, and leaves no moment at which a kill loses what was done: the journal is
/// written before the registry is asked, and settled by what the tag is found to be afterwards.
struct TagMover: Sendable {
    let registry: RegistryClient
    let ledger: Ledger
    let killSwitch: KillSwitch
    let narrator: PromotionNarrator
    /// For all requests of one move together.
    var timeout = Duration.seconds(60)

    /// - Throws: why the tag is not, or may not be, what was intended.
    /// - Returns: the settled entry.
    func move(
        _ manifest: RegistryManifest, as intent: JournalEntry.Intent, to target: ImageReference
    ) async throws -> JournalEntry {
        // A task of its own is not cancelled with the caller's: what was begun is brought to where it can be told.
        try await Task { try await moveUninterrupted(manifest, intent, target) }.value
    }

    private func moveUninterrupted(
        _ manifest: RegistryManifest, _ intent: JournalEntry.Intent, _ target: ImageReference
    ) async throws -> JournalEntry {
        let registry = registry.until(.now + timeout)
        let entry: JournalEntry
        switch try await ledger.intend(intent) {
        case .recorded(let recorded): entry = recorded
        case .underWay(let other, let presence): throw PromotionError.underWay(other, isSeen: presence == .running)
        }
        let before: Digest?
        do {
            before = try await registry.digest(ofTag: target)
            // As late as can be: between this and the next line somebody may only have been too late.
            try await killSwitch.requireOff(before: registry.deadline)
        } catch {
            _ = try await settle(entry, .unmoved, "\(error)")
            throw error
        }
        switch TagFinding.state(now: before, intended: intent.digest, former: intent.formerDigest) {
        case .moved: return try await settle(entry, .moved, "it was there already")
        case .contested:
            _ = try await settle(
                entry, .contested, "before the registry was asked: \(before?.description ?? "nothing")")
            throw PromotionError.contested("\(target)", found: before, intended: intent.digest)
        case .unmoved, .intended: break
        }
        var refusal: RegistryError?
        do throws(RegistryError) {
            try await registry.put(manifest, tag: intent.tag, in: target)
        } catch {
            refusal = error
        }
        return try await readBack(entry, target, refusal, registry)
    }

    /// Settles by what the tag is now, whatever the registry had said.
    private func readBack(
        _ entry: JournalEntry, _ target: ImageReference, _ refusal: RegistryError?, _ registry: RegistryClient
    ) async throws -> JournalEntry {
        let now: Digest?
        do throws(RegistryError) {
            // Time of its own: what was written must be known, above all where writing took all the time there was.
            now = try await registry.until(.now + timeout).digest(ofTag: target)
        } catch {
            throw PromotionError.uncertain("\(target)", reason: "\(refusal?.description ?? "\(error)")")
        }
        let state = TagFinding.state(now: now, intended: entry.intent.digest, former: entry.intent.formerDigest)
        switch (state, refusal) {
        case (.moved, _): return try await settle(entry, .moved, refusal.map { "although \($0)" })
        case (.contested, _):
            _ = try await settle(entry, .contested, "read back: \(now?.description ?? "nothing")")
            throw PromotionError.contested("\(target)", found: now, intended: entry.intent.digest)
        case (_, .uncertainPut(_, let reason)):
            // It may still be on its way, so that the journal must not say that it never came.
            throw PromotionError.uncertain("\(target)", reason: reason)
        case (_, let refusal?):
            _ = try await settle(entry, .unmoved, "\(refusal)")
            throw refusal
        case (_, nil):
            _ = try await settle(entry, .unmoved, "the registry said that it had written")
            throw PromotionError.notMoved("\(target)", found: now)
        }
    }

    private func settle(
        _ entry: JournalEntry, _ state: JournalEntry.State, _ reason: String? = nil
    ) async throws(LedgerError) -> JournalEntry {
        try await ledger.settle(entry, as: state, at: Date(), reason: reason.map { Hygiene.line($0) })
    }
}
