import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Operations
@testable import Reports
@testable import Verdict

/// The groups of a report: what is left to do, and on which hosts.
@Suite("What to do")
struct ActionTests {
    private static func host(
        _ name: String, _ status: HostStatus = .straggler, _ text: ReasonText, code: HostReason.Code? = .neverPulled
    ) -> Report.Host {
        var host = Report.Host(
            name: name, url: "http://\(name):9480/buildinfo", labels: [:], status: status, reason: "",
            reasonCode: code, facts: HostFacts(reach: .ok, identity: .expected, build: .behind, runtime: .serving),
            attempts: 3, transitions: [])
        host.explain(text)
        return host
    }

    private static func report(_ hosts: [Report.Host]) throws -> Report {
        var report = try SampleFleet.report()
        report.verdict = .stragglers
        report.exitCode = 10
        report.reasons = [Reason(verdict: .stragglers, hosts: hosts.count, message: "made up")]
        report.hosts = hosts
        report.settleAdvice()
        return report
    }

    private static func crashes(_ index: Int, container: String, code: Int = 1) -> ReasonText {
        let setup = ServiceSetup(
            service: "canvas", engine: .docker, deployment: .init(tool: .direct), container: container)
        return HostReason.crashLoop(
            .init(instance: container, count: 2 + index, span: .seconds(3 + index), lastExitCode: code),
            .init(state: .restarting, instance: container, setup: setup)
        ).text
    }

    @Test("Hosts with the same cause and remedy share an action, whatever their numbers")
    func shared() throws {
        let hosts = (0..<33).map {
            Self.host("host-\($0)", .failed, Self.crashes($0, container: "canvas"), code: .crashLoop)
        }
        var report = try Self.report(hosts)
        report.verdict = .stragglers
        let action = try #require(report.actions?.first)
        #expect(report.actions?.count == 1)
        #expect(action.sentence == "keeps crashing (exit 1): docker logs canvas")
        #expect(action.command == "docker logs canvas")
        #expect(action.hosts == hosts.map(\.name))
        let one = try Self.report([hosts[0]])
        #expect(one.actions?.first?.cause == "canvas keeps crashing (exit 1, 2 times within 3.0s)")
    }

    @Test("Hosts with different causes never share a line, and none is hidden")
    func different() throws {
        let hosts = (0..<7).map { index in
            Self.host("host-\(index)", index < 2 ? .mixed : .straggler, ReasonText("cause \(index)", remedy: "same"))
        }
        let report = try Self.report(hosts)
        #expect(report.actions?.map(\.cause) == (0..<7).map { "cause \($0)" })
        #expect(report.actions?.map(\.status) == [.mixed, .mixed] + Array(repeating: .straggler, count: 5))
        let text = TextReport(report: report).render()
        let markdown = MarkdownReport(report: report).render()
        let page = HTMLReport(report: report).render()
        for index in 0..<7 {
            #expect(text.contains("1 host: cause \(index): same\n    host-\(index)\n"))
            #expect(markdown.contains("`cause \(index): same`\n\n  ```text\n  host-\(index)\n  ```"))
            #expect(page.contains("<em>cause \(index):</em> <span class=\"todo\">same</span>"))
        }
        #expect(!page.contains("and more"))
    }

    @Test(
        "On a terminal a sentence breaks between words, and its lines differ from the hosts",
        arguments: [40, 60, 80, 120])
    func narrow(columns: Int) throws {
        let remedy = "run cd /srv/canvas && docker compose pull canvas && docker compose up -d canvas"
        let hosts = ["canvas-01", "canvas-02"].map {
            Self.host(
                $0, .straggler, ReasonText("not pulled", remedy: remedy, note: "serves 91c07be2aa04, generation 1"))
        }
        let lines = TextReport(report: try Self.report(hosts), layout: TextLayout(columns: columns)).render()
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let start = try #require(lines.firstIndex(of: "What to do:"))
        let part = lines[(start + 1)...].prefix { !$0.isEmpty }
        #expect(part.allSatisfy { $0.displayWidth <= columns }, "\(part)")
        #expect(part.last == "    canvas-01 canvas-02")
        let sentence = part.dropLast().joined(separator: " ").split(separator: " ").joined(separator: " ")
        let whole = "straggler, 2 hosts: not pulled: \(remedy) (serves 91c07be2aa04, generation 1)"
        #expect(sentence == whole)
        #expect(part.dropFirst().dropLast().allSatisfy { $0.hasPrefix("      ") })
    }

