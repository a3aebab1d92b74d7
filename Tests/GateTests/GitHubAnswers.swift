import Support

/// A GitHub that tells the truth, as its REST documentation has it.
struct GitHubAnswers: Sendable {
    struct Run: Sendable {
        var id: Int
        var name: String
        var app: String
        /// A conclusion, or a status other than `completed`.
        var state: String
        var isCompleted: Bool

        init(_ id: Int, _ name: String, by app: String = "github-actions", _ state: String, completed: Bool = true) {
            self.id = id
            self.name = name
            self.app = app
            self.state = state
            isCompleted = completed
        }

        var json: String {
            #"{"id":\#(id),"name":"\#(name)","head_sha":"c0ffee5eed1234567890abcdef1234567890abcd","status":"#
                + #""\#(isCompleted ? "completed" : state)","conclusion":\#(isCompleted ? "\"\(state)\"" : "null"),"#
                + #""html_url":"https://github.example/acme/canvas/runs/\#(id)?x=y","app":{"id":1,"slug":"\#(app)"}}"#
        }
    }

    var runs: [Run] = []
    /// Number, context and state.
    var statuses: [(id: Int, context: String, state: String)] = []
    var head = "c0ffee5eed1234567890abcdef1234567890abcd"
    var comparison = "ahead"
    var mergeBase: String?
    var variables: [String: String] = [:]
    var mayPush = true

    static let root = "/api/v3/repos/acme/canvas"

    init(runs: [Run] = [], statuses: [(id: Int, context: String, state: String)] = []) {
        self.runs = runs
        self.statuses = statuses
    }

    func answer(_ request: ScriptedHostRequest) -> ScriptedHostAnswer {
        let path = String(request.path.dropFirst(Self.root.count))
        if path.hasSuffix("/statuses") {
            let rows = statuses.map { #"{"id":\#($0.id),"context":"\#($0.context)","state":"\#($0.state)"}"# }
            return pages(rows, request) { "[\($0)]" }
        }
        if path.hasSuffix("/check-runs") {
            return pages(runs.map(\.json), request) { #"{"total_count":\#(runs.count),"check_runs":[\#($0)]}"# }
        }
        if path.hasPrefix("/branches/") {
            return .json(#"{"name":"\#(path.dropFirst("/branches/".count))","commit":{"sha":"\#(head)"}}"#)
        }
        if path.hasPrefix("/compare/") {
            let base = path.dropFirst("/compare/".count).prefix(40)
            return .json(
                #"{"status":"\#(comparison)","base_commit":{"sha":"\#(base)"},"#
                    + #""merge_base_commit":{"sha":"\#(mergeBase ?? String(base))"},"commits":[]}"#)
        }
        if path.hasPrefix("/actions/variables/"), let value = variables[String(path.split(separator: "/").last ?? "")] {
            return .json(#"{"name":"X","value":"\#(value)","created_at":"2026-11-23T10:00:00Z"}"#)
        }
        if path.isEmpty { return .json(#"{"id":1,"permissions":{"pull":true,"push":\#(mayPush)}}"#) }
        return GiteaAnswers.notFound
    }

    private func pages(
        _ items: [String], _ request: ScriptedHostRequest, _ wrap: (String) -> String
    ) -> ScriptedHostAnswer {
        let size = min(100, Int(request.query("per_page") ?? "30") ?? 30)
        let number = Int(request.query("page") ?? "1") ?? 1
        let start = min(items.count, (number - 1) * size)
        let end = min(items.count, start + size)
        let next = "<https://elsewhere.example/?page=\(number + 1)>; rel=\"next\""
        return .json(
            wrap(items[start..<end].joined(separator: ",")), headers: end < items.count ? [("Link", next)] : [])
    }
}
