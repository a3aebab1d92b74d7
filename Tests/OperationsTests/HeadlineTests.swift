import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Operations
@testable import Reports
@testable import Verdict

/// Every end has one headline, which every format shows first and which claims only what was seen.
@Suite("Headlines")
struct HeadlineTests {
    /// The parts of every format that show the headline. The rest of the formats has golden files of its own.
    private static func tops(_ report: Report) throws -> String {
        func head(_ text: String, before mark: String) -> String {
            text.firstRange(of: mark).map { String(text[..<$0.lowerBound]) } ?? text
        }
        func body(_ text: String, after mark: String) -> String {
            text.firstRange(of: mark).map { String(text[$0.lowerBound...]) } ?? text
        }
        let html = body(HTMLReport(report: report).render(), after: "<header")
        let junit = JUnitReport(report: report).render().split(separator: "\n")
            .filter { $0.contains("<property ") || $0.contains("<testsuites") }.joined(separator: "\n")
        let sections = [
            ("text", head(TextReport(report: report).render(), before: "HOST ")),
            ("Markdown", head(MarkdownReport(report: report).render(), before: "- Service")),
            ("HTML", head(html, before: "<dl class=\"figures\">")),
            ("JUnit", junit),
            ("JSON", try JSONEncoder.prettyText(report.headline)),
            ("outputs", StepOutputs(report: report).text),
            ("annotations", Annotations(report: report).commands.map(\.line).joined(separator: "\n")),
        ]
        return sections.map { "=== \($0)\n\($1.trimmingCharacters(in: .newlines))\n" }.joined(separator: "\n")
    }

    @Test("The top of every format matches its golden file, for every end", arguments: EndCatalogue.reports)
    func golden(_ entry: EndCatalogue.Entry) throws {
        try Golden.expect(try Self.tops(entry.make()), "ends/\(entry.name).txt")
    }

    @Test("An end without a report matches its golden file", arguments: EndCatalogue.commands.indices)
    func goldenCommands(_ index: Int) throws {
        let (name, end) = EndCatalogue.commands[index]
        let text = [("summary", end.summary), ("outputs", end.outputs), ("annotation", end.annotation.line + "\n")]
            .map { "=== \($0)\n\($1)" }.joined(separator: "\n")
        try Golden.expect(text, "ends/\(name).txt")
    }

    /// The rules that a report's headline breaks.
    private static func defects(_ report: Report) throws -> [String] {
        let headline = report.headline
        let text = TextReport(report: report).render()
        let markdown = MarkdownReport(report: report).render()
        let html = HTMLReport(report: report).render()
        let junit = JUnitReport(report: report).render()
        let json = String(decoding: try ReportFormat.json.render(report), as: UTF8.self)
        let commands = Annotations(report: report).commands
        let outputs = try WorkflowRunner.outputs(StepOutputs(report: report).text)
        let shown = headline.event.replacing("'", with: "&#39;")
        let isRed = report.exitCode != 0
        let serving = Serving(report)
        let silent = report.hosts.count { !$0.isWaived && $0.status != .converged && $0.facts.reach != .ok }
        let rules: [(String, Bool)] = [
            ("text", text.hasPrefix(headline.text)),
            ("Markdown", markdown.split(separator: "\n").first?.hasSuffix(headline.event) == true),
            ("Markdown's state", headline.state.map(markdown.contains) ?? true),
            ("HTML", html.contains("<h1>\(shown)</h1>")),
            ("markup as text", !html.contains("&lt;p")),
            ("JUnit", junit.contains("name=\"headline\"")),
            ("JSON", json.contains("\"headline\"")),
            ("annotation", commands.contains { $0.message.hasPrefix(headline.text) }),
            ("green", !isRed || !headline.event.contains("succeeded")),
            ("a proof", report.verdict == .converged || !headline.event.hasSuffix("succeeded")),
            (
                "symbol",
                markdown.hasPrefix("## ❌") == isRed
                    && (markdown.hasPrefix("## ✅") == (report.verdict == .converged && !isRed))
            ),
            ("tone", html.contains("data-tone=\"bad\"") == isRed),
            ("level", commands.contains { $0.level == .error } == isRed),
            ("next", headline.next.hasSuffix(".") && !headline.next.dropLast().contains(". ")),
            ("every host once", serving.groups.reduce(0) { $0 + $1.hosts } == serving.hosts),
            (
                "silent hosts",
                serving.groups.filter { [.unknown, .notAsked, .conflict, .unidentified, .mixed].contains($0.kind) }
                    .reduce(0) { $0 + $1.hosts } >= silent
            ),
            ("outputs", outputs["serving"] == headline.build && outputs["exit_code"] == "\(report.exitCode)"),
            ("moved", ["true", "false", "unknown"].contains(outputs["moved"])),
        ]
        return rules.filter { !$0.1 }.map(\.0)
    }

