import Support
import Testing

@testable import CollectorFixtures
@testable import Gate
@testable import Operations

@Suite("Gate, CI: reporters under one name")
struct CIReportersTests {
    /// Rows of the name `test`, the known runs, and the expected result.
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var rows: [CIRow]
        var summary: [CIRow]?
        var runs: [Int64: CIRun] = [:]
        var state: String
        var reporters: Int
    }

    private static func job(
        _ id: Int64, _ state: String, run: Int64?, _ start: Int64? = nil, _ end: Int64? = nil,
        app: String = "github-actions"
    ) -> CIRow {
        CIRow(
            context: "test", id: id, source: .checkRun(app: app), state: CIState(state), run: run, startedAt: start,
            endedAt: end)
    }

    private static func status(
        _ id: Int64, _ state: String, _ described: String? = nil, run: Int64? = nil, job: Int64? = nil,
        by creator: String? = "ci", at time: Int64? = nil
    ) -> CIRow {
        CIRow(
            context: "test", id: id, source: .status, state: CIState(state, described: described), creator: creator,
            run: run, job: job, startedAt: time, endedAt: time)
    }

    private static func run(
        _ workflow: String?, _ event: String? = "push", attempt: Int? = 1, _ start: Int64? = nil
    ) -> CIRun {
        CIRun(workflow: workflow, event: event, attempt: attempt, startedAt: start)
    }

    static let github: [Case] = [
        .init(
            testDescription: "two workflows with a job of one name",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "success", run: 502, 30, 40)],
            runs: [501: run("ci.yml"), 502: run("nightly.yml")], state: "failure", reporters: 2),
        .init(
            testDescription: "the same, nothing known of the runs",
            rows: [job(1, "failure", run: 501), job(2, "success", run: 502)], state: "failure", reporters: 2),
        .init(
            testDescription: "two workflows, both green",
            rows: [job(1, "success", run: 501, 10, 20), job(2, "success", run: 502, 30, 40)],
            runs: [501: run("ci.yml"), 502: run("nightly.yml")], state: "success", reporters: 2),
        .init(
            testDescription: "push and pull_request of one workflow",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "success", run: 502, 30, 40)],
            runs: [501: run("ci.yml"), 502: run("ci.yml", "pull_request")], state: "failure", reporters: 2),
        .init(
            testDescription: "a later run of the same workflow and event, begun after the former had ended",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "success", run: 502, 30, 40)],
            runs: [501: run("ci.yml"), 502: run("ci.yml")], state: "success", reporters: 1),
        .init(
            testDescription: "the same the other way round",
            rows: [job(2, "failure", run: 502, 30, 40), job(1, "success", run: 501, 10, 20)],
            runs: [501: run("ci.yml"), 502: run("ci.yml")], state: "failure", reporters: 1),
        .init(
            testDescription: "two runs of one workflow that overlap",
            rows: [job(1, "failure", run: 501, 10, 35), job(2, "success", run: 502, 30, 40)],
            runs: [501: run("ci.yml"), 502: run("ci.yml")], state: "failure", reporters: 2),
        .init(
            testDescription: "a run of the same workflow that is still going",
            rows: [job(1, "pending", run: 501, 10), job(2, "success", run: 502, 30, 40)],
            runs: [501: run("ci.yml"), 502: run("ci.yml")], state: "pending", reporters: 2),
        .init(
            testDescription: "two runs of one workflow without times",
            rows: [job(1, "failure", run: 501), job(2, "success", run: 502)],
            runs: [501: run("ci.yml"), 502: run("ci.yml")], state: "failure", reporters: 2),
        .init(
            testDescription: "workflows of which only one is known",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "success", run: 502, 30, 40)],
            runs: [502: run("ci.yml")], state: "failure", reporters: 2),
        .init(
            testDescription: "a run that does not say its event",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "success", run: 502, 30, 40)],
            runs: [501: run("ci.yml", nil), 502: run("ci.yml", nil)], state: "failure", reporters: 2),
        .init(
            testDescription: "a rerun of one run, by its times",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "success", run: 501, 30, 40)], state: "success",
            reporters: 1),
        .init(
            testDescription: "a rerun of one run without times",
            rows: [job(1, "failure", run: 501), job(2, "success", run: 501)], state: "success", reporters: 1),
        .init(
            testDescription: "a rerun that has just begun",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "pending", run: 501, 30)], state: "pending",
            reporters: 1),
        .init(
            testDescription: "a rerun that failed after a success",
            rows: [job(1, "success", run: 501, 10, 20), job(2, "failure", run: 501, 30, 40)], state: "failure",
            reporters: 1),
        .init(
            testDescription: "two jobs of one name in one run, at the same time",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "success", run: 501, 15, 40)], state: "failure",
            reporters: 2),
        .init(
            testDescription: "two jobs of one name in one run, one after the other, and there was one attempt",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "success", run: 501, 30, 40)],
            runs: [501: run("ci.yml", attempt: 1)], state: "failure", reporters: 2),
        .init(
            testDescription: "a second attempt",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "success", run: 501, 30, 40)],
            runs: [501: run("ci.yml", attempt: 2, 29)], state: "success", reporters: 1),
        .init(
            testDescription: "two jobs of one name in the first attempt, and another job was begun again",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "success", run: 501, 30, 40)],
            runs: [501: run("ci.yml", attempt: 2, 50)], state: "failure", reporters: 2),
        .init(
            testDescription: "a third attempt that began only another job again",
            rows: [job(1, "failure", run: 501, 10, 20), job(2, "success", run: 501, 30, 40)],
            runs: [501: run("ci.yml", attempt: 3, 50)], state: "success", reporters: 1),
        .init(
            testDescription: "two apps, both green",
            rows: [job(1, "success", run: 501), job(2, "success", run: 502, app: "other")], state: "success",
            reporters: 2),
        .init(
            testDescription: "two apps, the older red",
            rows: [job(1, "failure", run: 501), job(2, "success", run: 502, app: "other")], state: "failure",
            reporters: 2),
        .init(
            testDescription: "check runs without a suite",
            rows: [job(1, "failure", run: nil), job(2, "success", run: nil)], state: "failure", reporters: 2),
        .init(
            testDescription: "statuses of two creators",
            rows: [status(1, "failure", by: "jenkins"), status(2, "success", by: "drone")], state: "failure",
            reporters: 2),
        .init(
            testDescription: "statuses of one creator",
            rows: [status(1, "pending"), status(2, "failure"), status(3, "success")], state: "success", reporters: 1),
        .init(
            testDescription: "a status beside a check run",
            rows: [status(1, "failure"), job(2, "success", run: 501)], state: "failure", reporters: 2),
    ]

    static let gitea: [Case] = [
        .init(
            testDescription: "two runs, the workflow files not known",
            rows: [
                status(1, "pending", run: 11, job: 0), status(2, "failure", run: 11, job: 0),
                status(3, "success", run: 12, job: 0),
            ], summary: [status(3, "success", run: 12)], state: "failure", reporters: 2),
        .init(
            testDescription: "two rows in the summary",
            rows: [status(2, "failure", run: 11, job: 0), status(3, "success", run: 12, job: 0)],
            summary: [status(2, "failure"), status(3, "success")], state: "failure", reporters: 2),
        .init(
            testDescription: "two rows in the summary without links",
            rows: [status(2, "failure"), status(3, "success")], summary: [status(2, "failure"), status(3, "success")],
            state: "failure", reporters: 2),
        .init(
            testDescription: "two rows in the summary, both green",
            rows: [status(2, "success"), status(3, "success")], summary: [status(2, "success"), status(3, "success")],
            state: "success", reporters: 2),
        .init(
            testDescription: "two runs of one file, one after the other",
            rows: [status(2, "failure", run: 11, job: 0, at: 20), status(3, "success", run: 12, job: 0, at: 40)],
            summary: [status(3, "success")],
            runs: [11: run("ci.yml", "push", attempt: 1, 10), 12: run("ci.yml", "push", attempt: 1, 30)],
            state: "success",
            reporters: 1),
        .init(
            testDescription: "two runs of one file that overlap, whose first rows were left out",
            rows: [status(2, "failure", run: 11, job: 0, at: 20), status(3, "success", run: 12, job: 0, at: 40)],
            summary: [status(3, "success")],
            runs: [11: run("ci.yml", "push", attempt: 1, 10), 12: run("ci.yml", "push", attempt: 1, 11)],
            state: "failure",
            reporters: 2),
        .init(
            testDescription: "two runs of one file that overlap",
            rows: [
                status(1, "pending", run: 12, job: 0), status(2, "failure", run: 11, job: 0),
                status(3, "success", run: 12, job: 0),
            ], summary: [status(3, "success")], runs: [11: run("ci.yml"), 12: run("ci.yml")], state: "failure",
            reporters: 2),
        .init(
            testDescription: "two files of one workflow name",
            rows: [status(2, "failure", run: 11, job: 0), status(3, "success", run: 12, job: 0)],
            summary: [status(3, "success")], runs: [11: run("a.yml"), 12: run("b.yml")], state: "failure",
            reporters: 2),
        .init(
            testDescription: "a rerun, which keeps its link",
            rows: [
                status(1, "failure", run: 11, job: 0), status(2, "pending", run: 11, job: 0),
                status(3, "success", run: 11, job: 0),
            ], summary: [status(3, "success")], state: "success", reporters: 1),
        .init(
            testDescription: "two jobs of one name in one run",
            rows: [status(2, "failure", run: 11, job: 0), status(3, "success", run: 11, job: 1)],
            summary: [status(3, "success")], state: "failure", reporters: 2),
        .init(
            testDescription: "a second attempt whose job has a number of its own",
            rows: [status(2, "failure", run: 11, job: 70, at: 20), status(3, "success", run: 11, job: 90, at: 40)],
            summary: [status(3, "success")], runs: [11: run("ci.yml", attempt: 2, 30)], state: "success", reporters: 1),
    ]

    @Test("Field 1: a name is green only if all its reporters are", arguments: github + gitea)
    func table(_ one: Case) {
        for rows in [one.rows, one.rows.reversed()] {
            let views = [rows] + (one.summary.map { [$0] } ?? [])
            let standing = CIReading(views: views, runs: one.runs).standing(of: "test")
            #expect(standing.state.name == one.state)
            #expect(standing.reporters.count == one.reporters)
        }
    }

    /// A run by its key and number, with its state as a whole.
    private static func whole(
        _ workflow: String, _ event: String = "push", number: Int64, _ state: String?, _ start: Int64? = nil
    ) -> CIRun {
        CIRun(
            workflow: workflow, event: event, number: number, attempt: 1, startedAt: start,
            state: state.map { CIState($0) })
    }

    /// Runs with rows: 501 (number 61) and 502 (number 62).
    static let absent: [Case] = [
        .init(
            testDescription: "a newer run that is queued", rows: [job(1, "success", run: 501, 10, 20)],
            runs: [501: whole("ci", number: 61, "success"), 503: whole("ci", number: 63, "pending", 50)],
            state: "pending", reporters: 2),
        .init(
            testDescription: "a newer run whose suite has a lower number", rows: [job(1, "success", run: 501, 10, 20)],
            runs: [501: whole("ci", number: 61, "success"), 400: whole("ci", number: 63, "pending", 50)],
            state: "pending", reporters: 2),
        .init(
            testDescription: "a newer run that failed before the job", rows: [job(1, "success", run: 501, 10, 20)],
            runs: [501: whole("ci", number: 61, "success"), 503: whole("ci", number: 63, "failure", 50)],
            state: "failure", reporters: 2),
        .init(
            testDescription: "a newer run that was cancelled before the job",
            rows: [job(1, "success", run: 501, 10, 20)],
            runs: [501: whole("ci", number: 61, "success"), 503: whole("ci", number: 63, "cancelled", 50)],
            state: "cancelled", reporters: 2),
        .init(
            testDescription: "a newer run that succeeded without the job", rows: [job(1, "success", run: 501, 10, 20)],
            runs: [501: whole("ci", number: 61, "success"), 503: whole("ci", number: 63, "success", 50)],
            state: "missing", reporters: 2),
        .init(
            testDescription: "the newest of several decides", rows: [job(1, "success", run: 501, 10, 20)],
            runs: [
                501: whole("ci", number: 61, "success"), 503: whole("ci", number: 63, "failure", 50),
                504: whole("ci", number: 64, "pending", 60),
            ], state: "pending", reporters: 2),
        .init(
            testDescription: "newer runs of two workflows",
            rows: [job(1, "success", run: 501), job(2, "success", run: 502)],
            runs: [
                501: whole("a", number: 61, "success"), 502: whole("b", number: 62, "success"),
                503: whole("a", number: 63, "pending"), 504: whole("b", number: 64, "failure"),
            ], state: "failure", reporters: 4),
        .init(
            testDescription: "a newer run for another event, or of another workflow",
            rows: [job(1, "success", run: 501, 10, 20)],
            runs: [
                501: whole("ci", number: 61, "success"), 503: whole("ci", "workflow_dispatch", number: 63, "failure"),
                504: whole("ci", "schedule", number: 64, "pending"), 505: whole("docs", number: 65, "failure"),
            ], state: "success", reporters: 1),
        .init(
            testDescription: "an older run that failed before the job", rows: [job(2, "success", run: 502, 30, 40)],
            runs: [502: whole("ci", number: 62, "success"), 501: whole("ci", number: 61, "failure")],
            state: "success", reporters: 1),
        .init(
            testDescription: "an older run that has not ended", rows: [job(2, "success", run: 502, 30, 40)],
            runs: [502: whole("ci", number: 62, "success"), 501: whole("ci", number: 61, "pending")],
            state: "pending", reporters: 2),
        .init(
            testDescription: "a run that has reported, and goes on with other jobs",
            rows: [job(1, "success", run: 501, 10, 20)], runs: [501: whole("ci", number: 61, "pending")],
            state: "success", reporters: 1),
        .init(
            testDescription: "a list that does not say how runs stand", rows: [job(1, "success", run: 501, 10, 20)],
            runs: [501: whole("ci", number: 61, nil), 503: whole("ci", number: 63, nil)], state: "success", reporters: 1
        ),
        .init(
            testDescription: "a newer run that began after the failure", rows: [job(1, "failure", run: 501, 10, 20)],
            runs: [501: whole("ci", number: 61, "failure"), 503: whole("ci", number: 63, "pending", 50)],
            state: "pending", reporters: 1),
        .init(
            testDescription: "a newer run that overlaps with the failure", rows: [job(1, "failure", run: 501, 10, 20)],
            runs: [501: whole("ci", number: 61, "failure"), 503: whole("ci", number: 63, "pending", 15)],
            state: "failure", reporters: 2),
        .init(
            testDescription: "a newer run that succeeded without the job after a failure",
            rows: [job(1, "failure", run: 501, 10, 20)],
            runs: [501: whole("ci", number: 61, "failure"), 503: whole("ci", number: 63, "success", 50)],
            state: "failure", reporters: 2),
        .init(
            testDescription: "statuses: a newer run that failed and left no row",
            rows: [status(2, "success", run: 11, job: 0)], summary: [status(2, "success")],
            runs: [11: whole("ci.yml", number: 11, "success"), 12: whole("ci.yml", number: 12, "failure")],
            state: "failure", reporters: 2),
        .init(
            testDescription: "statuses: a newer run that has not ended", rows: [status(2, "success", run: 11, job: 0)],
            summary: [status(2, "success")],
            runs: [11: whole("ci.yml", number: 11, "success"), 12: whole("ci.yml", number: 12, "pending")],
            state: "pending", reporters: 2),
        .init(
            testDescription: "statuses: a newer run that succeeded, whose row was left out as nothing new",
            rows: [status(2, "success", run: 11, job: 0)], summary: [status(2, "success")],
            runs: [11: whole("ci.yml", number: 11, "success"), 12: whole("ci.yml", number: 12, "success")],
            state: "success", reporters: 1),
    ]

    @Test("Field 1: a workflow's newest run decides, even before it has reported the name", arguments: absent)
    func newestRun(_ one: Case) {
        table(one)
    }

    @Test("Of the absent runs, only one that succeeded without the job counts as skipped")
    func absentAllowed() {
        func effect(_ state: String) -> CIState.Effect {
            let runs: [Int64: CIRun] = [
                501: Self.whole("ci", number: 61, "success"), 503: Self.whole("ci", number: 63, state),
            ]
            return CIReading(views: [[Self.job(1, "success", run: 501, 10, 20)]], runs: runs)
                .standing(of: "test", allowsSkipped: true).effect
        }
        #expect(effect("success") == .satisfied && effect("skipped") == .satisfied)
        #expect(effect("failure") == .ended && effect("cancelled") == .ended && effect("pending") == .waiting)
    }

    @Test("A difference between the forge's summary and its list is unsettled")
    func summary() {
        let two = [Self.status(2, "success"), Self.status(3, "success")]
        func state(_ list: [CIRow], _ summary: [CIRow]) -> String {
            CIReading(views: [list, summary]).standing(of: "test").state.name
        }
        #expect(state(two, [Self.status(3, "success")]) == "success")
        #expect(state(two, [Self.status(2, "success")]) == "unsettled")
        #expect(state(two, [Self.status(3, "pending")]) == "unsettled")
        #expect(state(two, two + [Self.status(4, "success")]) == "unsettled")
        #expect(state(two, []) == "unsettled")
    }

    @Test(
        "Field 2: a job that did not run is not green, whatever state the forge reports",
        arguments: [
            // The formats of Gitea up to 1.25, of Forgejo, and of later Gitea versions.
            ("success", "Has been skipped", "skipped"), ("success", "Skipped", "skipped"),
            ("skipped", "Skipped", "skipped"), ("warning", "Has been cancelled", "cancelled"),
            ("failure", "Has been cancelled", "cancelled"), ("failure", "Canceled after 3s", "cancelled"),
            ("failure", "Cancelled after 3s", "cancelled"), ("error", "Build was aborted", "cancelled"),
            ("success", "Has been cancelled", "cancelled"), ("success", "  has been SKIPPED. ", "skipped"),
            ("success", "Pipeline was skipped", "skipped"), ("success", "Skipped - not affected", "skipped"),
            ("success", "Job skipped because of its condition", "skipped"),
            // A job that ran and reports on its parts.
            ("success", "Successful in 3s", "success"), ("success", "Skipped 3 tests", "success"),
            ("success", "12 passed, 3 skipped", "success"), ("success", "Skipped tests: 0", "success"),
            ("success", "No tests skipped", "success"), ("success", "", "success"), ("success", nil, "success"),
            ("success", "Canceled subscriptions are handled", "success"), ("warning", "2 findings", "warning"),
            ("pending", "Canceling", "pending"), ("pending", "Has been skipped", "pending"),
            ("failure", "Has been skipped", "failure"),
        ])
    func descriptions(word: String, description: String?, state: String) {
        #expect(CIState(word, described: description).name == state)
    }

    @Test("Only the skipped state, and only where allowed, counts as green")
    func allowed() {
        func effect(_ rows: [CIRow], allowed: Bool) -> CIState.Effect {
            CIReading(views: [rows]).standing(of: "test", allowsSkipped: allowed).effect
        }
        let skipped = Self.status(1, "success", "Has been skipped")
        #expect(effect([skipped], allowed: false) == .ended)
        #expect(effect([skipped], allowed: true) == .satisfied)
        #expect(effect([Self.status(1, "warning", "Has been cancelled")], allowed: true) == .ended)
        #expect(effect([Self.job(1, "neutral", run: 5)], allowed: true) == .ended)
        #expect(effect([skipped, Self.job(2, "failure", run: 5)], allowed: true) == .ended)
        #expect(effect([skipped, Self.job(2, "success", run: 5)], allowed: true) == .satisfied)
        #expect(effect([], allowed: true) == .waiting)
    }

    @Test("A status's workflow comes from its context, its run number from its link")
    func described() {
        var row = Self.status(7, "success", run: 12, job: 0, at: 1_000)
        row.context = "CI / build (linux) (push)"
        let reporter = CIReporter(row: row)
        #expect(reporter.workflow == "CI" && reporter.event == "push" && reporter.runNumber == 12)
        #expect(reporter.time == "1970-01-01T00:00:01.000Z")
        row.run = nil
        #expect(CIReporter(row: row).workflow == nil && CIReporter(row: row).event == nil)
    }

    @Test(
        "Links to runs are parsed in every version's format",
        arguments: [
            ("/o/r/actions/runs/11/jobs/0", Int64(11), Int64(0)), ("/o/r/actions/runs/11", 11, nil),
            ("https://github.com/o/r/actions/runs/12/job/9?pr=1", 12, 9),
            ("https://git.example/sub/o/r/actions/runs/3/attempts/2/jobs/41#x", 3, 41),
            ("/o/r/actions/runs/x", nil, nil),
            ("/o/r/actions/runs/-1/jobs/1", nil, nil), ("https://ci.example/job/7", nil, nil), ("", nil, nil),
        ])
    func links(link: String, run: Int64?, job: Int64?) {
        #expect(ActionsLink(link)?.run == run)
        #expect(ActionsLink(link)?.job == job)
    }
}
