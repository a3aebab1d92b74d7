import CollectorSupport
import Foundation
import Gate
import Ledger
import Registry
import Shared
import Verdict

/// Moves a tag to bytes that were read before, and leaves no moment at which a kill loses what was done: the journal is
/// written before the registry is asked, and settled by what the tag is found to be afterwards.
///
/// What is known is ``TagReadback``'s to say; what is not known stays open in the journal.
struct TagMover: Sendable {
    let registry: RegistryClient
    let ledger: Ledger
    let killSwitch: KillSwitch
    let narrator: PromotionLog
    /// For all requests of one step of a move together.
    var timeout = Duration.seconds(60)
    /// How long what the registry acknowledged may take to show.
    var readbackTimeout = Duration.seconds(60)
    /// A signal ends the reading back, and soon a PUT that hangs.
    var interruption: SignalCancellation?

    /// Before anything is written, and where it was refused, nothing is on its way that could take long to show.
    private static let shortReadback = Duration.seconds(10)
    /// What an answer that is on its way may still take once somebody wants to end.
    private static let grace = Duration.seconds(3)

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
        let earlier = Set(try await ledger.promotions(service: intent.service).compactMap(\.digest))
        let entry: JournalEntry
        switch try await ledger.intend(intent) {
        case .recorded(let recorded): entry = recorded
        case .underWay(let other, let presence): throw PromotionError.underWay(other, isSeen: presence == .running)
        }
        let before: TagReader.Result
        do {
            before = await read(entry, target, .notAsked, earlier, isPatient: false)
            if let failure = before.failure { throw failure }
            // As late as can be: between this and the next line somebody may only have been too late.
            try await killSwitch.requireOff(before: registry.deadline)
        } catch {
            _ = try await settle(entry, .unmoved, "nothing was written: \(error)")
            throw error
        }
        switch before.finding {
        case .moved: return try await settle(entry, .moved, "it was there already")
        case .unmoved: break
        case .contested, .open, .wait:
            if let signal = interruption?.signal {
                _ = try await settle(entry, .unmoved, "nothing was written: interrupted")
                throw PromotionError.interrupted(signal: signal, "interrupted before \(target) was moved")
            }
            _ = try await settle(
                entry, .contested, "before the registry was asked: \(before.shown?.description ?? "nothing")")
            throw PromotionError.contested("\(target)", found: before.shown, intended: intent.digest)
        }
        let refusal = await put(manifest, intent.tag, target)
        return try await readBack(entry, target, refusal, earlier)
    }

    /// - Returns: why it was not, or may not have been, written.
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
        guard let interruption else { return await writing.value }
        let ending = Task {
            while interruption.signal == nil { try await Task.sleep(for: .milliseconds(50)) }
            try await Task.sleep(for: Self.grace)
            writing.cancel()
        }
        let refusal = await writing.value
        ending.cancel()
        return refusal
    }

    /// Settles by what the tag shows now, whatever the registry had said.
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
            // It may still be on its way, so that the journal must not say that it never came.
            throw await open(entry, .uncertain("\(target)", reason: reason))
        case (_, let refusal?):
            throw await open(entry, .uncertain("\(target)", reason: "\(refusal)"))
        case (_, nil):
            if interruption?.signal != nil {
                let reason = "the registry acknowledged it, and reading it back was interrupted"
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
    ) async -> TagReader.Result {
        let isOnItsWay = answer == .acknowledged || answer == .lost
        let readback = TagReadback(
            intended: entry.intent.digest, former: entry.intent.formerDigest, earlier: earlier, answer: answer,
            timeout: isOnItsWay ? readbackTimeout : min(readbackTimeout, Self.shortReadback))
        return await TagReader(registry: registry, interruption: interruption)
            .read(target, readback, isPatient: isPatient)
    }

    /// Leaves the entry open, and says in it what is known.
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
