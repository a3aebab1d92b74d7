import Shared

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
