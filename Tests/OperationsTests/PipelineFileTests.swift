import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Operations
@testable import Reports
@testable import Verdict

@Suite("Pipeline")
struct PipelineFileTests {
    /// A step with its two files.
    private struct Step {
        let folder: TemporaryFolder
        var environment: [String: String]

        init() throws {
            folder = try TemporaryFolder()
            environment = [
                "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": try folder.write("summary", ""),
                "GITHUB_OUTPUT": try folder.write("output", ""),
            ]
        }

        /// - Returns: the output on standard error.
        func publish(_ report: Report) throws -> String {
            let log = try folder.write("log", "")
            let handle = try #require(FileHandle(forWritingAtPath: log))
            defer { try? handle.close() }
            let pipeline = Pipeline(environment: environment, terminal: Terminal(descriptor: handle.fileDescriptor))
            try #require(pipeline).publish(report)
            return try folder.read("log")
        }
    }

    private static let environmentsTable: [([String: String], Bool)] = [
        ([:], false), (["GITHUB_ACTIONS": "false"], false), (["GITHUB_ACTIONS": ""], false), (["CI": "true"], false),
        (["GITLAB_CI": "true"], false), (["GITHUB_ACTIONS": "true"], true), (["GITEA_ACTIONS": "true"], true),
    ]

    @Test(
        "The environments of GitHub Actions and Gitea Actions are pipelines, others are not",
        arguments: environmentsTable)
    func environments(_ environment: [String: String], _ isPipeline: Bool) {
        #expect((Pipeline(environment: environment) != nil) == isPipeline)
    }

