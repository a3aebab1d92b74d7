internal import Synchronization

/// The part of Gitea's API that the gate uses, with one repository `acme/canvas`: statuses, a branch, its history.
public final class ScriptedGitea: Sendable {
    public struct State: Sendable {
        /// The state of the context `ci`.
        public var status = "success"
        /// The commits of the branch `main`, newest first.
        public var history: [String]
        /// The Actions variable `HOLD`; nil if unset.
        public var variable: String?
        /// The answer to every request; nil for the usual ones.
        public var instead: ScriptedHostAnswer?
    }

    private final class Box: Sendable {
        let value: Mutex<State>
        init(_ state: State) { value = Mutex(state) }
    }

    private let host: ScriptedHost
    private let state: Box

    private init(host: ScriptedHost, state: Box) {
        self.host = host
        self.state = state
    }

    /// - Parameter history: the commits of the branch `main`, newest first.
    public static func start(history: [String]) async throws -> ScriptedGitea {
        let state = Box(State(history: history))
        let host = try await ScriptedHost.start { request in
            let now = state.value.withLock { $0 }
            return now.instead ?? answer(request, now)
        }
        return ScriptedGitea(host: host, state: state)
    }

    public var url: String { host.url(host: 0, "") }
    public var requests: Int { host.requests }

    public func change(_ change: (inout State) -> Void) { state.value.withLock { change(&$0) } }

    public func stop() async { await host.stop() }

    private static func answer(_ request: ScriptedHostRequest, _ state: State) -> ScriptedHostAnswer {
        let isFirst = request.query("page").map { $0 == "1" } ?? true
        let row = #"{"id":7,"status":"\#(state.status)","context":"ci","target_url":""}"#
        if request.path.hasSuffix("/statuses") { return .json(isFirst ? "[\(row)]" : "[]") }
        if request.path.hasSuffix("/status") { return .json(isFirst ? "{\"statuses\":[\(row)]}" : "{\"statuses\":[]}") }
        if request.path.hasSuffix("/branches/main") {
            return .json("{\"name\":\"main\",\"commit\":{\"id\":\"\(state.history.first ?? "")\"}}")
        }
        if request.path.hasSuffix("/commits") {
            guard isFirst else { return .json("[]") }
            let start = request.query("sha").flatMap { state.history.firstIndex(of: $0) }
            // The history of a commit outside the branch is only that commit.
            let commits = start.map { Array(state.history[$0...]) } ?? [request.query("sha") ?? ""]
            return .json("[\(commits.map { "{\"sha\":\"\($0)\"}" }.joined(separator: ","))]")
        }
        if request.path.hasSuffix("/actions/variables/HOLD"), let variable = state.variable {
            return .json("{\"data\":\"\(variable)\"}")
        }
        if request.path.hasSuffix("/repos/acme/canvas") {
            return .json(#"{"full_name":"acme/canvas","permissions":{"push":true}}"#)
        }
        return .status(404)
    }
}
