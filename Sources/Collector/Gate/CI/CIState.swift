import Shared

/// The state of a CI context, in the forge's term.
package struct CIState: Hashable, Sendable, CustomStringConvertible {
    /// Clean text. Compared exactly: forges write lower case.
    package let name: String

    /// - Parameter name: the forge's text. If it needs cleaning, it is quoted, so that it equals no known state.
    init(_ name: String) {
        let clean = Sanitizer.singleLine(name, limit: 40)
        self.name = clean == name ? name : "'\(clean)'"
    }

    package var description: String { name }

    package static let success = CIState("success")
    package static let pending = CIState("pending")
    package static let skipped = CIState("skipped")
    package static let cancelled = CIState("cancelled")
    /// No row exists yet.
    package static let missing = CIState("missing")
    /// The reading contradicts itself: two views of the forge differ, or two rows with one number.
    package static let unsettled = CIState("unsettled")

    /// The effect of a state on a promotion.
    package enum Effect: Int, Comparable, Sendable {
        case satisfied, waiting, ended

        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// Only `success` satisfies. Any other final state cannot turn green; all other states, unknown ones included, can.
    ///
    /// Of GitHub's conclusions, `timed_out` and `startup_failure` are failures, and `neutral` and `stale` are final without
    /// success, like `skipped` and `cancelled`. `action_required` waits for a person to act. Gitea's status `warning` waits
    /// too, since its creator may still update it.
    package var effect: Effect {
        switch name {
        case "success": .satisfied
        case "failure", "error", "cancelled", "canceled", "skipped", "timed_out", "startup_failure", "neutral", "stale":
            .ended
        default: .waiting
        }
    }

    /// - Parameter allowsSkipped: true if the context may be skipped.
    package func effect(allowsSkipped: Bool) -> Effect { allowsSkipped && self == .skipped ? .satisfied : effect }

    /// A state refined by the forge's description. Gitea (to 1.25) and Forgejo report a skipped job as `success` with "Has been
    /// skipped", and a cancelled one as `failure` or `warning` with "Has been cancelled" or "Canceled after 3s". These texts
    /// are not translated.
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

/// The conclusion in a status's description, if the job did not run to its end.
enum CIConclusion: Hashable, Sendable {
    case skipped, cancelled

    /// nil for any other text, and if only a part was skipped ("12 passed, 3 skipped", "Skipped 3 tests").
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

    /// Words that may precede the conclusion.
    private static let subjects: Set<Substring> = [
        "the", "this", "your", "build", "pipeline", "workflow", "job", "check", "step", "run", "task", "stage", "test",
        "tests", "deployment", "deploy", "has", "have", "been", "was", "were", "is", "are", "got", "ci", "execution",
    ]
    /// Words that begin a reason, as opposed to a list of skipped items.
    private static let reasons: Set<Substring> = [
        "because", "due", "since", "by", "as", "no", "not", "nothing", "on", "for", "via", "per", "after", "in", "from",
        "before", "manually", "automatically", "ignored",
    ]
}
