package import Shared

/// How a commit stands to the head of its branch.
package enum BranchPosition: Hashable, Sendable {
    /// It is the head.
    case head
    /// The head descends from it: a newer build is on its way.
    case superseded(by: GitSHA)
    /// The head does not: the branch was rewritten, or the commit is of another one.
    case rewritten(head: GitSHA)

    /// - Parameter isAncestor: whether the head has the commit in its history.
    package static func decide(_ sha: GitSHA, head: GitSHA, isAncestor: Bool) -> BranchPosition {
        if sha == head { return .head }
        return isAncestor ? .superseded(by: head) : .rewritten(head: head)
    }

    /// - Throws: ``GateError`` unless the commit is the head.
    package func requireHead(_ sha: GitSHA, of branch: String) throws(GateError) {
        let name = Sanitizer.singleLine(branch, limit: 100)
        switch self {
        case .head: return
        case .superseded(let head):
            throw .superseded(
                "commit \(sha.short) is superseded: \(name) is at \(head.short), which descends from it")
        case .rewritten(let head):
            throw .refused(
                "commit \(sha.short) is not in the history of \(name), which is at \(head.short): the branch was rewritten, "
                    + "or the commit is another branch's: promote what the branch has")
        }
    }
}

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
        switch ancestry {
        case .same, .descendant: return .forward
        case .notDescendant:
            reason = "commit \(new.short) does not descend from \(present?.short ?? "the build") that is promoted now"
        case .unknown(let why):
            reason =
                "it is not known whether commit \(new.short) descends from \(present?.short ?? "the build") that is promoted now: "
                + why
        }
        return allowsRollback
            ? .rollback(reason: reason) : .refused(reason: "\(reason): if that is meant, give --allow-rollback")
    }
}
