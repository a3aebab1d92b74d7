import Foundation
import Shared
import Testing

@testable import Reports
@testable import Verdict

struct HTMLSizeTests {
    @Test("A converged host costs less than 1.5 KB, however many there are")
    func converged() {
        let small = HTMLReport(report: HTMLSample.fleet(1_000, unhappy: 0)).render().utf8.count
        let large = HTMLReport(report: HTMLSample.fleet(2_000, unhappy: 0)).render().utf8.count
        #expect((large - small) / 1_000 < 1_500)
        #expect(small < 1_500_000)
    }

    @Test("Hosts that change status endlessly make a bounded page")
    func flapping() throws {
        var report = HTMLSample.fleet(300, unhappy: 0)
        for index in report.hosts.indices {
            report.hosts[index].transitions = (0..<HostTracker.maximumTransitions).map {
                .init(seconds: Double($0) * 0.6, status: $0 % 2 == 0 ? .soaking : .starting, reason: "again and again")
            }
        }
        let html = HTMLReport(report: report).render()
        #expect(html.utf8.count < 300 * 12_000)
        let row = try #require(HTMLPage(parsing: html).hostRows.first)
        #expect(row.cells[3].contains("940 changes are left out here"))
    }

    @Test("A fleet that fails entirely shows the first hosts and folds the others")
    func folded() throws {
        let page = try HTMLPage(parsing: HTMLReport(report: HTMLSample.fleet(400, unhappy: 400)).render())
        let folds = page.elements.indices.filter { page.elements[$0].attributes["class"] == "fold" }
        let rows = page.elements.filter { $0.name == "tr" && $0.attributes["id"] != nil }
        #expect(rows.count == 400)
        #expect(rows.count { !$0.ancestors.contains(where: folds.contains) } < 260)
    }
}
