import Shared

/// Gitea's API, version 1 (`routers/api/v1/repo` of its sources).
struct GiteaForge: Forge {
    let client: ForgeClient
    /// What is asked for; the server clamps it to its `MAX_RESPONSE_ITEMS`, 50 if nobody changed it. So a short page is not
    /// the last one: only an empty page is.
    private static let pageSize = "50"
    private static let combinedView = "/status"
    /// How far back a commit is looked for: enough for the commits between two promotions, in some seconds.
    private static let historyPages = 40

    /// Both views: the list of all rows, whose order is not stable between its pages, so that a row may be missed, and the
    /// combined one, which has the last row of each context.
    func checks(
        of sha: GitSHA, contexts: Set<String>, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> CIReading {
        let list = try await rows(
            of: sha, contexts, "/statuses", [("sort", "highestindex")], before: deadline
        ) { answer throws(ForgeError) in
            try answer.decode([GiteaStatus].self)
        }
        let combined = try await rows(of: sha, contexts, Self.combinedView, [], before: deadline) {
            answer throws(ForgeError) in
            // Without any rows, some versions answer with nothing at all, some with null.
            if answer.body.isEmpty { return [] }
            guard let combined = try answer.decode(GiteaCombinedStatus?.self) else { return [] }
            return try combined.rows(of: sha, at: answer.place)
        }
        return CIReading(views: [list, combined])
    }

    /// Reads one view to its empty page.
    private func rows(
        of sha: GitSHA, _ contexts: Set<String>, _ view: String, _ query: [(name: String, value: String)],
        before deadline: ContinuousClock.Instant,
        _ decode: (ForgeAnswer) throws(ForgeError) -> [GiteaStatus]
    ) async throws(ForgeError) -> [CIRow] {
        let path = client.repositoryPath("/commits/\(sha)\(view)")
        var rows: [CIRow] = []
        var seen: Set<String> = []
        for page in 1...ForgePages.limit {
            let answer = try await client.get(
                path, query + [("page", "\(page)"), ("limit", Self.pageSize)], allowsEmpty: view == Self.combinedView,
                before: deadline)
            let statuses = try decode(answer)
            if statuses.isEmpty { return rows }
            // The combined view has each context once: a page without a new one is an earlier one again, of a server that
            // does not page it. Whatever it keeps back is missing here, and so does not agree with the list.
            let fresh = statuses.count { seen.insert($0.context ?? "").inserted }
            if view == Self.combinedView, fresh == 0 { return rows }
            for status in statuses {
                if let row = try status.row(of: sha, contexts, web: client.address.web, at: answer.place) {
                    rows.append(row)
                }
            }
            guard rows.count <= ForgePages.rowLimit, seen.count <= ForgePages.rowLimit else { break }
        }
        throw ForgePages.endless(path)
    }

    /// Walks the history: its API to compare answers "no commits" also where two commits have nothing in common.
    func isAncestor(
        _ sha: GitSHA, of descendant: GitSHA, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> Bool {
        if sha == descendant { return true }
        let path = client.repositoryPath("/commits")
        for page in 1...Self.historyPages {
            let answer = try await client.get(
                path,
                [
                    ("sha", descendant.hex), ("page", "\(page)"), ("limit", Self.pageSize), ("stat", "false"),
                    ("verification", "false"), ("files", "false"),
                ], before: deadline)
            let commits = try answer.decode([ForgeCommit].self)
            if page == 1 {
                // A server that does not heed `sha` lists another history.
                guard try commits.first?.read(at: answer.place) == descendant else {
                    throw ForgeError(.unreadable, "\(answer.place): the history does not begin at the commit asked for")
                }
            }
            if commits.isEmpty { return false }
            for commit in commits where try commit.read(at: answer.place) == sha { return true }
        }
        throw ForgeError(
            .unreadable,
            "\(path): commit \(sha.short) is not among the last commits of \(descendant.short), and the history goes on"
        )
    }

    func variable(
        _ name: String, of owner: VariableOwner, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> String? {
        try await readVariable(name, of: owner, as: GiteaVariable.self, before: deadline)?.data
    }
}

/// `ActionVariable` of `modules/structs/variable.go`.
private struct GiteaVariable: Decodable {
    var data: String
}
