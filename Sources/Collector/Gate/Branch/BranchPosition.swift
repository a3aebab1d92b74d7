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

    /// Decides on the move to a build that may not descend from the present one.
    ///
    /// - Parameter present: nil if the present build does not state its commit.
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
