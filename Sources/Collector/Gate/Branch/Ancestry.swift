package import Shared

/// How a new build stands to the one that a tag has now, by their commits.
package enum Ancestry: Hashable, Sendable {
    case same
    /// The new commit has the present one in its history.
    case descendant
    case notDescendant
    /// Nobody could say.
    case unknown(String)
}

/// Whether a tag may move from one build to another.
package enum TagMove: Hashable, Sendable {
    /// To the same commit, or to one that descends from it.
    case forward
    /// To one that does not, or may not, because `--allow-rollback` was given. To be journalled with the reason.
    case rollback(reason: String)
    /// 41.
    case refused(reason: String)

    /// Moving to a build that is not known to descend from the present one needs `--allow-rollback`.
    ///
    /// - Parameter present: nil where the present build does not say its commit.
    package static func decide(
        from present: GitSHA?, to new: GitSHA, _ ancestry: Ancestry, allowsRollback: Bool
    ) -> TagMove {
        let reason: String
        let remedy: String
        switch ancestry {
        case .same, .descendant: return .forward
        case .notDescendant:
            reason = "commit \(new.short) does not descend from \(present?.short ?? "the build") that is promoted now"
            remedy = "give --allow-rollback if that is intended"
        case .unknown(let why):
            reason =
                "cannot check that commit \(new.short) descends from \(present?.short ?? "the build") that is promoted now, "
                + "because \(why)"
            remedy = "give --forge, or --skip-ancestry to promote without this check"
        }
        return allowsRollback ? .rollback(reason: reason) : .refused(reason: "\(reason): \(remedy)")
    }
}
