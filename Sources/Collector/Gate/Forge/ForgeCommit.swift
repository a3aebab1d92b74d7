import Shared

/// A commit in a forge's answer: Gitea's branches say `id`, everything else says `sha`.
struct ForgeCommit: Decodable {
    var sha: String?
    var id: String?

    /// - Throws: ``ForgeError/Kind/unreadable`` where it is no full commit id.
    func read(at place: String) throws(ForgeError) -> GitSHA {
        do throws(GitSHA.Defect) {
            return try GitSHA(parsing: sha ?? id ?? "")
        } catch {
            throw ForgeError(.unreadable, "\(place): a commit id in the answer \(error)")
        }
    }
}

/// `GET /repos/{owner}/{repo}/branches/{branch}`, as both forges answer it.
struct ForgeBranch: Decodable {
    var name: String
    var commit: ForgeCommit
}

extension Forge {
    func head(of branch: String, before deadline: ContinuousClock.Instant) async throws(ForgeError) -> GitSHA {
        let answer = try await client.get(branchPath(branch), before: deadline)
        let read = try answer.decode(ForgeBranch.self)
        guard read.name == branch else {
            throw ForgeError(.unreadable, "\(answer.place): the answer is of another branch")
        }
        return try read.commit.read(at: answer.place)
    }
}
