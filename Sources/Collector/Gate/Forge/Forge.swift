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

/// A commit in a forge's answer: Gitea's branches say `id`, everything else says `sha`.
struct ForgeCommit: Decodable {
    struct Parent: Decodable {
        var sha: String?
    }

    var sha: String?
    var id: String?
    var parents: [Parent]?

    /// - Throws: ``ForgeError/Kind/unreadable`` where it is no full commit id.
    func read(at place: String) throws(ForgeError) -> GitSHA {
        do throws(GitSHA.ParseError) {
            return try GitSHA(parsing: sha ?? id ?? "")
        } catch {
            throw ForgeError(.unreadable, "\(place): a commit id in the answer \(error)")
        }
    }
}

extension BranchGap.Commit {
    init(_ commit: ForgeCommit, at place: String) throws(ForgeError) {
        sha = try commit.read(at: place)
        guard let listed = commit.parents else { return }
        // Parents that cannot be read are as good as none that are said.
        let read = listed.compactMap { parent in parent.sha.flatMap { try? GitSHA(parsing: $0) } }
        parents = read.count == listed.count && !read.isEmpty ? read : nil
    }
}

/// `GET /repos/{owner}/{repo}/branches/{branch}`, as both forges answer it.
package struct ForgeBranch: Decodable {
    var name: String
    var commit: ForgeCommit
}

extension Forge {
    /// Walks the history of a commit, newest first, until it comes to another one.
    ///
    /// - Parameter query: what the forge wants to hear beside commit and page.
    /// - Returns: the commits that are listed before `sha`; nil where it is not in the history.
    func walk(
        from descendant: GitSHA, to sha: GitSHA, _ query: [(name: String, value: String)],
        before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> [BranchGap.Commit]? {
        let path = client.repositoryPath("/commits")
        var passed: [BranchGap.Commit] = []
        for page in 1...BranchGap.pages {
            let answer = try await client.get(
                path, [("sha", descendant.hex), ("page", "\(page)")] + query, before: deadline)
            let commits = try answer.decode([ForgeCommit].self)
            if page == 1 {
                // A server that does not heed `sha` lists another history.
                guard try commits.first?.read(at: answer.place) == descendant else {
                    throw ForgeError(.unreadable, "\(answer.place): the history does not begin at the commit asked for")
                }
            }
            if commits.isEmpty { return nil }
            for commit in commits {
                let commit = try BranchGap.Commit(commit, at: answer.place)
                if commit.sha == sha { return passed }
                passed.append(commit)
            }
        }
        throw ForgeError(
            .unreadable,
            "\(path): commit \(sha.short) is not among the last commits of \(descendant.short), and the history goes on"
        )
    }

    package func head(of branch: String, before deadline: ContinuousClock.Instant) async throws(ForgeError) -> GitSHA {
        let answer = try await client.get(branchPath(branch), before: deadline)
        let read = try answer.decode(ForgeBranch.self)
        guard read.name == branch else {
            throw ForgeError(.unreadable, "\(answer.place): the answer is of another branch")
        }
        return try read.commit.read(at: answer.place)
    }
}

/// How lists are read that come in pages.
enum ForgePages {
    /// Pages of one list; a list that goes on behind them is not readable.
    static let limit = 200
    /// Rows that are kept of one reading.
    static let rowLimit = 20_000

    /// A forge that never comes to an end.
    static func endless(_ place: String) -> ForgeError {
        ForgeError(.unreadable, "\(place): the list does not end within \(limit) pages and \(rowLimit) rows")
    }
}
