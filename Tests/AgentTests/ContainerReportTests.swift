import Shared
import Testing

@testable import Agent
@testable import AgentCore

@Suite struct ContainerReportTests {
    struct StateCase: CustomTestStringConvertible, Sendable {
        var facts: ContainerStateFacts
        var state: ServiceState
        var health: Instance.Health?

        init(
            _ status: String, running: Bool = false, paused: Bool = false, restarting: Bool = false,
            health: String? = nil, _ state: ServiceState, _ reported: Instance.Health? = Instance.Health.none
        ) {
            facts = ContainerStateFacts(
                status: status, running: running, paused: paused, restarting: restarting, health: health)
            self.state = state
            self.health = reported
        }

        var testDescription: String { "\(facts.status) \(facts.health ?? "-") is \(state)" }
    }

    @Test(
        "An engine's flags and status become a state, and unknown ones are never serving",
        arguments: [
            StateCase("running", running: true, .serving),
            StateCase("running", running: true, health: "", .serving),
            StateCase("running", running: true, health: "none", .serving),
            StateCase("running", running: true, health: "healthy", .serving, .healthy),
            StateCase("running", running: true, health: "starting", .starting, .starting),
            StateCase("running", running: true, health: "unhealthy", .unhealthy, .unhealthy),
            StateCase("running", running: true, health: "brand-new", .unknown, nil),
            StateCase("stopping", running: true, .unknown),
            StateCase("paused", running: true, paused: true, .paused),
            StateCase("running", running: true, paused: true, .paused),
            StateCase("paused", .paused),
            StateCase("restarting", running: true, restarting: true, .restarting),
            StateCase("exited", .exited),
            StateCase("exited", health: "healthy", .exited, .healthy),
            StateCase("created", .starting),
            StateCase("dead", .exited),
            StateCase("removing", .exited),
            StateCase("configured", .starting),
            StateCase("initialized", .starting),
            StateCase("", .exited),
            StateCase("teleported", .unknown),
        ])
    func states(example: StateCase) {
        let (state, health) = ContainerReport.state(of: example.facts)
        #expect(state == example.state)
        #expect(health == example.health)
    }

    @Test("The engine's zero time means never started")
    func zeroTime() throws {
        var facts = try Samples.facts()
        facts.state = ContainerStateFacts(status: "created", exitCode: 0, startedAt: "0001-01-01T00:00:00Z")
        let report = ContainerReport(facts, store: .classic)
        #expect(report.instance.startedAt == nil)
        #expect(report.instance.exitCode == nil)
        #expect(report.instance.state == .starting)
        #expect(report.stateRemark == "canvas-1 was created and has not been started yet")
    }

    @Test("The remark on a dead container has its exit code and error")
    func exit() throws {
        var facts = try Samples.facts()
        facts.state = ContainerStateFacts(
            status: "exited", oomKilled: true, exitCode: 137, startedAt: "2026-11-20T10:00:00.5+01:00")
        let report = ContainerReport(facts, store: .classic)
        #expect(report.instance.exitCode == 137)
        #expect(report.instance.oomKilled == true)
        #expect(report.instance.startedAt == "2026-11-20T10:00:00.5+01:00")
        #expect(report.stateRemark == "canvas-1 does not run (exit code 137, out of memory)")
    }

    @Test(
        "A start error is reported while the container does not run, without secrets",
        arguments: [
            (ContainerStateFacts(status: "created", exitCode: 127, startedAt: "0001-01-01T00:00:00Z"), true),
            (ContainerStateFacts(status: "exited", exitCode: 128), true),
            (ContainerStateFacts(status: "restarting", restarting: true, exitCode: 127), true),
            (ContainerStateFacts(status: "running", running: true), false),
            (ContainerStateFacts(status: "paused", running: true, paused: true), false),
        ])
    func startError(state: ContainerStateFacts, isReported: Bool) throws {
        var facts = try Samples.facts()
        facts.state = state
        facts.state.error = "exec: \"--token=hunter2\":\n executable file not found in $PATH"
        let report = ContainerReport(facts, store: .classic)
        #expect(
            report.instance.error == (isReported ? "exec: \"--token=*** executable file not found in $PATH" : nil))
        #expect(!"\(report)".contains("hunter2"))
        facts.state.error = ""
        #expect(ContainerReport(facts, store: .classic).instance.error == nil)
    }

    @Test("A container's deployment is that of its labels")
    func deployment() throws {
        var facts = try Samples.facts()
        #expect(ContainerReport(facts, store: .classic).instance.deployment == Instance.Deployment(tool: .direct))
        facts.origin = ContainerOrigin(labels: ["PODMAN_SYSTEMD_UNIT": "canvas.service"], name: "canvas")
        #expect(
            ContainerReport(facts, store: .podman).instance.deployment
                == Instance.Deployment(tool: .systemd, name: "canvas.service"))
    }

    @Test(
        "Only a full lower-case commit in the image's own label counts",
        arguments: [
            (Samples.sha, true), (String(repeating: "c", count: 64), true), (Samples.sha.uppercased(), false),
            ("abc1234", false), ("", false), ("dev", false), (String(repeating: "0", count: 40), false),
            (Samples.sha + "\n", false),
        ])
    func revision(text: String, isUsable: Bool) throws {
        let report = ContainerReport(try Samples.facts(revision: text), store: .classic)
        #expect((report.instance.gitSHA.value != nil) == isUsable)
        #expect((report.commitRemark == nil) == isUsable)
    }

    @Test("The commit is unknown without the label or the image")
    func noRevision() throws {
        #expect(ContainerReport(try Samples.facts(revision: nil), store: .classic).instance.gitSHA == .absent)
        var facts = try Samples.facts()
        facts.image = nil
        let report = ContainerReport(facts, store: .containerd)
        #expect(report.instance.gitSHA == .absent)
        #expect(report.commitRemark?.contains("no longer knows its image") == true)
        #expect(report.digest == (try Samples.digest("c")))
    }
}
