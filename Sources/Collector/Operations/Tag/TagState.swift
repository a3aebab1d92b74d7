import CollectorSupport
import FoundationEssentials
import Ledger
import Registry
import Reports
import Shared
import Verdict

/// The image that a tag points to, as far as a promotion needs it.
struct TagState: Hashable, Sendable {
    let digest: Digest
    /// nil unless all platforms of the image have the same commit.
    let gitSHA: GitSHA?
    /// When its last platform was built; nil if unknown.
    var created: Date?

    var name: String { gitSHA?.short ?? digest.short }
}

extension RegistryClient {
    /// The digest that a tag points to; nil if the registry reports that the tag does not exist.
    ///
    /// Requested on a new connection and past caches, because it is read repeatedly while it may be changing.
    func digest(ofTag reference: ImageReference) async throws(RegistryError) -> Digest? {
        try await present(reference, isFresh: true)?.digest
    }

    /// True if the tag exists, even if it does not point to a usable image.
    ///
    /// - Throws: if the registry gave no answer either way.
    func isThere(_ reference: ImageReference) async throws(RegistryError) -> Bool {
        do throws(RegistryError) {
            return try await present(reference) != nil
        } catch .unusable {
            return true
        }
    }

    /// The image that a tag points to; nil if the registry reports that the tag does not exist.
    func tagged(_ reference: ImageReference) async throws(RegistryError) -> TagState? {
        guard let manifest = try await present(reference, isFresh: true) else { return nil }
        do throws(RegistryError) {
            let image = try await resolve(manifest, as: reference)
            return TagState(digest: manifest.digest, gitSHA: try image.revision(), created: image.created)
        } catch .absent, .unusable, .contradiction {
            // An unusable image may be replaced like any other.
            return TagState(digest: manifest.digest, gitSHA: nil)
        }
    }
}

/// Reads a tag and checks the answer against the ledger's journal.
///
/// A lagging replica of the registry may show a build that the tag has left at any time. Trusting it would roll back from,
/// or descend from, the wrong build.
struct TagStateReader: Sendable {
    let registry: RegistryClient
    let ledger: Ledger
    let log: PromotionLog
    var interruption: SignalCancellation?
    /// The timeout for all requests of one read.
    var timeout = Duration.seconds(60)

    struct Reading: Sendable {
        /// nil if the tag does not exist.
        let image: TagState?
        /// The last completed change in the journal, if the tag still shows a build from before it.
        var contradicted: JournalEntry?
    }

    /// Reads the tag, and reads it again while it shows a build that it has left according to the journal.
    ///
    /// - Parameters:
    ///   - recovered: a change that was just settled by reading the tag.
    ///   - patience: how long the tag may take to show the last change.
    func read(_ target: ImageReference, recovered: JournalEntry?, patience: Duration) async throws -> Reading {
        let present = try await registry.until(.now + timeout).tagged(target)
        let changes = try await ledger.journal(repository: target.repository, tag: target.effectiveTag ?? "")
        guard recovered == nil, let present,
            let last = changes.first(where: { $0.state != .intended && $0.state != .unmoved }), last.state == .moved
        else { return Reading(image: present) }
        let left = Self.left(before: last, changes)
        guard left.contains(present.digest) else { return Reading(image: present) }
        log.record(
            .registry,
            "\(target) shows \(present.name), its build before it was moved to "
                + "\(last.intent.name) (\(last.intent.id)); reading it again for up to \(patience.brief)")
        let readback = TagReadback(
            intended: last.intent.digest, former: present.digest, earlier: left, answer: .acknowledged,
            timeout: patience)
        let read = await TagReadbackPoller(registry: registry, interruption: interruption)
            .read(target, readback, isPatient: true)
        if let signal = interruption?.signal {
            throw PromotionError.interrupted(signal: signal, "interrupted before \(target) was moved", .unchanged)
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

    /// The tag's builds before a change, except the one that the change set.
    private static func left(before last: JournalEntry, _ changes: [JournalEntry]) -> Set<Digest> {
        let moved = changes.filter { $0.state == .moved }
        return Set(moved.flatMap { [$0.intent.digest, $0.intent.formerDigest].compactMap(\.self) })
            .subtracting([last.intent.digest])
    }
}

extension JournalEntry.Intent {
    /// The commit of the intended build, or else its digest.
    var name: String { gitSHA?.short ?? digest.short }
}
