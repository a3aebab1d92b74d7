import Shared

/// How far a fleet has come on its way to the promotion that took over from the target.
///
/// Of the hosts that the gate is about. It counts what is known when it is made; a verification that learns of a newer
/// promotion ends once every host was asked, so that each is counted by what it said.
package struct SupersedeProgress: Hashable, Sendable {
    package let promotion: Promotion
    /// Hosts that serve exactly this promotion.
    package let serving: Int
    /// Hosts that still serve the target.
    package let onTarget: Int
    /// All others: on another build, out of reach, failed to say.
    package let neither: Int

    /// nil where the target is the newest promotion that is known.
    package init?(_ verification: Verification) {
        guard let promotion = verification.successor else { return nil }
        self.promotion = promotion
        let gated = verification.tracks.filter { !$0.host.isWaived }
        serving = gated.count { $0.status == .ahead && $0.assessment?.detail == .generation(promotion.generation) }
        onTarget = gated.count { $0.facts.reach == .ok && $0.facts.build.isMatch }
        neither = gated.count - serving - onTarget
    }

    /// One line: which promotion, and how far it came.
    package var message: String {
        let build = [promotion.gitSHA?.short, promotion.digest?.short].compactMap { $0 }.joined(separator: " ")
        let expected = serving + onTarget + neither
        let progress =
            serving == expected
            ? "\(expected == 1 ? "the only host serves" : "all \(expected) hosts serve") it"
            : "\(serving) of \(expected.hostCount) \(serving == 1 ? "serves" : "serve") it, \(onTarget) still "
                + "\(onTarget == 1 ? "serves" : "serve") this target, \(neither) neither"
        return "generation \(promotion.generation) (\(build)) was promoted since: \(progress)"
    }
}
