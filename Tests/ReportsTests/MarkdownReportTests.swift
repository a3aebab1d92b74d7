import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

struct MarkdownReportTests {
    @Test("The Markdown report matches its golden file: verdict first, then the worst hosts, the rest folded")
    func golden() throws {
        try Golden.expect(MarkdownReport(report: SampleFleet.report()).render(), "report.md")
    }

    @Test("Every host that is not converged is listed, worst first")
    func order() throws {
        let report = try SampleFleet.report()
        let text = MarkdownReport(report: report).render()
        let table = try #require(text.split(separator: "### Not converged").last?.split(separator: "<details>").first)
        let found = report.hosts.filter { !$0.isWaived && $0.status != .converged }.map { host in
            table.ranges(of: "| \(MarkdownText.code(host.name)) |").first?.lowerBound
        }
        #expect(found.allSatisfy { $0 != nil })
        #expect(
            found.compactMap { $0 } == found.compactMap { $0 }.sorted(by: >), "the report lists the worst host last")
        #expect(text.contains("disk swap"))
    }

    /// The tags of a text without code spans, whose number depends on the text.
    private static func structure(_ html: String) -> [String] {
        MarkdownRenderer.tags(html).filter { $0 != "<code>" && $0 != "</code>" }
    }

    @Test("No text of a host becomes Markdown or HTML, in any field")
    func hostile() async throws {
        let sample = try SampleFleet.report()
        let texts = ["plain"] + Hostile.texts
        let documents = texts.map { MarkdownReport(report: Hostile.report($0, from: sample)).render() }
        let rendered = try await MarkdownRenderer.html(documents.joined(separator: "\n# NEXT\n\n"))
        let pages = rendered.components(separatedBy: "<h1>NEXT</h1>")
        try #require(pages.count == texts.count, "a document ends in the wrong place")
        for (text, (markdown, html)) in zip(texts, zip(documents, pages)) {
            #expect(Self.structure(html) == Self.structure(pages[0]), "\(text) has markup in \(markdown)")
            let shown = Sanitizer.singleLine(text)
            #expect(MarkdownRenderer.text(html).contains(shown), "\(shown) is not visible in \(html)")
            #expect(WorkflowRunner.commands(in: markdown).isEmpty)
            #expect(Self.outsideCode(html) == Self.outsideCode(pages[0]), "\(text) stands outside of code")
        }
    }

    /// The text outside of code, where links are made after the Markdown was parsed, without vertical bars and dashes.
    private static func outsideCode(_ html: String) -> String {
        MarkdownRenderer.text(html.replacing(/<code>[^<]*<\/code>/, with: "")).replacing(/[|–]/, with: "")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("A real renderer shows the table of hosts with its columns")
    func table() async throws {
        let html = try await MarkdownRenderer.html(MarkdownReport(report: SampleFleet.report()).render())
        for heading in ["Host", "Status", "What to know", "Serves", "Since"] {
            #expect(html.contains("<th>\(heading)</th>"))
        }
        #expect(html.ranges(of: "<details>").count == 3)
        #expect(html.ranges(of: "</details>").count == 3)
        #expect(!html.contains("<p>|"), "a table was not rendered as one")
    }

    private static let sinceTable: [([(Double, HostStatus)], BuildFact, String)] = [
        ([(1, .pending), (60, .straggler)], .behind, "behind the whole time"),
        ([(1, .pending)], .foreign, "behind the whole time"), ([(1, .unreachable)], .unknown, "the whole time"),
        ([], .unknown, "the whole time"), ([(1, .starting), (5, .failed)], .match, "+5.0s"),
        ([(1, .soaking), (9, .pending), (60, .straggler)], .behind, "+9.0s"),
    ]

    @Test("A host that never moved is behind the whole time, any other since its last change", arguments: sinceTable)
    func since(_ changes: [(Double, HostStatus)], _ build: BuildFact, _ expected: String) throws {
        var report = try SampleFleet.report()
        let index = try #require(report.hosts.firstIndex { $0.status == .straggler })
        report.hosts = [report.hosts[index]]
        report.hosts[0].status = changes.last?.1 ?? .pending
        report.hosts[0].facts.build = build
        report.hosts[0].transitions = changes.map { .init(seconds: $0.0, status: $0.1, reason: "") }
        #expect(MarkdownReport(report: report).render().contains(" | \(expected) |\n"))
    }

    @Test(
        "The time to converge is in words",
        arguments: [
            (1.0, 9.0, 12.0, "half of the updated hosts within 1.0s, 95 % within 9.0s, all within 12s"),
            (2, 2, 2, "2.0s"),
        ])
    func convergence(_ half: Double, _ most: Double, _ all: Double, _ expected: String) throws {
        var report = try SampleFleet.report()
        report.summary.secondsToConverge = .init(p50: half, p95: most, max: all)
        #expect(MarkdownReport(report: report).render().contains("- Time to converge: \(expected)\n"))
        #expect(TextReport(report: report).render().contains("; time to converge: \(expected);"))
    }

    /// A report of many hosts, each with as much text as possible.
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
        "A step summary of any fleet stays within its limit and counts what it leaves out",
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

    @Test("The counts of shown and left-out hosts add up")
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
