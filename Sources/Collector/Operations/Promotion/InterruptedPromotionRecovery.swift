import CollectorSupport
import Foundation
import Ledger
import Registry
import Reports
import Shared
import Verdict

/// What an earlier promotion of the same tag left unsettled, because it was killed or its registry fell silent.
struct InterruptedPromotionRecovery: Sendable {
    let registry: RegistryClient
    let ledger: Ledger
    let narrator: PromotionLog
    /// How long what the registry acknowledged may take to show.
    var readbackTimeout = Duration.seconds(60)

    /// After this long, a change whose process cannot be looked at is taken for cut off: its requests ended long before.
    static let patience: TimeInterval = 600

    /// Finds out by the tag what became of it.
    ///
    /// - Parameter settles: whether the journal is told, too.
    /// - Returns: the change as it is, or would be, settled; nil where nothing was left.
    /// - Throws: ``PromotionError/underWay(_:isSeen:)`` where it is still at work.
    @discardableResult
    func settle(tag target: ImageReference, now: Date, settles: Bool) async throws -> JournalEntry? {
        let found = try await ledger.unsettled(repository: target.repository, tag: target.effectiveTag ?? "")
        guard let (entry, presence) = found else { return nil }
        let age = Date(rfc3339: entry.intent.intendedAt).map { now.timeIntervalSince($0) } ?? .infinity
        guard presence == .gone || (presence == .unknown && age > Self.patience) else {
            throw PromotionError.underWay(entry, isSeen: presence == .running)
        }
        // What was left open on purpose, and not long ago, may still show; what was killed is taken as it is.
        let rest = entry.reason == nil ? .zero : readbackTimeout - Duration(clampingSeconds: max(0, age))
        let readback = TagReadback(
            intended: entry.intent.digest, former: entry.intent.formerDigest, answer: rest > .zero ? .lost : .notAsked,
            timeout: rest > .zero ? rest : .seconds(10))
        let read = await TagReader(registry: registry).read(target, readback, isPatient: false)
        if let failure = read.failure { throw failure }
        let state: JournalEntry.State =
            switch read.finding {
            case .moved: .moved
            case .unmoved: .unmoved
            case .open where read.shown == entry.intent.formerDigest: .unmoved
            case .contested, .open, .wait: .contested
            }
        let said = Self.sentence(entry, state, read.shown)
        narrator.say(.journal, said)
        guard settles else {
            var settled = entry
            settled.state = state
            return settled
        }
        return try await ledger.settle(entry, as: state, at: now, reason: said)
    }

    static func sentence(_ entry: JournalEntry, _ state: JournalEntry.State, _ now: Digest?) -> String {
        let tag = entry.intent.tag
        let build = entry.intent.gitSHA?.short ?? entry.intent.digest.short
        let beginning = "a \(entry.intent.kind.rawValue) of \(build) (\(entry.intent.id)) was cut off"
        return switch state {
        case .moved: "\(beginning) after it had moved '\(tag)': it counts as promoted"
        case .unmoved, .intended:
            entry.reason == nil
                ? "\(beginning) before it moved '\(tag)', which still is what it was"
                : "\(beginning) before anybody saw it move '\(tag)', which is what it was before"
        case .contested:
            "\(beginning), and '\(tag)' is \(now?.short ?? "nothing") now, which neither it nor what was before it is: "
                + "somebody else moved the tag"
        }
    }
}
