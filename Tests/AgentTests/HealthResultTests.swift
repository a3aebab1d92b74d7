import FoundationEssentials
import Shared
import Testing

@testable import Agent
@testable import AgentCore

/// Podman up to 4.3 keeps the health of the previous run across a restart.
@Suite struct HealthResultTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// `.State.Health`, as an engine writes it.
        var health: String
        var startedAt = "2026-11-20T10:00:00.5Z"
        var store = EngineIdentity.Store.podman
        var retries: Int?
        var state: ServiceState

        init(
            _ description: String, _ health: String, startedAt: String = "2026-11-20T10:00:00.5Z",
            store: EngineIdentity.Store = .podman, retries: Int? = nil, _ state: ServiceState
        ) {
            testDescription = description
            self.health = health
            self.startedAt = startedAt
            self.store = store
            self.retries = retries
            self.state = state
        }
    }

    private static func log(_ status: String, _ results: (start: String, exitCode: Int)...) -> String {
        let log = results.map { result in
            #"{"Start":"\#(result.start)","End":"\#(result.start)","ExitCode":\#(result.exitCode),"Output":"token=hunter2"}"#
        }
        return #"{"Status":"\#(status)","FailingStreak":0,"Log":[\#(log.joined(separator: ","))]}"#
    }

    private static let before = "2026-11-20T10:00:00.499999999Z"
    private static let after = "2026-11-20T10:00:00.500000001Z"

    @Test(
        "Field 6: a health result from before the instance's start does not count",
        arguments: [
            Case("healthy since the start", log("healthy", (after, 0)), .serving),
            Case("unhealthy since the start", log("unhealthy", (after, 1)), .unhealthy),
            Case("healthy before the start alone", log("healthy", (before, 0)), .starting),
            Case("unhealthy before the start alone", log("unhealthy", (before, 1)), .starting),
            Case("on Docker, too", log("healthy", (before, 0)), store: .classic, .starting),
            Case("healthy before the start, and failed once since", log("healthy", (before, 0), (after, 1)), .starting),
            Case("unhealthy before the start, and passed since", log("unhealthy", (before, 1), (after, 0)), .starting),
            Case(
                "a timed-out check is a failure", log("unhealthy", (before, 1), (after, -1)), .unhealthy),
            Case(
                "two failures of the previous run do not count",
                log("unhealthy", (before, 1), (before, 1), (after, 1)), retries: 3, .starting),
            Case(
                "three failures of this run do", log("unhealthy", (after, 1), (after, 1), (after, 1)), retries: 3,
                .unhealthy),
            Case(
                "of more than five, Podman lists five",
                log("unhealthy", (after, 1), (after, 1), (after, 1), (after, 1), (after, 1)), retries: 9, .unhealthy),
            Case("no retries are one", log("unhealthy", (after, 1)), retries: 0, .unhealthy),
            Case(
                "Docker resets its count by itself", log("unhealthy", (after, 1)), store: .classic, retries: 3,
                .unhealthy),
            Case("the newest result need not be the last", log("healthy", (after, 0), (before, 1)), .serving),
            Case(
                "on Docker, failures that are not too many yet leave it healthy",
                log("healthy", (after, 1), (after, 1)), store: .classic, .serving),
            Case("an empty list holds no result of this run", #"{"Status":"healthy","Log":[]}"#, .starting),
            Case("nor does null", #"{"Status":"unhealthy","Log":null}"#, .starting),
            Case("an engine without a list is believed", #"{"Status":"healthy"}"#, .serving),
            Case(
                "Podman's zones: one second before the start",
                log("healthy", ("2026-11-20T11:59:59.5+02:00", 0)), .starting),
            Case(
                "Podman's zones: one second after the start",
                log("healthy", ("2026-11-20T04:00:01.5-06:00", 0)), .serving),
            Case(
                "a start in another zone", log("healthy", ("2026-11-20T10:00:00.6Z", 0)),
                startedAt: "2026-11-20T15:30:00.5+05:30", .serving),
            Case("a result without a time proves nothing", #"{"Status":"healthy","Log":[{"ExitCode":0}]}"#, .starting),
            Case(
                "the end replaces a missing start",
                #"{"Status":"healthy","Log":[{"End":"\#(after)","ExitCode":0}]}"#, .serving),
            Case("an invalid start time", log("healthy", (after, 0)), startedAt: "today", .starting),
            Case("no health check", #"{"Status":"none","Log":null}"#, .serving),
            Case("no health check, as Podman writes it", #"{"Status":"","FailingStreak":0,"Log":null}"#, .serving),
            Case("starting stays starting", log("starting", (before, 0)), .starting),
            Case("an unknown health status is unknown", log("splendid", (after, 0)), .unknown),
        ])
    func results(example: Case) throws {
        let text =
            #"{"Status":"running","Running":true,"StartedAt":"\#(example.startedAt)","Health":\#(example.health)}"#
        var facts = try Samples.facts()
        facts.state = ContainerStateFacts(
            try JSONDecoder().decode(EngineAPI.Container.State.self, from: Data(text.utf8)))
        facts.state.healthRetries = example.retries
        let report = ContainerReport(facts, store: example.store)
        #expect(report.instance.state == example.state)
        if example.state == .starting { #expect(report.instance.health == .starting) }
        #expect(!"\(report)".contains("hunter2"), "the output is masked, and a passed check's is not decoded")
        let isFailing = ["unhealthy", "starting"].contains(report.instance.health?.rawValue)
        if !isFailing { #expect(report.instance.healthOutput == nil) }
    }

    /// A result of a health check with its output.
    private static func result(_ start: String, _ exitCode: Int, _ output: String?) -> String {
        let output = output.map { ",\"Output\":\"\($0)\"" } ?? ""
        return #"{"Start":"\#(start)","ExitCode":\#(exitCode)\#(output)}"#
    }

    private func healthOutput(
        _ status: String, _ results: [String], running: Bool = true, startedAt: String = "2026-11-20T10:00:00.5Z"
    ) throws -> String? {
        let text = """
            {"Status":"\(running ? "running" : "exited")","Running":\(running),"StartedAt":"\(startedAt)",\
            "Health":{"Status":"\(status)","Log":[\(results.joined(separator: ","))]}}
            """
        var facts = try Samples.facts()
        facts.state = ContainerStateFacts(
            try JSONDecoder().decode(EngineAPI.Container.State.self, from: Data(text.utf8)))
        return ContainerReport(facts, store: .classic).instance.healthOutput
    }

    @Test("The output is that of the latest check of this run, while the container is not healthy")
    func outputs() throws {
        let (before, after) = (Self.before, Self.after)
        let refused = Self.result("2026-11-20T10:00:09Z", 1, "connection refused")
        let earlier = Self.result(after, 1, "still booting")
        #expect(try healthOutput("unhealthy", [earlier, refused]) == "connection refused")
        #expect(try healthOutput("unhealthy", [refused, earlier]) == "connection refused", "in any order")
        #expect(try healthOutput("starting", [earlier]) == "still booting")
        #expect(try healthOutput("healthy", [refused]) == nil, "failures that are not too many yet")
        #expect(try healthOutput("unhealthy", [refused], running: false) == "connection refused", "stopped for that")
        #expect(try healthOutput("starting", [earlier, Self.result("2026-11-20T10:00:09Z", 0, "fine")]) == nil)
        #expect(try healthOutput("unhealthy", [Self.result(before, 1, "of the former run")]) == nil)
        #expect(try healthOutput("unhealthy", [refused], startedAt: "0001-01-01T00:00:00Z") == nil)
        #expect(try healthOutput("unhealthy", [#"{"ExitCode":1,"Output":"at no time"}"#]) == nil)
        #expect(try healthOutput("unhealthy", []) == nil)
    }

    @Test("A check that fails without output has its exit code", arguments: [nil, "", "\\n \\t", "\\u001b[0m"])
    func silentChecks(output: String?) throws {
        #expect(
            try healthOutput("unhealthy", [Self.result(Self.after, 22, output)]) == "no output (exit code 22)")
    }

    @Test("The reason distinguishes an old result from a pending one")
    func reasons() throws {
        var facts = try Samples.facts()
        facts.state.health = "healthy"
        facts.state.healthLog = []
        #expect(
            ContainerReport(facts, store: .podman).stateRemark
                == "canvas-1 is starting: its health check has no result since it was started")
        facts.state.health = "starting"
        #expect(
            ContainerReport(facts, store: .podman).stateRemark
                == "canvas-1 is starting: its health check has not passed yet")
    }
}
