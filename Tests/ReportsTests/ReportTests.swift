import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Reports
@testable import Verdict

struct ReportTests {
    @Test("The text report matches its golden file: the worst host last, then the verdict")
    func text() throws {
        try Golden.expect(TextReport(report: SampleFleet.report()).render(), "report.txt")
    }

    @Test("The JSON report matches its golden file and its schema, and can be decoded")
    func json() async throws {
        let text = String(decoding: try ReportFormat.json.render(SampleFleet.report()), as: UTF8.self)
        try Golden.expect(text, "report.json")
        #expect(try await SchemaValidator.defects(text, against: .report).isEmpty)
        #expect(try JSONDecoder().decode(Report.self, from: Data(text.utf8)) == SampleFleet.report())
    }

    @Test("Every host of the inventory is in the report exactly once, and the counts agree")
    func everyHostOnce() throws {
        let bench = SampleFleet.run()
        let report = try SampleFleet.report(bench)
        #expect(report.hosts.count == bench.verification.tracks.count)
        #expect(Set(report.hosts.map(\.url)).count == report.hosts.count)
        #expect(report.summary.statuses.values.reduce(0, +) == report.hosts.count)
        for (status, count) in report.summary.statuses {
            #expect(report.hosts.count { $0.status.rawValue == status } == count)
        }
        #expect(report.summary.proven == report.hosts.count { $0.status == .converged })
        #expect(report.reasons.first?.verdict == report.verdict)
    }

    @Test("A hostile name stays one line of plain text in every format", arguments: ReportFormat.allCases)
    func hostileName(_ format: ReportFormat) throws {
        let text = String(decoding: try format.render(SampleFleet.report()), as: UTF8.self)
        #expect(!text.contains("\u{1B}"))
        #expect(!text.contains("\u{202E}"))
        let spellings = ["<script>\\u{1b}", "<script>\\\\u{1b}", "&lt;script&gt;\\u{1b}"]
        #expect(spellings.contains { text.contains($0) })
    }

    @Test("The text report of a large fleet names the hosts that need attention and counts the rest")
    func largeFleet() throws {
        var report = try SampleFleet.report()
        let converged = try #require(report.hosts.first { $0.status == .converged })
        report.hosts.insert(contentsOf: (0..<2_000).map { _ in converged }, at: 0)
        let text = TextReport(report: report).render()
        #expect(text.split(separator: "\n").count < 60)
        #expect(text.contains("… and 1982 more hosts converged"))
        #expect(text.contains("leave it: serves bbbbbbbbbbbb (the target's image is on the host already)"))
    }

    @Test("Hosts that serve different images of a commit converge, and the report warns")
    func differingDigests() throws {
        var bench = Bench(3, policy: .short, target: .bySHA, promotions: [])
        bench.poll(1...30) { host, _ in .answer(Answer(build: host == 2 ? .rebuilt : .target)) }
        #expect(bench.verdict == .converged)
        let warning = try SampleFleet.report(bench).warnings.first { $0.contains("different images") }
        #expect(warning?.contains("sha256:111111111111 on 2 hosts") == true)
        #expect(warning?.contains("sha256:555555555555 on 1 host") == true)
    }

    @Test("Percentiles are measured values", arguments: [([1.0], [1.0, 1, 1]), ([1, 2, 3, 4], [2, 4, 4])])
    func percentiles(_ values: [Double], _ expected: [Double]) {
        let found = Percentiles(values)
        #expect([found?.p50, found?.p95, found?.max] == expected)
        #expect(Percentiles([]) == nil)
    }
}
