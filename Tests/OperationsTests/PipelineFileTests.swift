import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Operations
@testable import Reports

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
                "earlier": "1", "verdict": "unreachable", "exit_code": "30", "verification": report.verification.id,
                "expected": "8", "proven": "2", "failed": "2", "rolled_back": "0", "unreachable": "2",
                "stragglers": "2", "ahead": "0", "conflict": "0", "waived": "1",
            ])
    }

    @Test("Text from a host cannot add outputs", arguments: Hostile.texts)
    func injection(_ text: String) throws {
        let sample = try SampleFleet.report()
        var plain = try WorkflowRunner.outputs(StepOutputs(report: sample).text)
        var hostile = try WorkflowRunner.outputs(StepOutputs(report: Hostile.report(text, from: sample)).text)
        plain["verification"] = nil
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
}
