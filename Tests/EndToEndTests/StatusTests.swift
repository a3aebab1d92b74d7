import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

/// `status` on real agents: its output and its exit code.
@Suite("End to end, status", .timeLimit(.minutes(5)))
struct StatusTests {
    private func agents(_ commits: [String]) async throws -> (TemporaryFolder, [HostAgent], String) {
        let folder = try TemporaryFolder()
        var agents: [HostAgent] = []
        for (number, commit) in commits.enumerated() {
            agents.append(
                try await HostAgent.start(
                    "host-\(number)", selector: "file:\(try folder.write("build-\(number)", commit))"))
        }
        let lines = agents.map { "  - {name: \($0.name), url: \"\($0.url)\"}" }
        let fleet = try folder.write(
            "fleet.yaml",
            (["service: canvas", lines.isEmpty ? "hosts: []" : "hosts:"] + lines).joined(separator: "\n") + "\n")
        return (folder, agents, fleet)
    }

    private func status(_ fleet: String, _ more: [String] = []) async throws -> RunningProgram.Outcome {
        try await Program.collector().run(
            ["status", "--fleet", fleet, "--store", "none", "--request-timeout", "2s"] + more)
    }

    @Test("Without a target, status shows what each host serves, and one line names the missing target")
    func plain() async throws {
        let (folder, agents, fleet) = try await agents([Commit.new, Commit.old])
        let outcome = try await status(fleet)
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(outcome.output.contains(Commit.new.prefix(12)) && outcome.output.contains(Commit.old.prefix(12)))
        #expect(outcome.output.contains("2 of 2 hosts answered"), "\(outcome.output)")
        #expect(outcome.output.ranges(of: "nothing to compare with").count == 1, "\(outcome.output)")
        #expect(!outcome.output.contains("unreachable"), "\(outcome.output)")
        let json = try await status(fleet, ["--report", "json=-"])
        #expect(try await SchemaValidator.defects(json.output, against: .report).isEmpty)
        withExtendedLifetime((agents, folder)) {}
    }

