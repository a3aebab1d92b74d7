import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

/// The notes on a host besides its status: left-out containers, project and warnings.
@Suite("Notes on hosts")
struct HostNotesTests {
    private static func report() throws -> Report {
        var bench = Bench(2, policy: .short)
        bench.poll(1...30) { host, moment in
            var answer = Answer(restarts: host == 0 && moment > 2 ? 1 : 0)
            if host == 0 {
                answer.edit = { document in
                    document.instances[0].project = "shop|<b>"
                    document.instances[0].exitCode = 1
                    document.instancesExpected = 1
                    document.leftOut = [
                        LeftOutContainer(id: "1", name: "canvas-old", reason: .replaced, state: .exited),
                        LeftOutContainer(
                            id: "2", name: "migrate\u{1B}[2J", project: "other", reason: .task, state: .exited,
                            exitCode: 0),
                    ]
                }
            }
            return .answer(answer)
        }
        return try SampleFleet.report(bench)
    }

    @Test("Field 7: every format names the left-out containers, and JSON follows the schema")
    func leftOut() async throws {
        let report = try Self.report()
        #expect(report.verdict == .converged)
        let host = try #require(report.hosts.first { $0.name == "host-0" })
        #expect(host.leftOut?.map(\.name) == ["canvas-old", "migrate\\u{1b}[2J"])
        #expect(host.leftOut?.map(\.reason) == [.replaced, .task])
        let line = "2 containers left out: canvas-old (replaced), migrate\\u{1b}[2J (task, of other)"
        #expect(host.leftOutText == line)
        #expect(TextReport(report: report).render().contains(line))
        #expect(MarkdownReport(report: report).render().contains(line))
        #expect(HTMLReport(report: report).render().contains(line))
        let json = String(decoding: try ReportFormat.json.render(report), as: UTF8.self)
        #expect(
            json.contains(#""left_out""#) && json.contains(#""project""#) && json.contains(#""instances_expected""#))
        #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
        #expect(try JSONDecoder().decode(Report.self, from: Data(json.utf8)) == report)
        #expect(report.hosts.first { $0.name == "host-1" }?.leftOut == nil)
    }

    @Test("Field 3: reports show the matched project")
    func project() throws {
        let report = try Self.report()
        #expect(report.hosts.first { $0.name == "host-0" }?.project == "shop|<b>")
        #expect(HTMLReport(report: report).render().contains("project shop|&lt;b&gt;"))
    }

    @Test("Field 29: a host that converged after restarts has a warning, and the report sums them up")
    func restarts() throws {
        let report = try Self.report()
        let warning = "its container restarted once during this verification, last exit 1"
        #expect(report.hosts.first { $0.name == "host-0" }?.warnings == [warning])
        #expect(report.hosts.first { $0.name == "host-1" }?.warnings == nil)
        #expect(report.warnings.contains("1 host converged after restarts of the container: host-0"))
        #expect(TextReport(report: report).render().contains("warning: \(warning)"))
        #expect(MarkdownReport(report: report).render().contains("warning: \(warning)"))
        #expect(HTMLReport(report: report).render().contains("<strong>warning</strong> \(warning)"))
    }

    @Test("The ledger keeps the remarks on a host")
    func kept() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let ledger = try await Ledger.open(path: "\(folder.path)/ledger.db")
        let report = try Self.report()
        var refused = report
        refused.target.generation = nil
        refused.verdict = .inventoryShrunk
        try await ledger.finish(refused)
        let stored = try await ledger.report(now: LedgerFixtures.now)
        #expect(stored.hosts == report.hosts)
    }
}
