import Foundation
import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end, in a pipeline", .timeLimit(.minutes(5)))
struct PipelineRunTests {
    /// Texts that a host can choose, and that a pipeline must not execute as commands.
    private static let hostile = [
        "::error::forged", "::set-output name=verdict::converged", "##[error]forged", "##vso[task.complete]forged",
        "a|b `c` <script>x</script>", "@octocat http://evil.example", "::stop-commands::token", "::add-mask::converged",
    ]

    /// Hosts with these texts as names, labels and waivers, and in various fields of their answers.
    private static func fleet() async throws -> (hosts: ScriptedHost, inventory: String) {
        let hosts = try await ScriptedHost.start { request in
            let number = Int(request.path.split(separator: "/").last ?? "") ?? 0
            let text = hostile[number % hostile.count]
            let nonce = request.query("nonce") ?? ""
            let quoted = text.replacing("\"", with: "\\\"")
            switch number / hostile.count {
            case 0: return .json(#"{"git_sha":"\#(quoted)"}"#)
            case 1: return .json(#"{"git_sha":"x\n\#(quoted)\r\n\#(quoted)"}"#)
            case 2: return .status(200, text)
            default: return .json(document(quoted, nonce: nonce))
            }
        }
        let entries = (0..<hostile.count * 4).map { number -> [String: Any] in
            let text = hostile[number % hostile.count]
            var entry: [String: Any] = [
                "name": "\(text) \(number)", "url": hosts.url("/\(number)"), "labels": ["group": text],
            ]
            if number % 11 == 0 { entry["waive"] = ["until": "2031-01-01T00:00:00Z", "reason": text, "by": text] }
            return entry
        }
        let inventory = try JSONSerialization.data(withJSONObject: ["service": "canvas", "hosts": entries])
        return (hosts, String(decoding: inventory, as: UTF8.self))
    }

    /// An agent's answer with this text in every free-text field.
    private static func document(_ text: String, nonce: String) -> String {
        """
        {"schema":1,"service":"canvas","git_sha":"\(Commit.new)","digest":null,"state":"unhealthy","reason":"\(text)",
        "host":{"id":"\(text) ","name":"\(text)","boot_id":"\(text)"},"engine":null,"observed_at":"2026-01-01T00:00:00Z",
        "age_seconds":0,"nonce":"\(nonce)","agent":{"version":"\(text)","uptime_seconds":1},"instances":[{"id":"\(text)",
        "name":"\(text)","state":"unhealthy","health":"unhealthy","started_at":null,"restart_count":0,
        "git_sha":"\(Commit.new)","image":{"reference":"\(text)","origin":"registry","digests":[],"tag_moved":false}}]}
        """
    }

    @Test("No text from a host becomes a command of the runner, on either stream, in any format or log")
    func hostileFleet() async throws {
        let step = try PipelineStep()
        let (hosts, inventory) = try await Self.fleet()
        let fleet = try step.folder.write("fleet.json", inventory)
        let store = ["--store", step.folder.path("ledger.db")]
        let outcome = try await step.run(
            [
                "verify", "--fleet", fleet, "--sha", Commit.new, "--timeout", "15s", "--soak", "500ms", "--interval",
                "500ms",
            ]
                + ["--log-level", "trace", "--report", "text=-", "--max-failed", "100%"] + store)
        await hosts.stop()
        #expect(outcome.exitCode != 0)
        #expect(WorkflowRunner.commands(in: outcome.output).isEmpty)
        let commands = WorkflowRunner.commands(in: outcome.error)
        #expect(Set(commands.map(\.name)) == ["error", "warning", "group", "endgroup"], "\(commands)")
        #expect(commands.count { $0.name == "error" } == 10)
        #expect(commands.count { $0.name == "warning" } <= 10)
        let verdict = commands.first { $0.name == "error" }
        #expect(verdict?.properties["title"]?.hasSuffix("(exit \(outcome.exitCode))") == true)
        #expect(outcome.error.contains(":\\u{3a}error::forged"), "the name is not to be read")
        #expect(try step.outputs()["exit_code"] == "\(outcome.exitCode)")
        #expect(try step.outputs()["verdict"] != "converged")
        #expect(try step.folder.read("summary").hasPrefix("## ❌ "))

        // The runner also reads the output of later steps.
        for format in ["json", "html", "markdown", "junit", "text"] {
            let again = try await step.run(["report", "--report", "\(format)=-"] + store)
            #expect(again.exitCode == 0, "\(again.error)")
            #expect(again.output.contains("octocat"))
            #expect(WorkflowRunner.commands(in: again.output + again.error).isEmpty, "\(format)")
        }
        for arguments in [["history"], ["history", "--format", "json"]] {
            let again = try await step.run(arguments + store)
            #expect(WorkflowRunner.commands(in: again.output + again.error).isEmpty, "\(arguments)")
        }
        #expect(try step.folder.read("output").split(separator: "\n").count == 17, "a report was published again")
    }

    /// One host that serves the old commit, and one that serves the new one.
    private static func pair() async throws -> (ScriptedHost, [String]) {
        let hosts = try await ScriptedHost.start { request in
            .json(#"{"git_sha":"\#(request.path == "/old" ? Commit.old : Commit.new)"}"#)
        }
        let names = ["--service", "canvas", "--host", hosts.url("/old"), "--host", hosts.url("/new")]
        return (hosts, names + ["--sha", Commit.new, "--soak", "500ms", "--interval", "200ms", "--store", "none"])
    }

    @Test("A step gets annotations on standard error, a summary and outputs; standard output has only the report")
    func step() async throws {
        var step = try PipelineStep()
        // Gitea's variable alone also identifies a runner.
        step.environment["GITHUB_ACTIONS"] = nil
        step.environment["GITEA_ACTIONS"] = "true"
        let (hosts, arguments) = try await Self.pair()
        let outcome = try await step.run(["verify", "--timeout", "15s", "--report", "json=-"] + arguments)
        #expect(outcome.exitCode == 10, "\(outcome.error)")
        #expect(try await SchemaValidator.defects(outcome.output, against: .report).isEmpty)
        let errors = WorkflowRunner.commands(in: outcome.error).filter { $0.name == "error" }
        #expect(errors.count == 2)
        #expect(errors.first?.properties["title"] == "buildinfo verify canvas: stragglers (exit 10)")
        #expect(errors.last?.properties["title"]?.hasSuffix("/old: straggler") == true)
        let outputs = try step.outputs()
        #expect(outputs["verdict"] == "stragglers" && outputs["expected"] == "2" && outputs["proven"] == "1")
        #expect(outputs["stragglers"] == "1" && outputs["exit_code"] == "10")
        #expect(
            try step.folder.read("summary").hasPrefix("## ❌ Deploy of \(Commit.new.prefix(12)) did not complete"))

        let status = try await step.run([
            "status", "--service", "canvas", "--host", hosts.url("/old"), "--sha", Commit.new, "--store", "none",
        ])
        #expect(WorkflowRunner.commands(in: status.output + status.error).isEmpty, "status is not a gate")
        #expect(try step.outputs() == outputs)

        step.environment["GITEA_ACTIONS"] = nil
        let elsewhere = try await step.run(["verify", "--timeout", "15s"] + arguments)
        #expect(elsewhere.exitCode == 10)
        #expect(WorkflowRunner.commands(in: elsewhere.output + elsewhere.error).isEmpty)
        await hosts.stop()
    }

    @Test("A tolerated host is a warning, and the step is green")
    func tolerated() async throws {
        let step = try PipelineStep()
        let (hosts, arguments) = try await Self.pair()
        let outcome = try await step.run(["verify", "--timeout", "15s", "--max-stragglers", "1"] + arguments)
        await hosts.stop()
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        let commands = WorkflowRunner.commands(in: outcome.error)
        #expect(!commands.contains { $0.name == "error" })
        #expect(commands.contains { $0.properties["title"]?.hasSuffix("/old: straggler (tolerated)") == true })
        #expect(try step.outputs()["verdict"] == "converged_tolerated")
    }

    @Test("A summary or output that cannot be written is a warning, and does not change the exit code")
    func unwritable() async throws {
        var step = try PipelineStep()
        step.environment["GITHUB_STEP_SUMMARY"] = "/dev/full"
        step.environment["GITHUB_OUTPUT"] = "/nonexistent/output"
        let (hosts, arguments) = try await Self.pair()
        let outcome = try await step.run(["verify", "--timeout", "15s"] + arguments)
        await hosts.stop()
        #expect(outcome.exitCode == 10, "\(outcome.error)")
        let warnings = WorkflowRunner.commands(in: outcome.error).filter { $0.name == "warning" }.map(\.data)
        #expect(warnings.contains { $0.contains("$GITHUB_STEP_SUMMARY '/dev/full' (No space left on device)") })
        #expect(warnings.contains { $0.contains("$GITHUB_OUTPUT '/nonexistent/output' (No such file or directory)") })
    }

    @Test("A report that cannot be written fails the step with the exit code that the process ends with")
    func unwritableReport() async throws {
        let step = try PipelineStep()
        let (hosts, arguments) = try await Self.pair()
        let outcome = try await step.run(
            ["verify", "--timeout", "15s", "--max-stragglers", "1", "--report", "html=/dev/full"] + arguments)
        await hosts.stop()
        #expect(outcome.exitCode == 69, "\(outcome.error)")
        #expect(try step.outputs()["exit_code"] == "69", "\(outcome.error)")
        #expect(WorkflowRunner.commands(in: outcome.error).contains { $0.name == "error" }, "\(outcome.error)")
    }

    @Test("An error before the verification is an error of the step, too")
    func refused() async throws {
        let step = try PipelineStep()
        let unreadable = try await step.run(["verify", "--fleet", "/nonexistent", "--sha", Commit.new])
        #expect(unreadable.exitCode == 64)
        #expect(
            try step.outputs() == [
                "verdict": "refused", "exit_code": "64", "moved": "false", "tag": "", "failed_hosts": "", "serving": "",
                "unproven_hosts": "",
            ])
        #expect(try step.folder.read("summary").hasPrefix("## ❌ Verification did not start\n"))
        #expect(WorkflowRunner.commands(in: unreadable.error).map(\.name) == ["error"])
        let empty = try await step.run(
            [
                "verify", "--fleet", step.folder.write("empty.txt", ""), "--service", "canvas", "--sha", Commit.new,
                "--store", "none",
            ])
        #expect(empty.exitCode == 50, "\(empty.error)")
        #expect(try step.outputs()["verdict"] == "empty_inventory")
        #expect(WorkflowRunner.commands(in: empty.error).map(\.name) == ["error"])
    }

    @Test("With three of 2,000 hosts behind, the output is short and names them at its end")
    func largeFleet() async throws {
        let step = try PipelineStep()
        let behind = ["17", "900", "1999"]
        let hosts = try await ScriptedHost.start { request in
            .json(#"{"git_sha":"\#(behind.contains(String(request.path.dropFirst())) ? Commit.old : Commit.new)"}"#)
        }
        let lines = (0..<2_000).map { "{\"name\": \"host-\($0)\", \"url\": \"\(hosts.url("/\($0)"))\"}" }
        let fleet = try step.folder.write("fleet.json", "{\"hosts\": [\(lines.joined(separator: ",\n"))]}")
        // The interval is long enough for a debug build of the scripted host while other tests run. The run ends by
        // --stall, which is sooner on a fast machine than a deadline that also suits a slow one.
        let outcome = try await step.run(
            [
                "verify", "--fleet", fleet, "--service", "canvas", "--sha", Commit.new, "--timeout", "2m", "--stall",
                "8s", "--interval", "10s",
            ]
                + ["--request-timeout", "60s", "--soak", "1s", "--store", "none", "--log-level", "debug"],
            within: .seconds(180))
        await hosts.stop()
        #expect(outcome.exitCode == 11, "\(outcome.error.suffix(2_000))")
        let table = outcome.output.split(separator: "\n").suffix(16)
        let log = outcome.error.split(separator: "\n")
        #expect(outcome.output.split(separator: "\n").count + log.count < 200)
        let annotations = log.suffix(5)
        #expect(
            annotations.first?.hasPrefix("::error") == false
                && annotations.suffix(4).allSatisfy { $0.hasPrefix("::error") })
        for host in behind.map({ "host-\($0)" }) {
            #expect(annotations.contains { $0.contains("::\(host): not deployed") }, "\(annotations)")
            #expect(table.contains { $0.hasPrefix("\(host) ") && $0.contains("  straggler  ") }, "\(table)")
        }
        #expect(try step.outputs()["proven"] == "1997")
    }
}
