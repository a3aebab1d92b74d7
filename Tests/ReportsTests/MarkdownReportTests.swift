import Foundation
import Shared
import Support
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

struct MarkdownReportTests {
    @Test("The Markdown reads as it should: verdict, target, what is not converged worst first, the rest folded")
    func golden() throws {
        try Golden.expect(MarkdownReport(report: SampleFleet.report()).render(), "report.md")
    }

    @Test("Hosts are in the order of their trouble, worst first, and each is in the text")
    func order() throws {
        let report = try SampleFleet.report()
        let text = MarkdownReport(report: report).render()
        let table = try #require(text.split(separator: "### Not converged").last?.split(separator: "<details>").first)
        let found = report.hosts.filter { !$0.isWaived && $0.status != .converged }.map { host in
            table.ranges(of: "| \(MarkdownText.code(host.name)) |").first?.lowerBound
        }
        #expect(found.allSatisfy { $0 != nil })
        #expect(found.compactMap { $0 } == found.compactMap { $0 }.sorted(by: >), "the report has the worst last")
        #expect(text.contains("disk swap"))
    }

    /// What a text is made of, without the code spans, which are one or several as the text has it.
    private static func structure(_ html: String) -> [String] {
        MarkdownRenderer.tags(html).filter { $0 != "<code>" && $0 != "</code>" }
    }

    @Test("Nothing that a host says becomes Markdown or HTML, in any field")
    func hostile() async throws {
        let sample = try SampleFleet.report()
        let texts = ["plain"] + Hostile.texts
        let documents = texts.map { MarkdownReport(report: Hostile.report($0, from: sample)).render() }
        let rendered = try await MarkdownRenderer.html(documents.joined(separator: "\n# NEXT\n\n"))
        let pages = rendered.components(separatedBy: "<h1>NEXT</h1>")
        try #require(pages.count == texts.count, "a document did not end where it should")
        for (text, (markdown, html)) in zip(texts, zip(documents, pages)) {
            #expect(Self.structure(html) == Self.structure(pages[0]), "\(text) forms something in \(markdown)")
            let shown = Sanitizer.singleLine(text)
            #expect(MarkdownRenderer.text(html).contains(shown), "\(shown) is not to be read in \(html)")
            #expect(WorkflowRunner.commands(in: markdown).isEmpty)
            #expect(Self.outsideCode(html) == Self.outsideCode(pages[0]), "\(text) stands outside of code")
        }
    }

    /// The text where links are made after the Markdown was read: anywhere but in code. But for the vertical bars, and the
    /// dashes that stand for nothing.
    private static func outsideCode(_ html: String) -> String {
        MarkdownRenderer.text(html.replacing(/<code>[^<]*<\/code>/, with: "")).replacing(/[|–]/, with: "")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("The sample fleet's own table has the columns that it should, in a real renderer")
    func table() async throws {
        let html = try await MarkdownRenderer.html(MarkdownReport(report: SampleFleet.report()).render())
        for heading in ["Host", "Label", "What to know", "Serves", "Since"] {
            #expect(html.contains("<th>\(heading)</th>"))
        }
        #expect(html.ranges(of: "<details>").count == 3)
        #expect(html.ranges(of: "</details>").count == 3)
        #expect(!html.contains("<p>|"), "a table was not read as one")
    }

    /// A report of many hosts, each with as much text as there may be.
    private static func large(_ count: Int, _ text: String) throws -> Report {
        var report = try SampleFleet.report()
        let labels = Dictionary(uniqueKeysWithValues: (0..<20).map { ("\($0)\(text)", text) })
        let kinds = report.hosts.map { host in
            var host = host
            host.reason = text
            host.labels = labels
            host.transitions = (0..<200).map { .init(seconds: Double($0), status: .pending, reason: text) }
            return host
        }
        report.hosts = (0..<count).map { number in
            var host = kinds[number % kinds.count]
            host.name = "\(number) \(text)"
            return host
        }
        report.warnings = (0..<1_000).map { "\($0) \(text)" }
        report.reasons = (0..<12).map { _ in Reason(verdict: .unreachable, hosts: 1, message: text) }
        return report
    }

    @Test(
        "However large the fleet and however long its texts, a step summary stays within its limit and says what it lacks",
        arguments: [10, 2_500], ["x", String(repeating: "😀", count: 600), String(repeating: "|", count: 600)])
    func limits(_ count: Int, _ text: String) throws {
        let report = try Self.large(count, text)
        for limit in [MarkdownReport.necessary, MarkdownReport.usualLimit] {
            let size = MarkdownReport(report: report, limit: limit).render().utf8.count
            #expect(size <= limit, "\(size) bytes")
        }
        let markdown = MarkdownReport(report: report).render()
        #expect(markdown.hasSuffix("</details>\n"))
        #expect(markdown.ranges(of: "<details>").count == markdown.ranges(of: "</details>").count)
        guard count > 1_000 else { return }
        #expect(try #/… and \d+ more that are not converged: the JSON report/#.firstMatch(in: markdown) != nil)
    }

    @Test("The counts of what is shown and what is left out add up")
    func counts() throws {
        let report = try Self.large(2_500, "x")
        let markdown = MarkdownReport(report: report).render()
        let attention = report.outcomes.count { $0 != .proven && $0 != .waived }
        let section = try #require(markdown.split(separator: "### Not converged").last)
        #expect(section.hasPrefix(" (\(attention))"))
        let shown = section.prefix { $0 != "…" }.split(separator: "\n").count { $0.hasPrefix("| `") }
        let left = try #require(try #/and (\d+) more that are not converged/#.firstMatch(in: markdown)?.output.1)
        #expect(shown > 100)
        #expect(shown + (Int(left) ?? 0) == attention)
    }
}
