import Shared

/// What CI says of one context, in the forge's word.
struct CIState: Hashable, Sendable, CustomStringConvertible {
    /// Clean text. Compared exactly: forges write lower case.
    let name: String

    /// - Parameter name: as the forge wrote it. What has to be cleaned to be shown is quoted, and so no word of ours.
    init(_ name: String) {
        let clean = Hygiene.line(name, limit: 40)
        self.name = clean == name ? name : "'\(clean)'"
    }

    var description: String { name }

    static let success = CIState("success")
    static let pending = CIState("pending")
    /// No row has come yet.
    static let missing = CIState("missing")
    /// What was read contradicts itself: two views of one forge, or two rows of one number.
    static let unsettled = CIState("unsettled")

    /// What a state means for a promotion.
    enum Effect: Int, Comparable, Sendable {
        case satisfied, waiting, ended

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// Only `success` satisfies. What has come to an end otherwise does not turn green by waiting; everything else,
    /// unknown words too, may.
    ///
    /// Of GitHub's conclusions, `timed_out` and `startup_failure` are failures. `neutral` and `stale` are ends that are no
    /// success, as `skipped` is. `action_required` waits: somebody may act.
    var effect: Effect {
        switch name {
        case "success": .satisfied
        case "failure", "error", "cancelled", "canceled", "skipped", "timed_out", "startup_failure", "neutral", "stale":
            .ended
        default: .waiting
        }
    }
}
