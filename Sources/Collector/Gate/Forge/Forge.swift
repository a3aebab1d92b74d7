package import Shared

/// Read access to a forge. Every operation ends by its deadline.
package protocol Forge: Sendable {
    var client: ForgeClient { get }

    /// Reads the current CI results of a commit in these contexts.
    func checks(of sha: GitSHA, contexts: Set<String>, before deadline: ContinuousClock.Instant)
        async throws(ForgeError) -> CIReading

    /// Reads the commit that a branch points at.
    func head(of branch: String, before deadline: ContinuousClock.Instant) async throws(ForgeError) -> GitSHA

    /// True if `sha` is in the history of `descendant`. A commit is its own ancestor.
    ///
    /// - Throws: if the forge's response does not settle it.
    func isAncestor(_ sha: GitSHA, of descendant: GitSHA, before deadline: ContinuousClock.Instant)
        async throws(ForgeError) -> Bool

    /// Reads the commits in the history of `head` and not in that of its ancestor `sha`.
    ///
    /// - Throws: also if there are more than ``BranchGap/limit``.
    func commits(after sha: GitSHA, upTo head: GitSHA, before deadline: ContinuousClock.Instant)
        async throws(ForgeError) -> BranchGap

    /// Reads an Actions variable; nil if it certainly does not exist.
    func variable(_ name: String, of owner: VariableOwner, before deadline: ContinuousClock.Instant)
        async throws(ForgeError) -> String?
}

/// The owner of an Actions variable.
package enum VariableOwner: Hashable, Sendable {
    case repository
    /// The organisation that owns the repository.
    case organisation
}

extension Forge {
    package var kind: ForgeKind { client.address.kind }

    /// The path of a branch, whose name may contain slashes.
    func branchPath(_ branch: String) -> String {
        let segments = branch.split(separator: "/", omittingEmptySubsequences: false).map(ForgeClient.encoded)
        return client.repositoryPath("/branches/" + segments.joined(separator: "/"))
    }

    /// Reads a variable. If it does not exist, verifies that the token could have read it.
    func readVariable<Answer: Decodable>(
        _ name: String, of owner: VariableOwner, as type: Answer.Type, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> Answer? {
        guard client.hasToken else {
            throw ForgeError(
                .refused(status: 401),
                "\(kind.name) at \(client.address.authority): Actions variables cannot be read without a token: give "
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
            // Absent or hidden: only access to the owner shows which.
            let place = try await client.get(root, before: deadline)
            try place.decode(VariableHome.self).check(kind: kind, place: place.place)
            return nil
        }
        return try answer.decode(type)
    }
}

/// A repository or an organisation in a forge's answer.
private struct VariableHome: Decodable {
    struct Permissions: Decodable {
        var push: Bool?
    }

    var permissions: Permissions?

    /// GitHub shows variables to collaborators only, but a public repository to everyone, so a 404 proves nothing without
    /// push permission.
    func check(kind: ForgeKind, place: String) throws(ForgeError) {
        guard kind == .gitea || permissions?.push != false else {
            throw ForgeError(
                .refused(status: 403),
                "\(place): the token can read the repository but not its Actions variables: give one that can")
        }
    }
}

/// A commit in a forge's answer. The field is `id` in Gitea's branches, and `sha` elsewhere.
struct ForgeCommit: Decodable {
    struct Parent: Decodable {
        var sha: String?
    }

    var sha: String?
    var id: String?
    var parents: [Parent]?

    /// - Throws: ``ForgeError/Kind/unreadable`` if it is not a full commit id.
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
        // Parents that cannot be parsed count as unknown.
        let read = listed.compactMap { parent in parent.sha.flatMap { try? GitSHA(parsing: $0) } }
        parents = read.count == listed.count && !read.isEmpty ? read : nil
    }
}

/// The answer to `GET /repos/{owner}/{repo}/branches/{branch}` of both forges.
private struct ForgeBranch: Decodable {
    var name: String
    var commit: ForgeCommit
}

extension Forge {
    /// Walks the history of a commit, newest first, until it reaches another one.
    ///
    /// - Parameter query: the forge's query, apart from commit and page.
    /// - Returns: the commits listed before `sha`; nil if it is not in the history.
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
                // A server that ignores `sha` lists another history.
                guard try commits.first?.read(at: answer.place) == descendant else {
                    throw ForgeError(.unreadable, "\(answer.place): the history does not begin at the requested commit")
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
            "\(path): commit \(sha.short) is not among the last commits of \(descendant.short), and the history is longer"
        )
    }

    package func head(of branch: String, before deadline: ContinuousClock.Instant) async throws(ForgeError) -> GitSHA {
        let answer = try await client.get(branchPath(branch), before: deadline)
        let read = try answer.decode(ForgeBranch.self)
        guard read.name == branch else {
            throw ForgeError(.unreadable, "\(answer.place): the answer is about another branch")
        }
        return try read.commit.read(at: answer.place)
    }
}

/// Limits for lists in pages.
enum ForgePages {
    /// The most pages of one list. A longer list counts as unreadable.
    static let limit = 200
    /// The most rows of one reading.
    static let rowLimit = 20_000

    static func endless(_ place: String) -> ForgeError {
        ForgeError(.unreadable, "\(place): the list has more than \(limit) pages or \(rowLimit) rows")
    }
}
