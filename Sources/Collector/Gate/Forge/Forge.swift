package import Shared

/// What a promotion needs to know of a forge. Every operation ends by its deadline, and none changes anything.
package protocol Forge: Sendable {
    var client: ForgeClient { get }

    /// Everything that CI said of a commit about these contexts, as it stands now.
    func checks(of sha: GitSHA, contexts: Set<String>, before deadline: ContinuousClock.Instant)
        async throws(ForgeError) -> CIReading

    /// The commit that a branch points at.
    func head(of branch: String, before deadline: ContinuousClock.Instant) async throws(ForgeError) -> GitSHA

    /// Whether `descendant` has `sha` in its history. A commit is its own ancestor.
    ///
    /// - Throws: where the forge did not say so either way. "No" is only what it said.
    func isAncestor(_ sha: GitSHA, of descendant: GitSHA, before deadline: ContinuousClock.Instant)
        async throws(ForgeError) -> Bool

    /// The commits that `head` has in its history and `sha`, an ancestor of it, does not.
    ///
    /// - Throws: where there are more than ``BranchGap/limit``, or the forge did not say.
    func commits(after sha: GitSHA, upTo head: GitSHA, before deadline: ContinuousClock.Instant)
        async throws(ForgeError) -> BranchGap

    /// An Actions variable; nil where it is certain that there is none.
    func variable(_ name: String, of owner: VariableOwner, before deadline: ContinuousClock.Instant)
        async throws(ForgeError) -> String?
}

/// Whose Actions variable it is.
package enum VariableOwner: Hashable, Sendable {
    case repository
    /// The repository's owner, as an organisation.
    case organisation
}

extension Forge {
    package var kind: ForgeKind { client.address.kind }

    /// Asks for a branch by name: slashes are a part of it.
    func branchPath(_ branch: String) -> String {
        let segments = branch.split(separator: "/", omittingEmptySubsequences: false).map(ForgeClient.encoded)
        return client.repositoryPath("/branches/" + segments.joined(separator: "/"))
    }

    /// Reads a variable, and where there is none makes sure that the token would have seen one.
    func readVariable<Answer: Decodable>(
        _ name: String, of owner: VariableOwner, as type: Answer.Type, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> Answer? {
        guard client.hasToken else {
            throw ForgeError(
                .refused(status: 401),
                "\(kind.name) at \(client.address.authority): without a token no Actions variable can be read: give "
                    + "--forge-token-file")
        }
        let root =
            switch owner {
            case .repository: client.repositoryPath("")
            case .organisation: "/orgs/\(client.repository.owner)"
            }
        let answer: ForgeAnswer
        do throws(ForgeError) {
            answer = try await client.get(root + "/actions/variables/" + name, before: deadline)
        } catch  where error.kind == .refused(status: 404) {
            // Absent, or hidden: only one who can read the owner is told the difference.
            let place = try await client.get(root, before: deadline)
            try place.decode(VariableHome.self).check(kind: kind, place: place.place)
            return nil
        }
        return try answer.decode(type)
    }
}

/// What a repository or an organisation says of itself.
private struct VariableHome: Decodable {
    struct Permissions: Decodable {
        var push: Bool?
    }

    var permissions: Permissions?

    /// GitHub shows variables to collaborators only, and everybody may read a public repository: there a 404 proves
    /// nothing.
    func check(kind: ForgeKind, place: String) throws(ForgeError) {
        guard kind == .gitea || permissions?.push != false else {
            throw ForgeError(
                .refused(status: 403),
                "\(place): the token may read the repository, not its Actions variables: give one that may")
        }
    }
}
