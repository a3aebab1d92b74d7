import Support
import Testing

@testable import CollectorSupport
@testable import Gate
@testable import Shared

@Suite("Gate, CI: several reporters under one name, with real responses", .timeLimit(.minutes(2)))
struct ReporterForgeTests {
    private static let commit = "c0ffee5eed1234567890abcdef1234567890abcd"

    /// Responses by the end of the path; others are 404. Pages after the first are empty.
    private static func routes(_ routes: [(path: String, json: String)]) -> FakeForge.Script {
        { request, _ in
            guard let route = routes.first(where: { request.path.hasSuffix($0.path) }) else {
                return GiteaAnswers.notFound
            }
            if let page = request.query("page"), page != "1", !route.path.contains("compare") {
                return .json(route.json.hasPrefix("[") ? "[]" : #"{"total_count":0,"check_runs":[],"statuses":[]}"#)
            }
            return .json(route.json)
        }
    }

    private static func check(_ id: Int, _ conclusion: String, suite: Int, _ minutes: (Int, Int), name: String = "test")
        -> String
    {
        #"{"id":\#(id),"name":"\#(name)","head_sha":"\#(commit)","status":"completed","conclusion":"\#(conclusion)","#
            + #""started_at":"2026-11-23T10:\#(minutes.0):00Z","completed_at":"2026-11-23T10:\#(minutes.1):00Z","#
            + #""html_url":"https://github.example/o/r/actions/runs/\#(suite)1/job/\#(id)","#
            + #""check_suite":{"id":\#(suite)},"app":{"slug":"github-actions"}}"#
    }

    private static func github(_ checks: [String], runs: String?) -> FakeForge.Script {
        routes(
            [
                ("/statuses", "[]"),
                ("/check-runs", #"{"total_count":\#(checks.count),"check_runs":[\#(checks.joined(separator: ","))]}"#),
            ] + (runs.map { [("/actions/runs", #"{"total_count":2,"workflow_runs":[\#($0)]}"#)] } ?? []))
    }

    private static func run(_ id: Int, suite: Int, workflow: Int, _ event: String = "push", attempt: Int = 1) -> String
    {
        #"{"id":\#(id),"name":"CI","path":".github/workflows/w\#(workflow).yml","workflow_id":\#(workflow),"#
            + #""event":"\#(event)","run_attempt":\#(attempt),"check_suite_id":\#(suite),"head_sha":"\#(commit)","#
            + #""run_started_at":"2026-11-23T10:29:00Z"}"#
    }

    @Test(
        "Field 1: on GitHub the runs tell which workflow a check run belongs to",
        arguments: [
            // Two workflows, two events, and a later run of one workflow and event.
            ((7, "push"), (8, "push"), Int32(41)), ((7, "push"), (7, "pull_request"), 41),
            ((7, "push"), (7, "push"), 0),
        ])
    func github(first: (Int, String), second: (Int, String), code: Int32) async throws {
        let checks = [Self.check(1, "failure", suite: 501, (10, 20)), Self.check(2, "success", suite: 502, (30, 40))]
        let runs =
            Self.run(61, suite: 501, workflow: first.0, first.1) + ","
            + Self.run(62, suite: 502, workflow: second.0, second.1)
        try await FakeForge.run(.github, Self.github(checks, runs: runs)) { fake async throws in
            let result = try await fake.wait("test")
            #expect(result.exitCode == code, "\(result.reason)")
            #expect(
                fake.targets.last == "\(GitHubAnswers.root)/actions/runs?head_sha=\(Self.commit)&per_page=100&page=1")
            let reporter = try #require(result.contexts[0].reporters.last)
            #expect(reporter.workflow == ".github/workflows/w\(second.0).yml" && reporter.event == second.1)
            #expect(reporter.run == 62 && reporter.attempt == 1 && reporter.at == "2026-11-23T10:40:00.000Z")
            #expect(result.contexts[0].reporters.count == (code == 0 ? 1 : 2))
        }
    }

    @Test("Field 1: if the runs cannot be read, all must be green, and the reason explains it")
    func denied() async throws {
        let checks = [Self.check(1, "failure", suite: 501, (10, 20)), Self.check(2, "success", suite: 502, (30, 40))]
        try await FakeForge.run(.github, Self.github(checks, runs: nil)) { fake async throws in
            let result = try await fake.wait("test")
            #expect(result.exitCode == 41)
            #expect(result.reason.contains("test: failure (#1, check-run by github-actions), one of 2"))
            #expect(result.reason.contains("reruns cannot be recognised"), "\(result.reason)")
        }
        // A rerun within one run needs no list of runs.
        let rerun = [Self.check(1, "failure", suite: 501, (10, 20)), Self.check(2, "success", suite: 501, (30, 40))]
        try await FakeForge.run(.github, Self.github(rerun, runs: nil)) { fake async throws in
            #expect(try await fake.wait("test").exitCode == 0)
        }
        // A transient failure is not a refusal.
        try await FakeForge.run(.github) { request, number in
            request.path.hasSuffix("/actions/runs") ? .status(502) : Self.github(checks, runs: nil)(request, number)
        } _: { fake async throws in
            let wait = try await fake.watch("test") { $0.failures == 1 }
            #expect(wait.readings == 0 && wait.verdict == nil)
        }
    }

    /// Responses of forges and proxies for an unknown path, and responses that only report a failure.
    private static let refusals: [(answer: ScriptedHostAnswer, isKnown: Bool)] = [
        (page(404, "text/plain; charset=utf-8", "404 page not found\n"), true),
        (page(404, "text/html", "<html><title>Not Found</title></html>"), true), (page(404, nil, ""), true),
        (GiteaAnswers.notFound, true), (page(403, "text/html", "<html>no</html>"), true), (.status(405), true),
        (page(405, "text/html", "<html>no</html>"), true), (.status(501), true), (.status(410), true),
        (.status(500), false), (.status(503), false), (.status(504), false), (.status(429), false),
        (page(200, "text/html", "<html>login</html>"), false), (page(404, "text/plain", "x"), true),
        (.json("[]"), true), (.json(#"[{"id":7,"status":"success","context":"CI / test (push)"}]"#), true),
        (.json("{}"), true), (.json(#"{"total_count":0,"workflow_runs":null}"#), true), (.json("{"), false),
        (.json(#"{"total_count":1,"workflow_runs":"x"}"#), false),
    ]

    private static func page(_ status: Int, _ type: String?, _ body: String) -> ScriptedHostAnswer {
        .answer(status: status, headers: type.map { [("Content-Type", $0)] } ?? [], body: Array(body.utf8))
    }

    @Test(
        "A missing list of runs is accepted in every form; a transient failure is retried",
        arguments: refusals.indices)
    func notOffered(index: Int) async throws {
        let (answer, isKnown) = Self.refusals[index]
        for kind in ForgeKind.allCases {
            for (first, code) in [("failure", Int32(41)), ("success", 0)] {
                let rows = [Self.row(3, "success", run: 12), Self.row(2, first, run: 11)]
                let checks = [
                    Self.check(1, first, suite: 501, (10, 20)), Self.check(2, "success", suite: 502, (30, 40)),
                ]
                let script =
                    kind == .gitea
                    ? Self.gitea(rows, combined: [Self.row(3, "success", run: nil)]) : Self.github(checks, runs: nil)
                try await FakeForge.run(kind) { request, number in
                    request.path.contains("/actions/") ? answer : script(request, number)
                } _: { fake async throws in
                    let name = kind == .gitea ? "CI / test (push)" : "test"
                    if isKnown {
                        let result = try await fake.wait(name)
                        #expect(result.exitCode == code, "\(kind) \(index): \(result.reason)")
                        #expect(result.contexts[0].reporters.count == 2)
                    } else {
                        let wait = try await fake.watch(name) { $0.failures == 2 || $0.lastError != nil }
                        #expect(wait.readings == 0 && wait.verdict != .green, "\(kind) \(index)")
                    }
                }
            }
        }
        // A response on a path that every forge has shows that the API is there.
        try await FakeForge.run(.gitea) { _, _ in
            Self.page(404, "text/plain", "404 page not found")
        } _: { fake async throws in
            let wait = try await fake.watch("test") { $0.failures == 1 }
            #expect(wait.lastError?.description.contains("check --forge-url") == true && wait.verdict == nil)
        }
    }

    /// A run as a whole.
    private static func whole(_ id: Int, suite: Int, _ status: String, _ conclusion: String?) -> String {
        run(id, suite: suite, workflow: 7).dropLast()
            + #","status":"\#(status)","conclusion":\#(conclusion.map { #""\#($0)""# } ?? "null")}"#
    }

    @Test(
        "Field 1: on GitHub a newer run of one workflow and event decides before it reports the name",
        arguments: [
            ("queued", nil, nil), ("in_progress", nil, nil), ("waiting", nil, nil), ("completed", "success", nil),
            ("completed", "failure", CIVerdict.failed), ("completed", "startup_failure", .failed),
        ])
    func newerRun(status: String, conclusion: String?, verdict: CIVerdict?) async throws {
        let checks = [Self.check(1, "success", suite: 501, (10, 20)), Self.check(2, "success", suite: 502, (10, 20))]
        let runs = [
            Self.whole(61, suite: 501, "completed", "success"), Self.whole(63, suite: 503, status, conclusion),
        ].joined(separator: ",")
        let script = Self.github([checks[0]], runs: runs)
        try await FakeForge.run(.github, script) { fake async throws in
            let wait = try await fake.watch("test") { $0.readings == 2 }
            #expect(wait.verdict == verdict && wait.tracks[0].row?.source == .workflowRun)
            let words =
                "run 63 of .github/workflows/w7.yml on push "
                + (conclusion == "success" ? "succeeded without this job" : "has not reported this job")
            #expect(wait.tracks[0].line.hasSuffix("(\(words))"), "\(wait.tracks[0].line)")
            #expect(verdict == nil || wait.summary.contains(words), "\(wait.summary)")
        }
        // Once the newer one has reported, it is green.
        try await FakeForge.run(.github) { request, number in
            let late = number > 12
            let both =
                [checks[0], Self.check(3, "success", suite: 503, (50, 55))].prefix(late ? 2 : 1).joined(separator: ",")
            if request.path.hasSuffix("/check-runs"), request.query("page") == "1" {
                return .json(#"{"total_count":\#(late ? 2 : 1),"check_runs":[\#(both)]}"#)
            }
            return Self.github(
                checks,
                runs: Self.whole(61, suite: 501, "completed", "success") + ","
                    + Self.whole(63, suite: 503, late ? "completed" : "queued", late ? "success" : nil))(
                    request, number)
        } _: { fake async throws in
            let result = try await fake.wait("test")
            #expect(result.exitCode == 0 && result.readings > 1, "\(result.reason)")
        }
    }

    @Test("Field 1: the runs are read before a green verdict, whatever other rows there are")
    func readsRuns() async throws {
        let runs = Self.whole(61, suite: 501, "completed", "success") + "," + Self.whole(63, suite: 503, "queued", nil)
        let script = Self.github([Self.check(1, "success", suite: 501, (10, 20))], runs: runs)
        let statuses =
            #"[{"id":6,"context":"ci","state":"success","creator":{"login":"x"}},"#
            + #"{"id":5,"context":"ci","state":"pending","creator":{"login":"x"}}]"#
        try await FakeForge.run(.github) { request, number in
            request.path.hasSuffix("/statuses") && request.query("page") == "1"
                ? .json(statuses) : script(request, number)
        } _: { fake async throws in
            let wait = try await fake.watch("test", "ci") { $0.readings == 1 }
            #expect(wait.verdict == nil && wait.tracks[0].state == .pending && wait.tracks[1].state == .success)
        }
    }

    @Test(
        "Field 1: on Gitea and Forgejo a newer run without a row decides, too",
        arguments: [
            (#""status":"completed","conclusion":"failure""#, CIVerdict.failed), (#""status":"failure""#, .failed),
            (#""status":"running""#, nil), (#""status":"queued""#, nil), (#""status":"blocked""#, nil),
            (#""status":"completed","conclusion":"success""#, .green), (#""status":"success""#, .green),
        ])
    func newerGiteaRun(stands: String, verdict: CIVerdict?) async throws {
        func run(_ number: Int, _ stands: String) -> String {
            #"{"id":9\#(number),"path":"a.yml@refs/heads/main","event":"push","run_attempt":1,\#(stands),"#
                + #""head_sha":"\#(Self.commit)","html_url":"https://git.example/acme/canvas/actions/runs/\#(number)"}"#
        }
        let rows = [Self.row(2, "success", run: 11)]
        let runs = Self.runs(run(12, stands), run(11, #""status":"completed","conclusion":"success""#))
        for (list, expected) in [("/actions/runs", verdict), ("/actions/tasks", .green)] {
            // A task does not show the state of its run.
            try await FakeForge.run(.gitea, Self.gitea(rows, combined: rows, [(list, runs)])) { fake async throws in
                let wait = try await fake.watch("CI / test (push)") { $0.readings == 2 }
                #expect(wait.verdict == expected, "\(list): \(wait.summary)")
            }
        }
    }

    @Test("For a matrix with distinct names the runs are read once, at the end")
    func matrix() async throws {
        let checks = [
            Self.check(1, "success", suite: 501, (10, 20), name: "test (1)"),
            Self.check(2, "success", suite: 501, (10, 20), name: "test (2)"),
        ]
        try await FakeForge.run(.github, Self.github(checks, runs: nil)) { fake async throws in
            #expect(try await fake.wait("test (1)", "test (2)").exitCode == 0)
            #expect(fake.targets.count { $0.contains("/actions/runs") } == 1)
        }
    }

    private static func gitea(_ rows: [String], combined: [String], _ more: [(path: String, json: String)] = [])
        -> FakeForge.Script
    {
        routes(
            more + [
                ("/statuses", "[\(rows.joined(separator: ","))]"),
                ("/status", #"{"total_count":\#(combined.count),"statuses":[\#(combined.joined(separator: ","))]}"#),
            ])
    }

    private static func row(_ id: Int, _ state: String, run: Int?, _ description: String = "") -> String {
        let link = run.map { #","target_url":"/acme/canvas/actions/runs/\#($0)/jobs/0""# } ?? ""
        return #"{"id":\#(id),"context":"CI / test (push)","status":"\#(state)","description":"\#(description)","#
            + #""created_at":"2026-11-23T10:0\#(id):00+01:00"\#(link)}"#
    }

    private static func runs(_ first: String, _ second: String) -> String {
        #"{"workflow_runs":[\#(first),\#(second)]}"#
    }

    @Test("Field 1: on Gitea two runs are two reporters, unless known to be of one workflow")
    func gitea() async throws {
        let rows = [Self.row(3, "success", run: 12), Self.row(2, "failure", run: 11)]
        let newest = [Self.row(3, "success", run: nil)]
        func run(_ number: Int, _ file: String, _ event: String = "push") -> String {
            #"{"id":9\#(number),"path":"\#(file)@refs/heads/main","event":"\#(event)","run_attempt":1,"#
                + #""head_sha":"\#(Self.commit)","html_url":"https://git.example/acme/canvas/actions/runs/\#(number)"}"#
        }
        func forgejo(_ number: Int, _ file: String) -> String {
            #"{"id":9\#(number),"workflow_id":"\#(file)","event":"push","commit_sha":"\#(Self.commit)","#
                + #""index_in_repo":\#(number),"started":"0001-01-01T00:00:00Z"}"#
        }
        let cases: [(more: [(path: String, json: String)], code: Int32)] = [
            ([], 41), ([("/actions/runs", Self.runs(run(11, "a.yml"), run(12, "b.yml")))], 41),
            ([("/actions/runs", Self.runs(run(11, "a.yml"), run(12, "a.yml")))], 0),
            ([("/actions/runs", Self.runs(run(11, "a.yml", "push"), run(12, "a.yml", "pull_request")))], 41),
            ([("/actions/runs", Self.runs(forgejo(11, "a.yml"), forgejo(12, "a.yml")))], 0),
            ([("/actions/tasks", Self.runs(forgejo(11, "a.yml"), forgejo(12, "a.yml")))], 0),
            ([("/actions/tasks", Self.runs(forgejo(11, "a.yml"), forgejo(12, "b.yml")))], 41),
        ]
        for (more, code) in cases {
            try await FakeForge.run(.gitea, Self.gitea(rows, combined: newest, more)) { fake async throws in
                let result = try await fake.wait("CI / test (push)")
                #expect(result.exitCode == code, "\(more): \(result.reason)")
                #expect(result.contexts[0].reporters.last?.run == 12)
            }
        }
    }

    @Test("Field 1: two rows of one context in Gitea's combined view are two reporters")
    func combined() async throws {
        let rows = [Self.row(3, "success", run: nil), Self.row(2, "failure", run: nil)]
        try await FakeForge.run(.gitea, Self.gitea(rows, combined: rows)) { fake async throws in
            #expect(try await fake.wait("CI / test (push)").exitCode == 41)
        }
        let green = [Self.row(3, "success", run: nil), Self.row(2, "success", run: nil)]
        try await FakeForge.run(.gitea, Self.gitea(green, combined: green)) { fake async throws in
            let result = try await fake.wait("CI / test (push)")
            #expect(result.exitCode == 0 && result.contexts[0].reporters.count == 2)
        }
    }

    @Test(
        "Field 2: a Gitea job that did not run ends the wait at once",
        arguments: [
            ("success", "Has been skipped", "skipped"), ("warning", "Has been cancelled", "cancelled"),
            ("skipped", "Skipped", "skipped"), ("failure", "Canceled after 3s", "cancelled"),
        ])
    func notRun(word: String, description: String, state: String) async throws {
        let rows = [Self.row(2, word, run: 11, description)]
        try await FakeForge.run(.gitea, Self.gitea(rows, combined: rows)) { fake async throws in
            let result = try await fake.wait("CI / test (push)", timeout: .seconds(600))
            #expect(result.exitCode == 41)
            #expect(result.contexts[0].state == state)
        }
    }

    @Test("A misspelt context is reported with the existing ones, at once and at the end")
    func misspelt() async throws {
        let gitea = GiteaAnswers(
            .init(1, "test", "success"), .init(2, "lint", "pending"), .init(3, "\u{202E}x", "success"))
        try await FakeForge.run(.gitea) { request, _ in
            gitea.answer(request)
        } _: { fake async throws in
            let wait = try await fake.watch("tset") { $0.readings == 1 }
            #expect(wait.tracks[0].line.hasPrefix("tset: missing (contexts at this commit: lint, test, "))
            #expect(wait.tracks[0].line.hasSuffix("; did you mean 'test'?)"))
            #expect(wait.tracks[0].line.contains("\u{202E}") == false)
            let result = try await fake.wait("tset", timeout: .seconds(5))
            #expect(result.exitCode == 41)
            #expect(result.reason.contains("tset: missing; contexts at this commit: lint, test"), "\(result.reason)")
        }
    }

    @Test("Of many contexts a few are listed, and a similar name is suggested")
    func hints() {
        let names = Set((10..<40).map { "job \($0)" })
        let hint = CIHint.others(than: "x", among: names)
        #expect(hint == "contexts at this commit: \((10..<18).map { "job \($0)" }.joined(separator: ", ")) and 22 more")
        #expect(CIHint.others(than: "x", among: ["x"]) == nil && CIHint.others(than: "x", among: []) == nil)
        #expect(Suggestion.nearest(to: "tests", among: ["test", "lint"]) == "test")
        #expect(Suggestion.nearest(to: "Test", among: ["test", "lint"]) == "test")
        #expect(Suggestion.nearest(to: "test", among: ["CI / test (push)", "CI / lint (push)"]) == "CI / test (push)")
        #expect(Suggestion.nearest(to: "test", among: ["A / test (push)", "B / test (push)"]) == nil)
        #expect(Suggestion.nearest(to: "deploy", among: ["test", "lint"]) == nil)
        #expect(Suggestion.nearest(to: "", among: ["a"]) == nil)
    }

    @Test("All counted reporters are listed at the end")
    func listed() {
        let row = CIRow(
            context: "test", id: 9, source: .checkRun(app: "github-actions"), state: .success,
            url: "https://github.example/o/r/actions/runs/62/job/9", run: 502, endedAt: 1_000)
        let run = CIRun(workflow: "7", name: "ci.yml", event: "push", number: 62, attempt: 2)
        let track = CIStateMachine.Track(context: "test", reporters: [CIReporter(row: row, run: run)])
        #expect(
            track.reporterLines == [
                "test: success, ci.yml on push, run 62 attempt 2, check-run by github-actions, 1970-01-01T00:00:01.000Z, "
                    + "https://github.example/o/r/actions/runs/62/job/9"
            ])
    }
}