    @Test(
        "All formats show the same headline, and none is green if the exit code is not 0",
        arguments: EndCatalogue.reports)
    func consistent(_ entry: EndCatalogue.Entry) throws {
        let report = try entry.make()
        let defects = try Self.defects(report)
        #expect(defects.isEmpty, "\(defects): \(report.headline.text)")
    }

    @Test("A simulated fleet's headline counts only hosts that serve what they are said to serve")
    func simulated() throws {
        let first = UInt64.random(in: 0..<1 << 40)
        for seed in first..<first + 300 {
            var run = Simulation(Schedule(seed: seed))
            run.run()
            guard let conclusion = run.verification.conclusion else { continue }
            let context = ReportBuilder.Context(
                id: "1", startedAt: .distantPast, finishedAt: .distantPast, inventorySource: "", inventoryHash: "")
            let report = ReportBuilder(verification: run.verification, context: context).build(conclusion)
            let defects = try Self.defects(report)
            #expect(
                defects.isEmpty,
                "seed \(seed): \(defects): \(report.exitCode) \(report.verdict) \(report.headline.text) \(Annotations(report: report).commands.map(\.line))"
            )
            for group in Serving(report).groups where group.kind == .target {
                let matching = report.hosts.count {
                    !$0.isWaived && ($0.status == .converged || $0.facts.build.isMatch)
                }
                #expect(group.hosts <= matching, "seed \(seed)")
            }
            if !defects.isEmpty { return }
        }
    }

    @Test("The pin is given only if the tag is known to be the build at the end", arguments: EndCatalogue.reports)
    func pin(_ entry: EndCatalogue.Entry) throws {
        var report = try entry.make()
        report.promotion?.pin = "CANVAS_IMAGE_TAG=staging-a@sha256:1"
        let isTarget = report.headline.tagBuild == report.target.gitSHA?.hex
        #expect((report.pin != nil) == (isTarget && report.promotion != nil), "\(report.headline.text)")
        if report.promotion?.rollback?.effect == .moved { #expect(report.pin == nil) }
        #expect(HTMLReport(report: report).render().contains("IMAGE_TAG=") == (report.pin != nil))
        // The former image has the same commit.
        let sha = report.target.gitSHA
        report.promotion?.rollback = .init(
            message: "back", digest: .of("9"), gitSHA: sha, verdict: .converged, outcome: .moved)
        #expect(report.pin == nil)
    }

    @Test("A stored report has the same headline, and a report of an older collector has one as well")
    func stored() throws {
        for entry in EndCatalogue.reports {
            let report = try entry.make()
            let json = Data(try ReportFormat.json.render(report))
            #expect(try JSONDecoder().decode(Report.self, from: json).headline == report.headline, "\(entry.name)")
        }
        // Before the effect on the tag was recorded.
        for (isMoved, digest, expected) in [
            (true as Bool?, Digest.of("1"), "and :latest is aaaaaaaaaaaa"),
            (nil, .of("1"), "and :latest is aaaaaaaaaaaa"),
            (false, .of("2"), "and :latest already was"), (false, .of("1"), "Whether :latest was moved is unknown"),
        ] {
            var report = try EndCatalogue.reports[0].make()
            var record = EndCatalogue.record(digest: digest)
            (record.outcome, record.isMoved) = (nil, isMoved)
            report.promotion = record
            #expect(report.headline.text.contains(expected), "\(report.headline.text)")
        }
        var report = try EndCatalogue.reports[0].make()
        report.promotion?.rollback = .init(message: "back", digest: .of("2"), gitSHA: .of("b"), verdict: .converged)
        #expect(report.headline.text.contains("All 3 hosts serve bbbbbbbbbbbb again, and :latest is bbbbbbbbbbbb."))
        report.promotion?.rollback?.verdict = .stragglers
        #expect(report.headline.text.contains("is unknown: the hosts were not verified after :latest was put back"))
        #expect(report.headline.build == "")
    }

    @Test("A host that does not answer is not counted as serving what it served before")
    func silentHost() throws {
        var report = try SampleFleet.report()
        let index = try #require(report.hosts.firstIndex { $0.facts.reach == .ok && !$0.isWaived })
        report.hosts[index].status = .soaking
        report.hosts[index].facts.build = .match
        report.hosts[index].facts.runtime = .serving
        let answering = Headline(report).text
        report.hosts[index].facts.reach = .timeout
        #expect(Headline(report).text != answering)
    }
}