    @Test("A report appends a summary and outputs, and annotates the step")
    func all() throws {
        let step = try Step()
        try step.folder.write("summary", "# Earlier")
        try step.folder.write("output", "earlier=1")
        let report = try SampleFleet.report()
        let log = try step.publish(report)
        #expect(WorkflowRunner.commands(in: log).count == log.split(separator: "\n").count)
        #expect(try step.folder.read("summary") == "# Earlier\n" + MarkdownReport(report: report).render())
        let outputs = try WorkflowRunner.outputs(try step.folder.read("output"))
        #expect(
            outputs == [
                "earlier": "1", "verdict": "unreachable", "exit_code": "30", "moved": "false", "tag": "",
                "serving": "mixed",
                "failed_hosts": outputs["failed_hosts"] ?? "", "unproven_hosts": outputs["unproven_hosts"] ?? "",
                "verification": report.verification.id,
                "expected": "8", "proven": "2", "failed": "2", "rolled_back": "0", "unreachable": "2",
                "stragglers": "2", "ahead": "0", "conflict": "0", "waived": "1",
            ])
    }

    @Test(
        "Hosts that failed and other unproven hosts are outputs, as many as are counted: the same, worst first, for each end"
    )
    func hosts() throws {
        for report in try EndCatalogue.reports.map({ try $0.make() }) {
            let outputs = try WorkflowRunner.outputs(StepOutputs(report: report).text)
            func sum(_ names: String...) -> Int { names.reduce(0) { $0 + (Int(outputs[$1] ?? "") ?? 0) } }
            let failed = (outputs["failed_hosts"] ?? "?").split(separator: ",").map(String.init)
            let unproven = (outputs["unproven_hosts"] ?? "?").split(separator: ",").map(String.init)
            #expect(failed.count == sum("failed", "rolled_back"), "\(report.headline.text)")
            #expect(
                unproven.count == sum("unreachable", "stragglers", "conflict", "not_asked"), "\(report.headline.text)")
            let ranks = (failed + unproven).map { name in report.hosts.first { $0.name == name }?.status.rank ?? -1 }
            #expect(Array(ranks.prefix(failed.count)) == ranks.prefix(failed.count).sorted())
            #expect(Array(ranks.dropFirst(failed.count)) == ranks.dropFirst(failed.count).sorted())
            #expect(report.hosts.allSatisfy { $0.status != .ahead || !(failed + unproven).contains($0.name) })
        }
    }

    @Test(
        "A host that failed is named even if it is tolerated, and healthy hosts on the former build are not among them")
    func toleratedFailures() throws {
        let crashing = Answer(state: .unhealthy)
        let report = try EndCatalogue.report(
            policy: Policy(timeout: .seconds(60), stall: .seconds(600), maxFailed: .hosts(2)),
            seen: { host, _ in .answer(host == 0 ? .old : crashing) })
        #expect(report.verdict == .stragglers)
        let outputs = try WorkflowRunner.outputs(StepOutputs(report: report).text)
        #expect(outputs["failed_hosts"] == "host-1,host-2" && outputs["unproven_hosts"] == "host-0", "\(outputs)")
    }

    @Test("The names of hosts are bounded, and in harmless characters")
    func hostNames() throws {
        var report = try SampleFleet.report()
        for status in [HostStatus.straggler, .failed] {
            let host = try #require(report.hosts.first { $0.status == status && !$0.isWaived })
            report.hosts = (0..<5_000).map { number in
                var host = host
                host.name = "http://[::1]:\(number)/$(id);`x`,y z"
                return host
            }
            let name = status == .failed ? "failed_hosts" : "unproven_hosts"
            let many = try #require(WorkflowRunner.outputs(StepOutputs(report: report).text)[name])
            #expect(many.hasPrefix("http://[::1]:0/__id___x__y_z,http://[::1]:1/"))
            #expect(many.utf8.count <= 2_048 && many.split(separator: ",").count <= 50)
            #expect(many.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._:/[],".contains($0)) })
            report = try SampleFleet.report()
        }
    }

    @Test("Text from a host cannot add outputs", arguments: Hostile.texts)
    func injection(_ text: String) throws {
        let sample = try SampleFleet.report()
        var plain = try WorkflowRunner.outputs(StepOutputs(report: sample).text)
        var hostile = try WorkflowRunner.outputs(StepOutputs(report: Hostile.report(text, from: sample)).text)
        // An id and the names of hosts are reduced to harmless characters.
        for name in ["verification", "failed_hosts", "unproven_hosts"] { plain[name] = nil }
        for name in ["failed_hosts", "unproven_hosts"] {
            let names = hostile.removeValue(forKey: name)
            #expect(names?.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._:/[],".contains($0)) } == true)
        }
        #expect(hostile.removeValue(forKey: "verification")?.contains("\n") == false)
        #expect(hostile == plain)
    }

    @Test(
        "An unwritable file becomes one warning, and the other file is written",
        arguments: ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"],
        ["/nonexistent/file", "/", "/dev/full", "/proc/version", "FIFO"])
    func unwritable(_ variable: String, _ place: String) throws {
        var step = try Step()
        var path = place
        if place == "FIFO" {
            path = step.folder.path("fifo")
            #expect(mkfifo(path, 0o600) == 0)
        }
        step.environment[variable] = path
        let report = try SampleFleet.report()
        let log = try step.publish(report)
        let warnings = WorkflowRunner.commands(in: log).filter { $0.data.contains("$\(variable)") }
        #expect(warnings.count == 1, "\(log)")
        #expect(warnings.first?.name == "warning")
        #expect(warnings.first?.data.contains("'\(path)'") == true)
        let other = variable == "GITHUB_OUTPUT" ? "summary" : "output"
        #expect(try step.folder.read(other).contains("unreachable"))
    }

    @Test("A step without files is still annotated", arguments: [nil, ""])
    func withoutFiles(_ value: String?) throws {
        var step = try Step()
        step.environment["GITHUB_STEP_SUMMARY"] = value
        step.environment["GITHUB_OUTPUT"] = value
        let log = try step.publish(try SampleFleet.report())
        #expect(log.contains("::error title=buildinfo verify canvas%3A unreachable (exit 30)::"))
        #expect(!log.contains("could not append"))
    }

    @Test("The summary stays within GitHub's limit, whatever earlier commands have written")
    func room() throws {
        let step = try Step()
        let report = try SampleFleet.report()
        // With some room, the summary is shortened.
        try step.folder.write(
            "summary", String(repeating: "x", count: Pipeline.summaryLimit - MarkdownReport.necessary))
        #expect(try !step.publish(report).contains("could not append"))
        #expect(try step.folder.read("summary").utf8.count <= Pipeline.summaryLimit)
        // Without room, the file is unchanged, and a warning names it.
        let full = String(repeating: "x", count: Pipeline.summaryLimit - 100)
        try step.folder.write("summary", full)
        #expect(try step.publish(report).contains("could not append to $GITHUB_STEP_SUMMARY"))
        #expect(try step.folder.read("summary") == full)
    }

    @Test("Progress is folded in one group, which ends before the annotations")
    func group() async throws {
        let step = try Step()
        let log = try step.folder.write("log", "")
        let handle = try #require(FileHandle(forWritingAtPath: log))
        defer { try? handle.close() }
        let terminal = Terminal(descriptor: handle.fileDescriptor)
        let pipeline = try #require(Pipeline(environment: step.environment, terminal: terminal))
        struct Failure: Error {}
        await #expect(throws: Failure.self) {
            try await pipeline.grouping("a ::error::b") {
                terminal.write("progress\n")
                throw Failure()
            }
        }
        pipeline.publish(try SampleFleet.report())
        let names = WorkflowRunner.commands(in: try step.folder.read("log")).map(\.name)
        #expect(Array(names.prefix(2)) == ["group", "endgroup"])
        #expect(!names.dropFirst(2).contains("group") && names.dropFirst(2).contains("error"))
    }

    @Test("The end of a command without a report holds exactly its text, however hostile", arguments: Hostile.texts)
    func hostileEnd(_ text: String) throws {
        for command in CommandEnd.Command.allCases {
            let end = CommandEnd(command, exitCode: 41, message: text, unchanged: text)
            #expect(
                end.outputs
                    == "verdict=refused\nexit_code=41\nmoved=false\ntag=\nserving=\nfailed_hosts=\nunproven_hosts=\n")
            let found = WorkflowRunner.commands(in: end.annotation.line + "\n")
            #expect(found.count == 1 && found.first?.name == "error")
            #expect(!end.summary.split(separator: "\n").contains { $0.hasPrefix("::") })
        }
    }
}
