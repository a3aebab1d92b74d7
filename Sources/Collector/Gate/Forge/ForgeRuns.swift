import CollectorSupport
import FoundationEssentials
import Shared

/// A forge's list of Actions runs: `GET /repos/{owner}/{repo}/actions/runs` of GitHub, Gitea (1.25) and Forgejo (12), and
/// `…/actions/tasks` of older versions of the latter two.
struct ForgeRuns: Decodable {
    var totalCount: Int?
    /// nil if the response is not a list of runs, as from a server that answers every path with the same JSON.
    var workflowRuns: [Run]?

    init(from decoder: any Decoder) throws {
        if (try? decoder.unkeyedContainer()) != nil { return }
        let values = try decoder.container(keyedBy: CodingKeys.self)
        totalCount = try values.decodeIfPresent(Int.self, forKey: .totalCount)
        guard values.contains(.workflowRuns) else { return }
        // Some versions send null for an empty list.
        workflowRuns = try values.decodeIfPresent([Run].self, forKey: .workflowRuns) ?? []
    }

    /// Decodes the runs of one page.
    ///
    /// - Throws: a refusal if the first page is not a list of runs: the forge does not offer one.
    static func read(_ answer: ForgeAnswer, isFirst: Bool) throws(ForgeError) -> (total: Int, runs: [Run]) {
        let list = try answer.decode(ForgeRuns.self)
        guard let runs = list.workflowRuns else {
            guard isFirst, (list.totalCount ?? 0) == 0 else { return (list.totalCount ?? 0, []) }
            throw ForgeError(.refused(status: 200), "\(answer.place): 200 with JSON other than a list of runs")
        }
        return (list.totalCount ?? 0, runs)
    }

    private enum CodingKeys: String, CodingKey {
        case totalCount = "total_count"
        case workflowRuns = "workflow_runs"
    }

    /// A run, in which every field may be missing.
    struct Run: Decodable {
        var commit: String?
        var suite: Int64?
        var run: CIRun
        /// The run's number in the links of statuses.
        var linked: Int64?

        private enum CodingKeys: String, CodingKey {
            case id, name, path, event, url, status, conclusion
            case headSHA = "head_sha"
            case commitSHA = "commit_sha"
            case checkSuite = "check_suite_id"
            case workflow = "workflow_id"
            case triggerEvent = "trigger_event"
            case number = "run_number"
            case index = "index_in_repo"
            case attempt = "run_attempt"
            case htmlURL = "html_url"
            case startedAt = "run_started_at"
            case giteaStartedAt = "started_at"
            case forgejoStarted = "started"
        }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            // A field of an unexpected type counts as missing.
            func text(_ key: CodingKeys) -> String? {
                (try? values.decode(String.self, forKey: key)).flatMap { $0.isEmpty ? nil : $0 }
            }
            func number(_ key: CodingKeys) -> Int64? { try? values.decode(Int64.self, forKey: key) }
            commit = text(.headSHA) ?? text(.commitSHA)
            suite = number(.checkSuite)
            // Gitea's path ends with @ and the branch.
            let file = text(.path).map { String($0.prefix { $0 != "@" }) } ?? text(.workflow)
            let started = (text(.startedAt) ?? text(.giteaStartedAt) ?? text(.forgejoStarted)).flatMap(ForgeTime.init)
            run = CIRun(
                workflow: number(.workflow).map { "\($0)" } ?? file, name: file ?? text(.name),
                event: text(.triggerEvent) ?? text(.event), number: number(.id),
                attempt: number(.attempt).flatMap { $0 > 0 ? Int(exactly: $0) : nil }, startedAt: started?.milliseconds,
                state: Self.state(text(.status), text(.conclusion)), url: SafeLink.absolute(text(.htmlURL), web: ""))
            linked = (ActionsLink(text(.htmlURL)) ?? ActionsLink(text(.url)))?.run ?? number(.number) ?? number(.index)
        }

        /// GitHub and Gitea report `completed` with a conclusion; Forgejo has one field for both. Any other run is pending.
        private static func state(_ status: String?, _ conclusion: String?) -> CIState {
            switch status {
            case "completed": CIState(conclusion ?? "unknown")
            case "success", "failure", "cancelled", "skipped": CIState(status ?? "unknown")
            default: .pending
            }
        }
    }
}

/// A time in a forge's response. Go's zero time, like any before 1971, means none.
struct ForgeTime: Hashable, Sendable {
    let milliseconds: Int64

    init?(_ text: String) {
        guard let seconds = Date(rfc3339: text)?.timeIntervalSince1970, seconds > 31_536_000 else { return nil }
        milliseconds = Int64(seconds * 1_000)
    }

    /// In milliseconds since 1970.
    static func read(_ text: String?) -> Int64? { text.flatMap(ForgeTime.init)?.milliseconds }
}
