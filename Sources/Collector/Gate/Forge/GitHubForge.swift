import Shared

/// GitHub's REST API (docs.github.com/rest), of github.com and of Enterprise Server.
struct GitHubForge: Forge {
    let client: ForgeClient
    /// The most that it gives.
    private static let pageSize = 100

    /// Commit statuses and check runs. Jobs of Actions are only among the latter.
    func checks(
        of sha: GitSHA, contexts: Set<String>, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> CIReading {
        let commit = client.repositoryPath("/commits/\(sha)")
        let web = client.address.web
        var rows = try await pages(commit + "/statuses", [], before: deadline) { answer throws(ForgeError) in
            let statuses = try answer.decode([GitHubStatus].self)
            var rows: [CIRow] = []
            for status in statuses {
                if let row = try status.row(of: sha, contexts, web: web, at: answer.place) { rows.append(row) }
            }
            return (statuses.count, 0, rows)
        }
        // All of them, to choose the newest by number: `latest` is by the time of completion, and a run that was begun
        // again has none yet.
        rows += try await pages(commit + "/check-runs", [("filter", "all")], before: deadline) {
            answer throws(ForgeError) in
            let page = try answer.decode(GitHubCheckRuns.self)
            var rows: [CIRow] = []
            for run in page.checkRuns {
                if let row = try run.row(of: sha, contexts, web: web, at: answer.place) { rows.append(row) }
            }
            return (page.checkRuns.count, page.totalCount, rows)
        }
        return CIReading(views: [rows])
    }

    /// Reads a list to its end: an empty page, or a short one that announces no other and completes what was counted.
    private func pages(
        _ path: String, _ query: [(name: String, value: String)], before deadline: ContinuousClock.Instant,
        _ read: (ForgeAnswer) throws(ForgeError) -> (count: Int, total: Int, rows: [CIRow])
    ) async throws(ForgeError) -> [CIRow] {
        var rows: [CIRow] = []
        var seen = 0
        for page in 1...ForgePages.limit {
            let answer = try await client.get(
                path, query + [("per_page", "\(Self.pageSize)"), ("page", "\(page)")], before: deadline)
            let (count, total, more) = try read(answer)
            seen += count
            rows += more
            if count == 0 {
                guard seen >= total else {
                    throw ForgeError(.unreadable, "\(path): \(total) rows were announced, and \(seen) came")
                }
                return rows
            }
            if count < Self.pageSize, !answer.announcesNext, seen >= total { return rows }
            guard rows.count <= ForgePages.rowLimit else { break }
        }
        throw ForgePages.endless(path)
    }

    func isAncestor(
        _ sha: GitSHA, of descendant: GitSHA, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> Bool {
        if sha == descendant { return true }
        // The files of the difference are on the first page only, and nobody needs them.
        let answer = try await client.get(
            client.repositoryPath("/compare/\(sha)...\(descendant)"), [("per_page", "1"), ("page", "2")],
            before: deadline)
        let comparison = try answer.decode(GitHubComparison.self)
        if let base = try comparison.baseCommit?.read(at: answer.place), base != sha {
            throw ForgeError(.unreadable, "\(answer.place): the answer compares another commit")
        }
        let mergeBase = try comparison.mergeBaseCommit?.read(at: answer.place) ?? sha
        switch comparison.status {
        case "ahead" where mergeBase == sha: return true
        case "behind", "diverged": return false
        default:
            throw ForgeError(.unreadable, "\(answer.place): the comparison contradicts itself")
        }
    }

    func variable(
        _ name: String, of owner: VariableOwner, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> String? {
        try await readVariable(name, of: owner, as: GitHubVariable.self, before: deadline)?.value
    }
}

/// "Get a repository variable".
private struct GitHubVariable: Decodable {
    var value: String
}

/// "Compare two commits".
private struct GitHubComparison: Decodable {
    var status: String
    var baseCommit: ForgeCommit?
    var mergeBaseCommit: ForgeCommit?

    private enum CodingKeys: String, CodingKey {
        case status
        case baseCommit = "base_commit"
        case mergeBaseCommit = "merge_base_commit"
    }
}
