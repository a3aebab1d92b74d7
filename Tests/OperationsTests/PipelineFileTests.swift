import Foundation
import Shared
import Support
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Operations
@testable import Reports

@Suite("A pipeline that is told of a report")
struct PipelineFileTests {
    /// A step with its two files, and what it wrote to standard error.
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

    @Test("is one of GitHub's or Gitea's Actions, and nothing else", arguments: environmentsTable)
    func environments(_ environment: [String: String], _ isPipeline: Bool) {
        #expect((Pipeline(environment: environment) != nil) == isPipeline)
    }

    @Test("gets a summary, outputs and annotations, and keeps what was there")
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
                "earlier": "1", "verdict": "unreachable", "exit_code": "30", "verification": report.verification.id,
                "expected": "8", "proven": "2", "failed": "2", "rolled_back": "0", "unreachable": "2",
                "stragglers": "2", "ahead": "0", "conflict": "0", "waived": "1",
            ])
    }

    @Test("gets outputs that no text of a host can add to", arguments: Hostile.texts)
    func injection(_ text: String) throws {
        let sample = try SampleFleet.report()
        var plain = try WorkflowRunner.outputs(StepOutputs(report: sample).text)
        var hostile = try WorkflowRunner.outputs(StepOutputs(report: Hostile.report(text, from: sample)).text)
        plain["verification"] = nil
        #expect(hostile.removeValue(forKey: "verification")?.contains("\n") == false)
        #expect(hostile == plain)
    }

    @Test(
        "that cannot be written to is one warning, and the rest arrives",
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

    @Test("without files to write to is annotated all the same", arguments: [nil, ""])
    func withoutFiles(_ value: String?) throws {
        var step = try Step()
        step.environment["GITHUB_STEP_SUMMARY"] = value
        step.environment["GITHUB_OUTPUT"] = value
        let log = try step.publish(try SampleFleet.report())
        #expect(log.contains("::error title=buildinfo verify canvas%3A unreachable (exit 30)::"))
        #expect(!log.contains("nothing was added"))
    }

    @Test("never gets a summary beyond what GitHub shows, with whatever other commands left of it")
    func room() throws {
        let step = try Step()
        let report = try SampleFleet.report()
        // Room for some of it: the rest is left out.
        try step.folder.write(
            "summary", String(repeating: "x", count: Pipeline.summaryLimit - MarkdownReport.necessary))
        #expect(try !step.publish(report).contains("nothing was added"))
        #expect(try step.folder.read("summary").utf8.count <= Pipeline.summaryLimit)
        // Room for none of it: said, and left as it is.
        let full = String(repeating: "x", count: Pipeline.summaryLimit - 100)
        try step.folder.write("summary", full)
        #expect(try step.publish(report).contains("nothing was added to $GITHUB_STEP_SUMMARY"))
        #expect(try step.folder.read("summary") == full)
    }
}
