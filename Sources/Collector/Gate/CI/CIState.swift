import Shared

/// What CI says of one context, in the forge's word.
package struct CIState: Hashable, Sendable, CustomStringConvertible {
    /// Clean text. Compared exactly: forges write lower case.
    package let name: String

    /// - Parameter name: as the forge wrote it. What has to be cleaned to be shown is quoted, and so no word of ours.
    init(_ name: String) {
        let clean = Sanitizer.singleLine(name, limit: 40)
        self.name = clean == name ? name : "'\(clean)'"
    }

    package var description: String { name }

    package static let success = CIState("success")
    package static let pending = CIState("pending")
    package static let skipped = CIState("skipped")
    package static let cancelled = CIState("cancelled")
    /// No row has come yet.
    package static let missing = CIState("missing")
    /// What was read contradicts itself: two views of one forge, or two rows of one number.
    package static let unsettled = CIState("unsettled")

    /// What a state means for a promotion.
    package enum Effect: Int, Comparable, Sendable {
        case satisfied, waiting, ended

        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// Only `success` satisfies. What has come to an end otherwise does not turn green by waiting; everything else,
    /// unknown words too, may.
    ///
    /// Of GitHub's conclusions, `timed_out` and `startup_failure` are failures. `neutral` and `stale` are ends that are no
    /// success, as `skipped` and `cancelled` are. `action_required` waits: somebody may act. A commit status of `warning`,
    /// which Gitea has, waits too: whoever wrote it may go on.
    package var effect: Effect {
        switch name {
        case "success": .satisfied
        case "failure", "error", "cancelled", "canceled", "skipped", "timed_out", "startup_failure", "neutral", "stale":
            .ended
        default: .waiting
        }
    }

    /// - Parameter allowsSkipped: whether somebody said that this context may be skipped.
    package func effect(allowsSkipped: Bool) -> Effect { allowsSkipped && self == .skipped ? .satisfied : effect }

    /// The state of what a forge reports with a description, which says more than its word where the forge has no better
    /// one: Gitea (to 1.25) and Forgejo report a job that was skipped as `success`, "Has been skipped", and one that was
    /// cancelled as `failure` or `warning`, "Has been cancelled" or "Canceled after 3s". The texts are not translated.
    init(_ name: String, described description: String?) {
        let plain = CIState(name)
        switch (plain.name, description.flatMap(CIConclusion.init(description:))) {
        case ("success", .skipped?): self = .skipped
        case ("success", .cancelled?), ("failure", .cancelled?), ("error", .cancelled?), ("warning", .cancelled?):
            self = .cancelled
        default: self = plain
        }
    }
}

/// What a description says of something that did not run to its end.
enum CIConclusion: Hashable, Sendable {
    case skipped, cancelled

    /// nil for every other text; also where only a part was skipped ("12 passed, 3 skipped", "Skipped 3 tests").
    init?(description: String) {
        let words = description.lowercased().split { !$0.isLetter && !$0.isNumber }.prefix(12)
        let rest = words.drop { Self.subjects.contains($0) }
        switch rest.first {
        case "skipped": self = .skipped
        case "cancelled", "canceled", "aborted": self = .cancelled
        default: return nil
        }
        guard let next = rest.dropFirst().first else { return }
        guard Self.reasons.contains(next) else { return nil }
    }

    /// What may stand before the word.
    private static let subjects: Set<Substring> = [
        "the", "this", "your", "build", "pipeline", "workflow", "job", "check", "step", "run", "task", "stage", "test",
        "tests", "deployment", "deploy", "has", "have", "been", "was", "were", "is", "are", "got", "ci", "execution",
    ]
    /// What begins a reason, and no list of what was skipped.
    private static let reasons: Set<Substring> = [
        "because", "due", "since", "by", "as", "no", "not", "nothing", "on", "for", "via", "per", "after", "in", "from",
        "before", "manually", "automatically", "ignored",
    ]
}
