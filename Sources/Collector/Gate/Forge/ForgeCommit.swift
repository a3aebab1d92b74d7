package import Shared

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
