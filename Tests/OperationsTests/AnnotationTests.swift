import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Reports
@testable import Verdict

@Suite("Annotations")
struct AnnotationTests {
    private static func output(_ annotations: Annotations) -> String {
        annotations.commands.map { $0.line + "\n" }.joined()
    }

    @Test("Annotations name the verdict and the hosts that cause it, worst first")
    func sample() throws {
        let report = try SampleFleet.report()
        let found = WorkflowRunner.commands(in: Self.output(Annotations(report: report)))
        let errors = found.filter { $0.name == "error" }
        #expect(errors.first?.properties["title"] == "buildinfo verify canvas: unreachable (exit 30)")
        #expect(errors.first?.data.hasPrefix(report.headline.text) == true)
        #expect(errors.first?.data.hasSuffix(report.reasons[0].message) == true)
        let hosts = errors.dropFirst().compactMap { $0.properties["title"] }
        #expect(hosts.first == "host-6: unreachable")
        #expect(hosts.suffix(2) == ["host-3: straggler", "host-2: straggler"])
        #expect(errors.last?.data.hasPrefix("host-2: leave it: serves") == true)
        // Failed hosts are within --max-failed of the sample.
        #expect(
            found.filter { $0.name == "warning" }.compactMap { $0.properties["title"] }.contains(
                "host-4: failed (tolerated)"))
    }

    @Test("Annotations hold exactly their text, however hostile", arguments: Hostile.texts)
    func hostile(_ text: String) throws {
        let report = Hostile.report(text, from: try SampleFleet.report())
        let annotations = Annotations(report: report, problems: [text])
        let found = WorkflowRunner.commands(in: Self.output(annotations))
        #expect(found.count == annotations.commands.count, "every command is one line")
        for (command, expected) in zip(found, annotations.commands) {
            #expect(command.name == expected.level.rawValue)
            #expect(command.data == Sanitizer.singleLine(expected.message, limit: 2_048))
            #expect(command.properties == ["title": Sanitizer.singleLine(expected.title, limit: 200)])
        }
    }

    @Test("There are at most ten annotations of a kind, and the tenth counts the rest", arguments: [8, 9, 10, 500])
    func limits(_ failing: Int) throws {
        var report = try SampleFleet.report()
        let straggler = try #require(report.hosts.first { $0.status == .straggler })
        let failed = try #require(report.hosts.first { $0.status == .failed })
        report.hosts = Array(repeating: failed, count: failing) + Array(repeating: straggler, count: failing)
        report.policy.maxFailed = "1000"
        report.warnings = []
        let commands = Annotations(report: report).commands
        let errors = commands.filter { $0.level == .error }
        let warnings = commands.filter { $0.level == .warning }
        #expect(errors.count == min(10, failing + 1))
        #expect(warnings.count == min(10, failing))
        if failing > 9 { #expect(errors.last?.message.hasPrefix("and \(failing + 1 - 9) more") == true) }
        if failing > 10 { #expect(warnings.last?.message.hasPrefix("and \(failing - 9) more") == true) }
        if failing == 10 { #expect(warnings.last?.message.hasPrefix("host") == true, "ten of ten are shown") }
    }

    @Test("A converged fleet without warnings has one annotation, a notice with the headline")
    func green() throws {
        var bench = Bench(3, policy: .short)
        bench.finish { _, _ in .answer(Answer()) }
        var report = try SampleFleet.report(bench)
        report.warnings = []
        let commands = Annotations(report: report).commands
        #expect(commands.map(\.level) == [.notice])
        #expect(commands.first?.message.hasPrefix(report.headline.text) == true)
    }
}
