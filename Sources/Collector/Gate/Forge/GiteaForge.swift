package import Shared

/// Gitea's API, version 1 (`routers/api/v1/repo` of its sources).
package struct GiteaForge: Forge {
    package let client: ForgeClient

    package init(client: ForgeClient) {
        self.client = client
    }
    /// What is asked for; the server clamps it to its `MAX_RESPONSE_ITEMS`, 50 if nobody changed it. So a short page is not
    /// the last one: only an empty page is.
    private static let pageSize = "50"
    private static let combinedView = "/status"
    /// Runs that are further back are not known. Not every version heeds the commit that is asked for.
    private static let runPages = 5
    private static let commitsQuery = [
        ("limit", pageSize), ("stat", "false"), ("verification", "false"), ("files", "false"),
    ]

    /// Both views: the list of all rows, whose order is not stable between its pages, so that a row may be missed, and the
    /// combined one, which has the last row of each context.
    package func checks(
        of sha: GitSHA, contexts: Set<String>, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> CIReading {
        var names: Set<String> = []
        let list = try await rows(
            of: sha, contexts, "/statuses", [("sort", "highestindex")], before: deadline
        ) { answer throws(ForgeError) in
            let statuses = try answer.decode([GiteaStatus].self)
            names.formUnion(statuses.compactMap(\.context))
            return statuses
        }
        let combined = try await rows(of: sha, contexts, Self.combinedView, [], before: deadline) {
            answer throws(ForgeError) in
            // Without any rows, some versions answer with nothing at all, some with null.
            if answer.body.isEmpty { return [] }
            guard let combined = try answer.decode(GiteaCombinedStatus?.self) else { return [] }
            return try combined.rows(of: sha, at: answer.place)
        }
        let reading = CIReading(views: [list, combined], names: names)
        let hasActions = list.contains { $0.run != nil }
        return hasActions && (reading.needsRuns || reading.mayBeGreen(contexts))
            ? try await withRuns(reading, of: sha, before: deadline) : reading
    }

    /// Adds which workflows the runs are of, and which have yet to report. Where that is not said, two runs of one name are
    /// taken for two workflows'.
    private func withRuns(
        _ reading: CIReading, of sha: GitSHA, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> CIReading {
        var reading = reading
        for (list, isOfRuns) in [("/actions/runs", true), ("/actions/tasks", false)] {
            do throws(ForgeError) {
                reading.runs = try await runs(of: sha, list, before: deadline)
                // A task is one job's: how it stands is not how its run stands.
                if !isOfRuns { for key in reading.runs.keys { reading.runs[key]?.state = nil } }
                reading.trouble = nil
                return reading
            } catch {
                // Versions that do not have one list, and tokens that may not read it.
                guard error.refusal != nil else { throw error }
                reading.trouble = error.description
            }
        }
        return reading
    }

    private func runs(
        of sha: GitSHA, _ list: String, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> [Int64: CIRun] {
        var runs: [Int64: CIRun] = [:]
        for page in 1...Self.runPages {
            let answer = try await client.get(
                client.repositoryPath(list), [("head_sha", sha.hex), ("page", "\(page)"), ("limit", Self.pageSize)],
                isOptional: true, before: deadline)
            let found = try ForgeRuns.read(answer, isFirst: page == 1).runs
            if found.isEmpty { break }
            for run in found where run.commit?.lowercased() == sha.hex {
                guard let number = run.linked else { continue }
                runs[number] = run.run
                runs[number]?.number = number
            }
        }
        return runs
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
            // The combined view has each reporter once: a page without a new one is an earlier one again, of a server that
            // does not page it. Whatever it keeps back is missing here, and so does not agree with the list.
            let fresh = statuses.count { seen.insert("\($0.id) \($0.context ?? "")").inserted }
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
    package func isAncestor(
        _ sha: GitSHA, of descendant: GitSHA, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> Bool {
        if sha == descendant { return true }
        return try await walk(from: descendant, to: sha, Self.commitsQuery, before: deadline) != nil
    }

    package func commits(
        after sha: GitSHA, upTo head: GitSHA, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> BranchGap {
        guard let commits = try await walk(from: head, to: sha, Self.commitsQuery, before: deadline) else {
            throw ForgeError(.unreadable, "\(client.repositoryPath("/commits")): the history has changed meanwhile")
        }
        guard commits.count <= BranchGap.limit else {
            throw BranchGap.tooMany(after: sha, client.repositoryPath("/commits"))
        }
        return BranchGap(commits: commits)
    }

    package func variable(
        _ name: String, of owner: VariableOwner, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> String? {
        try await readVariable(name, of: owner, as: GiteaVariable.self, before: deadline)?.data
    }
}

/// `ActionVariable` of `modules/structs/variable.go`.
private struct GiteaVariable: Decodable {
    var data: String
}

/// `CommitStatus` of `modules/structs/status.go`.
struct GiteaStatus: Decodable {
    /// Counts up within the commit.
    var id: Int64
    var context: String?
    /// Gitea's name for it; what imitates Gitea says `state`.
    var status: String?
    var state: String?
    var targetURL: String?
    /// Ends with the commit.
    var url: String?
    var description: String?
    var createdAt: String?
    var creator: StatusCreator?

    private enum CodingKeys: String, CodingKey {
        case id, context, status, state, url, description, creator
        case targetURL = "target_url"
        case createdAt = "created_at"
    }

    /// The row, where it is of one of these contexts.
    ///
    /// - Throws: where it is another commit's.
    func row(of sha: GitSHA, _ contexts: Set<String>, web: String, at place: String) throws(ForgeError) -> CIRow? {
        guard let context, contexts.contains(context) else { return nil }
        try StatusOwner.check(url, is: sha, at: place)
        guard status == nil || state == nil || status == state else {
            throw ForgeError(.unreadable, "\(place): a row says both '\(status ?? "")' and '\(state ?? "")'")
        }
        let link = ActionsLink(targetURL)
        let time = ForgeTime.read(createdAt)
        return CIRow(
            context: context, id: id, source: .status,
            state: CIState(status ?? state ?? "unknown", described: description),
            url: SafeLink.absolute(targetURL, web: web), creator: creator?.login, run: link?.run, job: link?.job,
            startedAt: time, endedAt: time)
    }
}

/// `CombinedStatus` of the same file.
struct GiteaCombinedStatus: Decodable {
    var sha: String?
    var totalCount: Int?
    var statuses: [GiteaStatus]?

    private enum CodingKeys: String, CodingKey {
        case sha, statuses
        case totalCount = "total_count"
    }

    func rows(of asked: GitSHA, at place: String) throws(ForgeError) -> [GiteaStatus] {
        if let sha, !sha.isEmpty, sha.lowercased() != asked.hex {
            throw ForgeError(.unreadable, "\(place): the combined status is of another commit")
        }
        guard let statuses else {
            // Some versions count rows that they do not show.
            guard (totalCount ?? 0) == 0 else {
                throw ForgeError(.unreadable, "\(place): the combined status counts rows and shows none")
            }
            return []
        }
        return statuses
    }
}

/// Whose commit a status is, by its API address `…/statuses/{sha}`.
enum StatusOwner {
    static func check(_ url: String?, is sha: GitSHA, at place: String) throws(ForgeError) {
        guard let last = url?.split(separator: "/").last, GitSHA.problem(with: last) == nil else { return }
        guard last.lowercased() == sha.hex else {
            throw ForgeError(.unreadable, "\(place): a row is another commit's")
        }
    }
}
