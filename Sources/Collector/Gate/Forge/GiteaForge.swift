package import Shared

/// Gitea's API, version 1 (`routers/api/v1/repo` of its sources).
package struct GiteaForge: Forge {
    package let client: ForgeClient

    package init(client: ForgeClient) {
        self.client = client
    }

    /// The requested page size, which the server limits to its `MAX_RESPONSE_ITEMS`, 50 by default. So only an empty page is
    /// certainly the last, not a short one.
    private static let pageSize = "50"
    private static let combinedView = "/status"
    /// The most pages of runs, since some versions ignore the requested commit and list all runs.
    private static let runPages = 5
    private static let commitsQuery = [
        ("limit", pageSize), ("stat", "false"), ("verification", "false"), ("files", "false"),
    ]

    /// Reads both views: the list of all rows, in which a row can be missed because the order may change between pages, and
    /// the combined status with the last row of each context.
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
            // Without rows, some versions send an empty body, some null.
            if answer.body.isEmpty { return [] }
            guard let combined = try answer.decode(GiteaCombinedStatus?.self) else { return [] }
            return try combined.rows(of: sha, at: answer.place)
        }
        let reading = CIReading(views: [list, combined], names: names)
        let hasActions = list.contains { $0.run != nil }
        return hasActions && (reading.needsRuns || reading.mayBeGreen(contexts))
            ? try await withRuns(reading, of: sha, before: deadline) : reading
    }

    /// Adds the runs, which name their workflows and show which have yet to report. Without them, two runs of one name count
    /// as two workflows.
    private func withRuns(
        _ reading: CIReading, of sha: GitSHA, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> CIReading {
        var reading = reading
        for (list, isOfRuns) in [("/actions/runs", true), ("/actions/tasks", false)] {
            do throws(ForgeError) {
                reading.runs = try await runs(of: sha, list, before: deadline)
                // A task is one job, whose state is not the run's.
                if !isOfRuns { for key in reading.runs.keys { reading.runs[key]?.state = nil } }
                reading.runsFailure = nil
                return reading
            } catch {
                // The version lacks this list, or the token cannot read it.
                guard error.refusal != nil else { throw error }
                reading.runsFailure = error.description
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

    /// Reads one view up to its empty page.
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
            // The combined view lists each reporter once. A page without a new one is a repetition by a server that does not
            // page it; rows that it omits then disagree with the list.
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

    /// Walks the history, because Gitea's comparison also returns "no commits" for two unrelated commits.
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
            throw ForgeError(.unreadable, "\(client.repositoryPath("/commits")): the history changed in the meantime")
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
    /// Increases within the commit.
    var id: Int64
    var context: String?
    /// Gitea's field; imitations of Gitea use `state`.
    var status: String?
    var state: String?
    var targetURL: String?
    /// The API's URL of the status, which ends with the commit.
    var url: String?
    var description: String?
    var createdAt: String?
    var creator: StatusCreator?

    private enum CodingKeys: String, CodingKey {
        case id, context, status, state, url, description, creator
        case targetURL = "target_url"
        case createdAt = "created_at"
    }

    /// The row; nil for a context that is not required.
    ///
    /// - Throws: if it belongs to another commit.
    func row(of sha: GitSHA, _ contexts: Set<String>, web: String, at place: String) throws(ForgeError) -> CIRow? {
        guard let context, contexts.contains(context) else { return nil }
        try StatusOwner.check(url, is: sha, at: place)
        guard status == nil || state == nil || status == state else {
            throw ForgeError(.unreadable, "\(place): a row is both '\(status ?? "")' and '\(state ?? "")'")
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
            throw ForgeError(.unreadable, "\(place): the combined status belongs to another commit")
        }
        guard let statuses else {
            // Some versions count rows that they do not list.
            guard (totalCount ?? 0) == 0 else {
                throw ForgeError(.unreadable, "\(place): the combined status counts rows but lists none")
            }
            return []
        }
        return statuses
    }
}

/// The commit that a status belongs to, from its API URL `…/statuses/{sha}`.
enum StatusOwner {
    static func check(_ url: String?, is sha: GitSHA, at place: String) throws(ForgeError) {
        guard let last = url?.split(separator: "/").last, GitSHA.problem(with: last) == nil else { return }
        guard last.lowercased() == sha.hex else {
            throw ForgeError(.unreadable, "\(place): a row belongs to another commit")
        }
    }
}
