import CollectorSupport
import Foundation
import Ledger
import Registry
import Reports
import Shared
import Verdict

/// Settles an earlier change of the same tag that was left open, because its process was killed or the registry did not
/// answer.
struct InterruptedPromotionRecovery: Sendable {
    let registry: RegistryClient
    let ledger: Ledger
    let log: PromotionLog
    /// How long an acknowledged change may take to appear.
    let readbackTimeout: Duration

    /// The age at which a change counts as interrupted although its process cannot be observed: its requests ended long ago.
    private static let staleAfter: TimeInterval = 600

    /// Settles the open change by reading the tag.
    ///
    /// - Parameter settles: true if the journal is updated.
    /// - Returns: the change as it is, or would be, settled; nil if none is open.
    /// - Throws: ``PromotionError/underWay(_:isSeen:)`` if its process is still running.
    @discardableResult
    func settle(tag target: ImageReference, now: Date, settles: Bool) async throws -> JournalEntry? {
        let found = try await ledger.unsettled(repository: target.repository, tag: target.effectiveTag ?? "")
        guard let (entry, presence) = found else { return nil }
        let age = Date(rfc3339: entry.intent.intendedAt).map { now.timeIntervalSince($0) } ?? .infinity
        guard presence == .gone || (presence == .unknown && age > Self.staleAfter) else {
            throw PromotionError.underWay(entry, isSeen: presence == .running)
        }
        // A change that was deliberately left open may still appear; one whose process was killed is settled as it is.
        let remaining = entry.reason == nil ? .zero : readbackTimeout - Duration(clampingSeconds: max(0, age))
        let readback = TagReadback(
            intended: entry.intent.digest, former: entry.intent.formerDigest,
            answer: remaining > .zero ? .lost : .notAsked, timeout: remaining > .zero ? remaining : .seconds(10))
        let read = await TagReadbackPoller(registry: registry).read(target, readback, isPatient: false)
        if let failure = read.failure { throw failure }
        let state: JournalEntry.State =
            switch read.finding {
            case .moved: .moved
            case .unmoved: .unmoved
            case .open where read.shown == entry.intent.formerDigest: .unmoved
            case .contested, .open, .wait: .contested
            }
        let message = Self.message(entry, state, now: read.shown)
        log.record(.journal, message)
        guard settles else {
            var settled = entry
            settled.state = state
            return settled
        }
        return try await ledger.settle(entry, as: state, at: now, reason: message)
    }

    static func message(_ entry: JournalEntry, _ state: JournalEntry.State, now: Digest?) -> String {
        let tag = entry.intent.tag
        let change = "a \(entry.intent.kind.rawValue) of \(entry.intent.name) (\(entry.intent.id)) was interrupted"
        return switch state {
        case .moved: "\(change) after it had moved '\(tag)': it counts as promoted"
        case .unmoved, .intended:
            entry.reason == nil
                ? "\(change) before it moved '\(tag)', which is unchanged"
                : "\(change) before the move of '\(tag)' was confirmed; the tag is unchanged"
        case .contested:
            "\(change), and '\(tag)' is now \(now?.short ?? "missing"), neither its build nor the former one: "
                + "another writer moved the tag"
        }
    }
}
