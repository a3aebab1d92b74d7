import CollectorSupport
package import Shared
import Verdict

/// Why a promotion ended before its verification. One sentence each; none of them is ever a success.
enum PromotionError: ExitCoded, Hashable {
    /// Another change of the tag is under way.
    case underWay(JournalEntry, isSeen: Bool)
    /// The tag is neither what was intended nor what was there: somebody else moves it.
    case contested(String, found: Digest?, intended: Digest)
    /// The tag stays at a build that the ledger saw it leave.
    case movedBack(String, to: Digest, since: JournalEntry)
    /// The registry acknowledged it, and the tag has not shown it; the journal keeps it open.
    case notShown(String, found: Digest?, after: Duration)
    /// Nobody knows whether the tag was written; the journal says so, and the next run finds out.
    case uncertain(String, reason: String)
    /// A later promotion of the service is known.
    case superseded(Promotion, of: GitSHA, generation: Int)
    /// The inventory would not do, so that nothing that is promoted could be verified.
    case inventory(Conclusion)
    case interrupted(signal: Int32, String)

    var exitStatus: ExitStatus {
        switch self {
        case .underWay, .contested, .movedBack: .refused
        case .notShown, .uncertain: .unavailable
        case .superseded: .superseded
        case .inventory(let conclusion): ExitStatus(rawValue: conclusion.exitCode) ?? .inventory
        case .interrupted(let signal, _): .interrupted(by: signal)
        }
    }

    var description: String {
        switch self {
        case .underWay(let entry, let isSeen):
            "another change of \(entry.intent.repository):\(entry.intent.tag) is under way (\(entry.intent.id), by "
                + "\(Sanitizer.singleLine(entry.intent.actor, limit: 200)), since \(entry.intent.intendedAt)"
                + (isSeen ? "" : ", in a process that cannot be seen from here") + "): wait until it is done"
        case .contested(let tag, let found, let intended):
            "\(tag) is \(found?.description ?? "nothing"), and neither \(intended.short) nor what it was before: another "
                + "writer moves it, so find out who (resolve \(tag)) before anything is promoted again"
        case .movedBack(let tag, let found, let entry):
            "\(tag) is \(found.short), and the last change that the ledger knows made it "
                + "\(entry.intent.gitSHA?.short ?? entry.intent.digest.short) \(entry.intent.digest.short) "
                + "(\(entry.intent.kind.rawValue) \(entry.intent.id), \(entry.settledAt ?? entry.intent.intendedAt)): somebody moved "
                + "the tag since, or the registry answers from a copy that lags, so find out which; to go back all the same, "
                + "name the build with --to"
        case .notShown(let tag, let found, let time):
            "the registry acknowledged the change of \(tag), which after \(time.brief) still is "
                + "\(found?.short ?? "nothing"): it may answer from a copy that lags (--readback-timeout), or keep nothing of "
                + "what it acknowledges. The journal keeps the change open, and the next promote or rollback finds out what "
                + "became of it"
        case .uncertain(let tag, let reason):
            "it is not known whether \(tag) was moved (\(reason)): the journal keeps the change open, and the next "
                + "promote or rollback finds out what became of it"
        case .superseded(let later, let sha, let generation):
            "commit \(sha.short) was promoted as generation \(generation), and generation \(later.generation) "
                + "(\(later.gitSHA?.short ?? later.digest?.short ?? "another build")) came after it: promote a newer build, or "
                + "say that going back is meant with --allow-rollback"
        case .inventory(let conclusion):
            "nothing is promoted that could not be verified: \(conclusion.reasons.first?.message ?? conclusion.verdict.rawValue)"
        case .interrupted(_, let text): text
        }
    }
}

/// Why nothing was promoted, where it is certain that the registry was not changed.
package struct UnchangedTag: ExitCoded {
    package let reason: any ExitCoded
    /// That nothing was changed, and what the tag still is.
    package let said: String

    package init(reason: any ExitCoded, said: String) {
        self.reason = reason
        self.said = said
    }

    package var exitStatus: ExitStatus { reason.exitStatus }
    package var description: String { reason.description }
}
