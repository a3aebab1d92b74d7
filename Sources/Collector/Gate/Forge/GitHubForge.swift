package import Shared

/// GitHub's REST API (docs.github.com/rest), of github.com and of Enterprise Server.
package struct GitHubForge: Forge {
    package let client: ForgeClient

    package init(client: ForgeClient) {
        self.client = client
    }
    /// The most that it gives.
    private static let pageSize = 100

    /// Commit statuses and check runs. Jobs of Actions are only among the latter.
    package func checks(
        of sha: GitSHA, contexts: Set<String>, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> CIReading {
        let commit = client.repositoryPath("/commits/\(sha)")
        let web = client.address.web
        var names: Set<String> = []
        var rows = try await pages(commit + "/statuses", [], before: deadline) { answer throws(ForgeError) in
            let statuses = try answer.decode([GitHubStatus].self)
            var rows: [CIRow] = []
            for status in statuses {
                if let context = status.context { names.insert(context) }
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
                names.insert(run.name)
                if let row = try run.row(of: sha, contexts, web: web, at: answer.place) { rows.append(row) }
            }
            return (page.checkRuns.count, page.totalCount, rows)
        }
        return try await withRuns(CIReading(views: [rows], names: names), of: sha, contexts, before: deadline)
    }

    /// Adds the runs of Actions, where they decide something or where the reading may be the last: they say which workflow it
    /// was, which who promotes wants to see, and which runs have yet to report.
    private func withRuns(
        _ reading: CIReading, of sha: GitSHA, _ contexts: Set<String>, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> CIReading {
        let rows = reading.views[0]
        let hasActions = rows.contains { $0.source == .checkRun(app: "github-actions") && $0.run != nil }
        let isLast =
            contexts.isSubset(of: rows.map(\.context)) && rows.allSatisfy { $0.state.effect != .waiting }
        guard hasActions, reading.needsRuns || isLast || reading.mayBeGreen(contexts) else { return reading }
        var reading = reading
        var isFirst = true
        do throws(ForgeError) {
            _ = try await pages(
                client.repositoryPath("/actions/runs"), [("head_sha", sha.hex)], isOptional: true, before: deadline
            ) {
                answer throws(ForgeError) in
                let (total, runs) = try ForgeRuns.read(answer, isFirst: isFirst)
                isFirst = false
                for run in runs where run.commit?.lowercased() == sha.hex {
                    if let suite = run.suite { reading.runs[suite] = run.run }
                }
                return (runs.count, total, [])
            }
        } catch {
            // Without the permission to read Actions, nothing that looks alike is taken for a rerun.
            guard let status = error.refusal else { throw error }
            reading.runs = [:]
            reading.trouble = "GitHub answers \(status) for the runs of Actions: the token needs to read them"
        }
        return reading
    }

    /// Reads a list to its end: an empty page, or a short one that announces no other and completes what was counted.
    private func pages(
        _ path: String, _ query: [(name: String, value: String)], isOptional: Bool = false,
        before deadline: ContinuousClock.Instant,
        _ read: (ForgeAnswer) throws(ForgeError) -> (count: Int, total: Int, rows: [CIRow])
    ) async throws(ForgeError) -> [CIRow] {
        var rows: [CIRow] = []
        var seen = 0
        for page in 1...ForgePages.limit {
            let answer = try await client.get(
                path, query + [("per_page", "\(Self.pageSize)"), ("page", "\(page)")], isOptional: isOptional,
                before: deadline)
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

    package func isAncestor(
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

    package func commits(
        after sha: GitSHA, upTo head: GitSHA, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> BranchGap {
        let place = client.repositoryPath("/compare/\(sha)...\(head)")
        do throws(ForgeError) {
            if let gap = try await comparedCommits(place, upTo: head, before: deadline) { return gap }
        } catch {
            // The first page has the differences of all files, too, and may be too large.
            guard error.kind == .unreadable else { throw error }
            let query = [("per_page", "\(Self.pageSize)")]
            if let commits = try await walk(from: head, to: sha, query, before: deadline),
                commits.count <= BranchGap.limit
            {
                return BranchGap(commits: commits)
            }
        }
        throw BranchGap.tooMany(after: sha, place)
    }

    /// The comparison lists the commits oldest first, a page at a time.
    ///
    /// - Returns: nil where there are too many.
    private func comparedCommits(
        _ path: String, upTo head: GitSHA, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> BranchGap? {
        var commits: [BranchGap.Commit] = []
        for page in 1...(BranchGap.limit / Self.pageSize + 1) {
            let answer = try await client.get(
                path, [("per_page", "\(Self.pageSize)"), ("page", "\(page)")], before: deadline)
            let comparison = try answer.decode(GitHubComparison.self)
            let listed = comparison.commits ?? []
            for commit in listed { commits.append(try BranchGap.Commit(commit, at: answer.place)) }
            let total = comparison.totalCommits ?? commits.count
            guard total <= BranchGap.limit, commits.count <= BranchGap.limit else { return nil }
            if commits.count >= total {
                guard commits.last?.sha == head else {
                    throw ForgeError(.unreadable, "\(answer.place): the commits do not end at the one asked for")
                }
                return BranchGap(commits: commits.reversed())
            }
            guard !listed.isEmpty else {
                throw ForgeError(
                    .unreadable, "\(answer.place): \(total) commits were announced, and \(commits.count) came")
            }
        }
        return nil
    }

    package func variable(
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
    var totalCommits: Int?
    var commits: [ForgeCommit]?

    private enum CodingKeys: String, CodingKey {
        case status, commits
        case totalCommits = "total_commits"
        case baseCommit = "base_commit"
        case mergeBaseCommit = "merge_base_commit"
    }
}

/// "List commit statuses for a reference".
struct GitHubStatus: Decodable {
    var id: Int64
    var state: String
    var context: String?
    var targetURL: String?
    var url: String?
    var description: String?
    var updatedAt: String?
    var creator: StatusCreator?

    private enum CodingKeys: String, CodingKey {
        case id, state, context, url, description, creator
        case targetURL = "target_url"
        case updatedAt = "updated_at"
    }

    func row(of sha: GitSHA, _ contexts: Set<String>, web: String, at place: String) throws(ForgeError) -> CIRow? {
        guard let context, contexts.contains(context) else { return nil }
        try StatusOwner.check(url, is: sha, at: place)
        let time = ForgeTime.read(updatedAt)
        return CIRow(
            context: context, id: id, source: .status, state: CIState(state, described: description),
            url: SafeLink.absolute(targetURL, web: web), creator: creator?.login, startedAt: time, endedAt: time)
    }
}

/// Whose status it is.
struct StatusCreator: Decodable {
    var login: String?
}

/// "List check runs for a Git reference".
struct GitHubCheckRuns: Decodable {
    var totalCount: Int
    var checkRuns: [GitHubCheckRun]

    private enum CodingKeys: String, CodingKey {
        case totalCount = "total_count"
        case checkRuns = "check_runs"
    }
}

struct GitHubCheckRun: Decodable {
    struct App: Decodable {
        var slug: String?
        var name: String?
    }

    struct Suite: Decodable {
        var id: Int64?
    }

    struct Output: Decodable {
        var title: String?
    }

    var id: Int64
    var name: String
    var headSHA: String?
    var status: String
    var conclusion: String?
    var htmlURL: String?
    var startedAt: String?
    var completedAt: String?
    var checkSuite: Suite?
    var output: Output?
    var app: App?

    private enum CodingKeys: String, CodingKey {
        case id, name, status, conclusion, output, app
        case headSHA = "head_sha"
        case htmlURL = "html_url"
        case startedAt = "started_at"
        case completedAt = "completed_at"
        case checkSuite = "check_suite"
    }

    func row(of sha: GitSHA, _ contexts: Set<String>, web: String, at place: String) throws(ForgeError) -> CIRow? {
        guard contexts.contains(name) else { return nil }
        if let headSHA, headSHA.lowercased() != sha.hex {
            throw ForgeError(.unreadable, "\(place): a check run is another commit's")
        }
        return CIRow(
            context: name, id: id, source: .checkRun(app: app?.slug ?? app?.name ?? "unknown"), state: state,
            url: SafeLink.absolute(htmlURL, web: web), run: checkSuite?.id, startedAt: ForgeTime.read(startedAt),
            endedAt: status == "completed" ? ForgeTime.read(completedAt) : nil)
    }

    /// Until a run is completed, its conclusion is an earlier one or none.
    private var state: CIState {
        status == "completed" ? CIState(conclusion ?? "unknown", described: output?.title) : .pending
    }
}
