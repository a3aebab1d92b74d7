package import Shared

/// The position of a commit relative to the head of its branch.
package enum BranchPosition: Hashable, Sendable {
    /// The commit is the head.
    case head
    /// The head descends from the commit: a newer build follows.
    case superseded(by: GitSHA)
    /// The head does not descend from it: the branch was rewritten, or the commit is on another branch.
    case rewritten(head: GitSHA)

    /// - Parameter isAncestor: true if the commit is in the head's history.
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
                "commit \(sha.short) is not in the history of \(name), which is at \(head.short) (the branch was rewritten, "
                    + "or the commit is on another branch): promote a commit of \(name)", by: .branch)
        }
    }
}

/// The relation of a new build's commit to that of the tag's current build.
package enum Ancestry: Hashable, Sendable {
    case same
    /// The current commit is in the new commit's history.
    case descendant
    case notDescendant
    /// No forge was given.
    case noForge
    /// It could not be read, for this reason.
    case unknown(String)
}

/// The decision whether a tag may move from one build to another.
package enum TagMove: Hashable, Sendable {
    /// The new commit is the same, or descends from the current one.
    case forward
    /// The new commit does not descend from the current one, or is not known to, and this was allowed. Journalled with the
    /// reason.
    case rollback(reason: String)
    /// Exit code 41.
    case refused(reason: String)

    /// Decides a move. A build that is not known to descend from the current one needs `--allow-rollback`.
    ///
    /// - Parameter present: the current build's commit; nil if it is not labelled with one.
    package static func decide(
        from present: GitSHA?, to new: GitSHA, _ ancestry: Ancestry, allowsRollback: Bool
    ) -> TagMove {
        let current = present.map { "\($0.short), the current build" } ?? "the current build"
        let reason: String
        let remedy: String
        switch ancestry {
        case .same, .descendant: return .forward
        case .notDescendant:
            reason = "commit \(new.short) does not descend from \(current)"
            remedy = "give --allow-rollback to promote it anyway"
        case .noForge:
            reason = "cannot check that \(new.short) is newer than \(current)"
            remedy = "give --forge, or --skip-ancestry to skip this check"
        case .unknown(let cause):
            reason = "cannot check that \(new.short) is newer than \(current) (\(cause))"
            remedy = "give --skip-ancestry to skip this check"
        }
        return allowsRollback ? .rollback(reason: reason) : .refused(reason: "\(reason): \(remedy)")
    }
}
