import Support

/// A Gitea that tells the truth: its JSON as `modules/structs` of its sources has it, its pages as its API cuts them.
struct GiteaAnswers: Sendable {
    struct Row: Sendable {
        var id: Int
        var context: String
        var status: String
        /// In the link: a job keeps its number while its rows come.
        var job: Int

        init(_ id: Int, _ context: String, _ status: String, job: Int? = nil) {
            self.job = job ?? id
            self.id = id
            self.context = context
            self.status = status
        }

        var json: String {
            #"{"id":\#(id),"status":"\#(status)","target_url":"/acme/canvas/actions/runs/7/jobs/\#(job)?token=x","#
                + #""description":"Has \#(status)","url":"https://git.example/api/v1/repos/acme/canvas/statuses/"#
                + #"c0ffee5eed1234567890abcdef1234567890abcd","context":"\#(context)","creator":{"id":2,"login":"ci"},"#
                + #""created_at":"2026-11-23T10:00:00Z","updated_at":"2026-11-23T10:00:00Z"}"#
        }
    }

    /// In the order in which the list shows them.
    var rows: [Row] = []
    /// What the combined view is made of, if it is not the same.
    var combinedRows: [Row]?
    var clamp = 50
    /// The history of `main`, newest first.
    var history: [String] = ["c0ffee5eed1234567890abcdef1234567890abcd"]
    var variables: [String: String] = [:]

    static let root = "/api/v1/repos/acme/canvas"

    init(_ rows: Row..., combined: [Row]? = nil) {
        self.rows = rows
        combinedRows = combined
    }

    func answer(_ request: ScriptedHostRequest) -> ScriptedHostAnswer {
        guard request.path.hasPrefix("/api/v1") else { return .status(404, "404 page not found") }
        let path = String(request.path.dropFirst(Self.root.count))
        if path.hasSuffix("/statuses") { return list(page(rows, request).map(\.json)) }
        if path.hasSuffix("/status") { return combined(Array(page(latest, request))) }
        if path.hasPrefix("/branches/") {
            let name = path.dropFirst("/branches/".count)
            return .json(#"{"name":"\#(name)","commit":{"id":"\#(history[0])","message":"m"},"protected":true}"#)
        }
        if path == "/commits" { return commits(request) }
        if path.hasPrefix("/actions/variables/") {
            let name = String(path.dropFirst("/actions/variables/".count))
            guard let value = variables[name] else { return Self.notFound }
            return .json(#"{"owner_id":0,"repo_id":1,"name":"\#(name)","data":"\#(value)","description":""}"#)
        }
        if path.isEmpty {
            return .json(#"{"id":1,"full_name":"acme/canvas","permissions":{"pull":true,"push":false}}"#)
        }
        return Self.notFound
    }

    static let notFound = ScriptedHostAnswer.answer(
        status: 404, headers: [("Content-Type", "application/json;charset=utf-8")],
        body: Array(#"{"errors":null,"message":"not found","url":"https://git.example/api/swagger"}"#.utf8))

    private func list(_ rows: [String]) -> ScriptedHostAnswer { .json("[" + rows.joined(separator: ",") + "]") }

    private func combined(_ rows: [Row]) -> ScriptedHostAnswer {
        .json(
            #"{"state":"pending","sha":"c0ffee5eed1234567890abcdef1234567890abcd","total_count":\#(rows.count),"#
                + #""statuses":[\#(rows.map(\.json).joined(separator: ","))],"url":""}"#)
    }

    private var latest: [Row] {
        let all = combinedRows ?? rows
        return all.filter { row in !all.contains { $0.context == row.context && $0.id > row.id } }
    }

    private func commits(_ request: ScriptedHostRequest) -> ScriptedHostAnswer {
        guard let sha = request.query("sha"), let start = history.firstIndex(of: sha) else {
            return .answer(
                status: 404, headers: [("Content-Type", "application/json")], body: Array(#"{"message":"x"}"#.utf8))
        }
        return list(page(Array(history[start...]), request).map { #"{"sha":"\#($0)","parents":[],"commit":{}}"# })
    }

    private func page<Item>(_ items: [Item], _ request: ScriptedHostRequest) -> ArraySlice<Item> {
        let size = min(clamp, Int(request.query("limit") ?? "30") ?? 30)
        let start = ((Int(request.query("page") ?? "1") ?? 1) - 1) * size
        guard start < items.count else { return [] }
        return items[start..<min(items.count, start + size)]
    }
}
