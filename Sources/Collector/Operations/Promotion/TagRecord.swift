import CollectorSupport
import Ledger
import Registry
import Reports
import Shared
import Verdict

/// What the ledger knows of a tag, held against what the registry shows.
///
/// A copy of the registry that lags may show, at any time, a build that the tag has left. Whoever goes by that goes back from
/// the wrong build, or descends from it.
struct TagRecord: Sendable {
    let registry: RegistryClient
    let ledger: Ledger
    let narrator: PromotionLog
    var interruption: SignalCancellation?
    /// For the requests of one look together.
    var timeout = Duration.seconds(60)

    package struct Reading: Sendable {
        /// What the tag is; nil for nothing.
        var image: TagState?
        /// The last change of the tag that the ledger saw done, where the tag still shows a build from before it.
        var contradicted: JournalEntry?
    }

    /// Reads the tag; again where it shows a build that the ledger has seen it leave.
    ///
    /// - Parameters:
    ///   - leftover: a change that was settled right now, or would have been: the registry was just asked about it.
    ///   - patience: how long the tag may take to show what the ledger's last change made of it.
    func read(_ target: ImageReference, _ leftover: JournalEntry?, patience: Duration) async throws -> Reading {
        let present = try await registry.until(.now + timeout).tagged(target)
        let changes = try await ledger.journal(repository: target.repository, tag: target.effectiveTag ?? "")
        guard leftover == nil, let present,
            let last = changes.first(where: { $0.state != .intended && $0.state != .unmoved }), last.state == .moved
        else { return Reading(image: present) }
        let left = Self.left(before: last, changes)
        guard left.contains(present.digest) else { return Reading(image: present) }
        narrator.say(
            .registry,
            "\(target) shows \(present.gitSHA?.short ?? present.digest.short), which it was before it was made "
                + "\(last.intent.gitSHA?.short ?? last.intent.digest.short) (\(last.intent.id)): it is read again, for up to "
                + patience.brief)
        let readback = TagReadback(
            intended: last.intent.digest, former: present.digest, earlier: left, answer: .acknowledged,
            timeout: patience)
        let read = await TagReader(registry: registry, interruption: interruption)
            .read(target, readback, isPatient: true)
        if let signal = interruption?.signal {
            throw PromotionError.interrupted(signal: signal, "interrupted before \(target) was moved")
        }
        if read.finding == .moved {
            return Reading(image: TagState(digest: last.intent.digest, gitSHA: last.intent.gitSHA))
        }
        if let failure = read.failure { throw failure }
        if read.shown == present.digest { return Reading(image: present, contradicted: last) }
        let image = try await registry.until(.now + timeout).tagged(target)
        let isLeft = image.map { left.contains($0.digest) } ?? false
        return Reading(image: image, contradicted: isLeft ? last : nil)
    }

    /// The builds that the tag was before a change, without the one that the change made of it.
    private static func left(before last: JournalEntry, _ changes: [JournalEntry]) -> Set<Digest> {
        let moved = changes.filter { $0.state == .moved }
        return Set(moved.flatMap { [$0.intent.digest, $0.intent.formerDigest].compactMap(\.self) })
            .subtracting([last.intent.digest])
    }
}