    @Test("With a target, status counts the hosts on it, and --exit-code exits with the worst finding")
    func target() async throws {
        let (folder, agents, fleet) = try await agents([Commit.new, Commit.old])
        let look = try await status(fleet, ["--sha", Commit.new])
        #expect(look.exitCode == 0, "\(look.output)")
        #expect(
            look.output.contains("on target now: 1 of 2 hosts (one observation; run verify to prove it)"),
            "\(look.output)")
        #expect(!look.output.contains("proven") && !look.output.contains("exit"), "\(look.output)")
        #expect(look.output.contains("on target  ") && look.output.contains("behind  "), "\(look.output)")
        let behind = try await status(fleet, ["--sha", Commit.new, "--exit-code"])
        #expect(behind.exitCode == 10, "\(behind.output)")
        let variable = try await Program.collector().run(
            ["status", "--fleet", fleet, "--store", "none", "--sha", Commit.new],
            environment: ["BUILDINFO_EXIT_CODE": "1"])
        #expect(variable.exitCode == 10, "\(variable.output)\(variable.error)")
        agents[0].program.signal(SIGKILL)
        _ = try await agents[0].program.wait()
        #expect(try await status(fleet, ["--sha", Commit.new, "--exit-code"]).exitCode == 30)
        #expect(try await status(fleet, ["--sha", Commit.new]).exitCode == 0)
        withExtendedLifetime((agents, folder)) {}
    }

    @Test("verify tells why a host is behind within seconds, even if its agent had just been asked")
    func earlyReason() async throws {
        let (folder, agents, fleet) = try await agents([Commit.old])
        _ = try await status(fleet)
        let outcome = try await Program.collector().run(
            [
                "verify", "--fleet", fleet, "--store", "none", "--sha", Commit.new, "--timeout", "6s", "--soak", "1s",
                "--progress", "plain",
            ])
        #expect(outcome.exitCode == 10, "\(outcome.error)")
        let lines = outcome.error.split(separator: "\n")
        let line = try #require(lines.first { $0.contains("host-0: pending - ") }, "\(outcome.error)")
        #expect(line.contains("(serves "), "\(outcome.error)")
        let seconds = try #require(Double(line.drop { $0 == " " }.prefix { $0 != "s" }), "\(line)")
        #expect(seconds < 3, "\(outcome.error)")
        #expect(!outcome.error.contains("before the check started"), "\(outcome.error)")
        withExtendedLifetime((agents, folder)) {}
    }

    @Test(
        "A watch writes each change once, follows hosts that come and go, and ends with the exit code of its last view")
    func watch() async throws {
        let (folder, agents, fleet) = try await agents([Commit.new, Commit.old])
        let program = try Program.collector().start([
            "status", "--fleet", fleet, "--store", "none", "--sha", Commit.new, "--watch", "--interval", "3s",
            "--request-timeout", "2s", "--exit-code",
        ])
        func says(_ text: String) async throws {
            try await eventually("the watch says '\(text)'", detail: { "\n\(program.output)\(program.error)" }) {
                program.exitCode != nil || program.output.contains(text)
            }
            #expect(program.output.contains(text), "\(program.output)\(program.error)")
        }
        try await says("on target now: 1 of 2 hosts, 1 behind")
        try await says("host-1: behind, serves \(Commit.old.prefix(12)) - ")
        try folder.write("build-1", Commit.new)
        try await says("host-1: on target (was behind), serves \(Commit.new.prefix(12))")
        agents[0].program.signal(SIGKILL)
        try await says("host-0: no answer")
        let third = try await HostAgent.start("host-2", selector: "file:\(try folder.write("build-2", Commit.old))")
        let listed = [agents[1], third].map { "  - {name: \($0.name), url: \"\($0.url)\"}" }
        try folder.write("fleet.yaml", "service: canvas\nhosts:\n\(listed.joined(separator: "\n"))\n")
        try await says("host-0: gone from the inventory")
        try await says("host-2: behind, serves ")
        try folder.write("fleet.yaml", "hosts: {")
        try await says("warning: cannot read the inventory again: ")
        #expect(program.output.ranges(of: "host-1: on target").count == 1, "\(program.output)")
        for line in program.output.split(separator: "\n") {
            #expect(line.wholeMatch(of: /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[.0-9]*Z  .+/) != nil, "\(line)")
        }
        program.signal(SIGINT)
        let outcome = try await program.wait()
        #expect(outcome.exitCode == 10, "\(outcome.output)\(outcome.error)")
        withExtendedLifetime((third, folder)) {}
    }

    @Test(
        "A watch that SIGTERM ends exits with 143, and without an answer Ctrl-C exits with 130",
        arguments: [true, false])
    func watchEnds(_ hasAnswer: Bool) async throws {
        let deaf = try #require(ScriptedHostDeafPort(.full))
        let (folder, agents, fleet) = try await agents([Commit.new])
        let hosts =
            hasAnswer
            ? ["--fleet", fleet] : ["--service", "canvas", "--host", "http://127.0.0.1:\(deaf.port)/buildinfo"]
        let program = try Program.collector().start(
            ["status", "--store", "none", "--sha", Commit.new, "--watch", "--request-timeout", "60s"] + hosts)
        if hasAnswer {
            try await eventually("it has answered") { program.output.contains("on target now: 1 of 1 host") }
        } else {
            try await Task.sleep(for: .seconds(2))
        }
        program.signal(hasAnswer ? SIGTERM : SIGINT)
        let outcome = try await program.wait()
        #expect(outcome.exitCode == (hasAnswer ? 143 : 130), "\(outcome.output)\(outcome.error)")
        withExtendedLifetime((agents, folder, deaf)) {}
    }

    @Test("status reads a ledger that a verification is writing, and compares with its promotion")
    func busyLedger() async throws {
        let (folder, agents, fleet) = try await agents([Commit.old])
        let store = ["--store", folder.path("ledger.db")]
        let verify = try Program.collector().start(
            ["verify", "--fleet", fleet, "--sha", Commit.new, "--timeout", "60s", "--progress", "plain"] + store)
        try await eventually("it has begun") { verify.error.contains("pending") }
        for _ in 0..<3 {
            let outcome = try await Program.collector().run(["status", "--fleet", fleet, "--exit-code"] + store)
            #expect(outcome.exitCode == 10, "\(outcome.output)\(outcome.error)")
            #expect(outcome.output.contains("on target now: 0 of 1 host"), "\(outcome.output)")
        }
        verify.signal(SIGINT)
        #expect(try await verify.wait().exitCode == 130)
        withExtendedLifetime((agents, folder)) {}
    }

    @Test("status of an empty inventory exits with 50 and the reason")
    func empty() async throws {
        let (folder, _, fleet) = try await agents([])
        let outcome = try await status(fleet)
        #expect(outcome.exitCode == 50)
        #expect(outcome.output.contains("empty_inventory (exit 50)"), "\(outcome.output)")
        withExtendedLifetime(folder) {}
    }

    @Test("Field 23: a verification with a selection leaves an undamaged ledger, and so does a refused one")
    func ledger() async throws {
        let (folder, agents, _) = try await agents([Commit.new, Commit.new, Commit.new])
        let lines = agents.enumerated().map {
            "  - {name: \($1.name), url: \"\($1.url)\", labels: {group: \($0 == 0 ? "canary" : "main")}}"
        }
        let fleet = try folder.write("labelled.yaml", "service: canvas\nhosts:\n\(lines.joined(separator: "\n"))\n")
        let store = ["--store", folder.path("ledger.db")]
        let collector = try Program.collector()
        let common =
            ["verify", "--sha", Commit.new, "--soak", "500ms", "--interval", "200ms", "--progress", "none"] + store
        let part = try await collector.run(common + ["--fleet", fleet, "--select", "group=canary"])
        #expect(part.exitCode == 0, "\(part.error)")
        let refused = try await collector.run(common + ["--service", "canvas", "--host", agents[0].url])
        #expect(refused.exitCode == 50, "\(refused.error)")
        let check = try await collector.run(["ledger", "check"] + store)
        #expect(check.exitCode == 0, "\(check.output)")
        let history = try await collector.succeed(["history", "--format", "csv"] + store)
        #expect(history.contains("inventory_shrunk,50"), "\(history)")
    }

    @Test(
        "Field 23: SIGHUP ends a verification with its report and exit code 129",
        arguments: [true, false])
    func hangup(_ hasAnswered: Bool) async throws {
        let deaf = try #require(ScriptedHostDeafPort(.full))
        let (folder, agents, _) = try await agents([Commit.old])
        let url = hasAnswered ? agents[0].url : "http://127.0.0.1:\(deaf.port)/buildinfo/canvas"
        let verify = Verify(
            hosts: [FleetHost(name: "host-0", url: url)], sha: Commit.new, store: folder.path("ledger.db"))
        let running = try verify.start()
        if hasAnswered {
            try await running.says("pending")
        } else {
            try await eventually("it has begun") {
                try running.folder.contains("evidence.ndjson") && running.folder.read("evidence.ndjson").contains("\n")
            }
        }
        running.program.signal(SIGHUP)
        let verified = try await running.finish()
        #expect(verified.exitCode == 129, "\(verified.progress)")
        #expect(verified.report.verdict == "interrupted")
        #expect(verified.report.reasons.first?.message.contains("SIGHUP") == true)
        let history = try await Program.collector().succeed(
            ["history", "--format", "csv", "--store", folder.path("ledger.db")])
        #expect(history.contains("interrupted,129"), "\(history)")
        withExtendedLifetime(deaf) {}
    }

    @Test("A SIGHUP that is ignored (nohup) does not end a verification")
    func nohup() async throws {
        let (folder, agents, _) = try await agents([Commit.new])
        let collector = try Program.collector().path
        let shell = try Program.installed("sh", remedy: "apt-get install dash")
        let running = try shell.start([
            "-c", "trap '' HUP; exec \"$0\" \"$@\"", collector, "verify", "--service", "canvas", "--host",
            agents[0].url, "--sha", Commit.new,
            "--store", "none", "--soak", "4s", "--progress", "plain",
        ])
        try await eventually("it has begun") { running.error.contains("soaking") }
        running.signal(SIGHUP)
        let outcome = try await running.wait()
        #expect(outcome.exitCode == 0, "\(outcome.exitCode) \(outcome.error)")
        withExtendedLifetime((agents, folder)) {}
    }
}