    @Test("Containers with another name on each host share one line beyond eight, with the words they have in common")
    func manyNames() throws {
        let hosts = (0..<40).map {
            Self.host("host-\($0)", .failed, Self.crashes(0, container: "host\($0)-canvas"), code: .crashLoop)
        }
        let actions = try #require(try Self.report(hosts).actions)
        #expect(actions.count == 9)
        let last = try #require(actions.last)
        #expect(last.hosts.count == 32)
        #expect(last.cause == "keeps crashing (exit 1)")
        #expect(last.remedy == "docker logs … (each host's reason has the remedy)" && last.command == nil)
        #expect(Set(actions.flatMap(\.hosts)) == Set(hosts.map(\.name)))
        #expect(actions.reduce(0) { $0 + $1.hosts.count } == 40)
    }

    @Test("Waived hosts, converged hosts and hosts that are only waited for need nothing")
    func nothing() throws {
        var waived = Self.host("a", .straggler, ReasonText("x", remedy: "y"))
        waived.waived = .init(until: "2031-01-01T00:00:00Z", reason: "r", expired: false)
        let report = try Self.report([
            waived, Self.host("b", .converged, ReasonText("x", remedy: "y")), Self.host("c", .soaking, ReasonText("x")),
        ])
        #expect(report.actions == nil)
        #expect(!TextReport(report: report).render().contains("What to do"))
        #expect(!MarkdownReport(report: report).render().contains("What to do"))
    }

    @Test("Names are words of one line, and end no block, in every format")
    func hostileNames() throws {
        let names = ["a b", "```", "it's", SampleFleet.hostile, "x|y"].map { Sanitizer.singleLine($0) }
        let report = try Self.report(names.map { Self.host($0, .straggler, ReasonText("x", remedy: "y")) })
        #expect(report.actions?.first?.hosts == names)
        #expect(ShellWords(Report.Action.line(names)).commands == [names])
        let markdown = MarkdownReport(report: report).render()
        #expect(markdown.contains("\n  ````text\n  'a b' '```' 'it'\\''s'"))
        #expect(!HTMLReport(report: report).render().contains("<script>\u{1B}"))
        let text = TextReport(report: report).render()
        #expect(text.contains("    'a b' '```' "))
    }

    @Test(
        "Long lists of names are cut in text, Markdown and large pages with the number of the others, and complete in JSON"
    )
    func cut() throws {
        let hosts = (0..<3_000).map { Self.host("host-\($0)", .straggler, ReasonText("x", remedy: "y")) }
        let report = try Self.report(hosts)
        #expect(TextReport(report: report).render().contains("and 2,960 more"))
        let lines = TextReport(report: report).render().split(separator: "\n").filter { $0.hasPrefix("    host-") }
        #expect(lines.allSatisfy { $0.count <= 80 } && lines.count > 3)
        let small = MarkdownReport(report: report, limit: 64 << 10).render()
        #expect(small.utf8.count <= 64 << 10)
        #expect(small.contains(#/and [0-9,]+ more: the JSON report has all names/#))
        #expect(HTMLReport(report: report).render().contains("200 of 3,000 names"))
        let page = HTMLReport(report: try Self.report(Array(hosts.prefix(2_000)))).render()
        #expect(page.contains("all 2,000 names") && page.contains("host-1998 host-1999</code>"))
        let json = try JSONSerialization.jsonObject(with: Data(ReportFormat.json.render(report))) as? [String: Any]
        let actions = try #require(json?["actions"] as? [[String: Any]])
        #expect((actions.first?["hosts"] as? [String])?.count == 3_000)
    }

    @Test("50,000 hosts with 50,000 different problems make few actions, quickly")
    func huge() throws {
        let hosts = (0..<50_000).map { index in
            Self.host(
                "host-\(index)", .straggler, ReasonText("cause \(index)", remedy: "see folder \(index)"),
                code: HostReason.Code.allCases[index % HostReason.Code.allCases.count])
        }
        var report = try Self.report([])
        report.hosts = hosts
        let time = ContinuousClock().measure { report.settleAdvice() }
        let actions = try #require(report.actions)
        #expect(actions.count <= HostReason.Code.allCases.count * 9)
        #expect(actions.reduce(0) { $0 + $1.hosts.count } == 50_000)
        #expect(time < .seconds(20), "\(time)")
        #expect(MarkdownReport(report: report).render().utf8.count <= MarkdownReport.usualLimit)
        #expect(TextReport(report: report).render().utf8.count < 1 << 20)
    }
}
