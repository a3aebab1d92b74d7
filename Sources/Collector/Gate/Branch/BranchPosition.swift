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
