import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

/// Pages of fleets that are too large for a row for each host.
struct HTMLFleetTests {
    /// The list that the page's script reads.
    private struct Group: Decodable {
        var style: String
        var status: String
        var reason: String
        var serves: String
        var waived: Bool?
        var labels: [String]
        var names: String
        var after: String

        /// The names and the times to converge in tenths of a second.
        func hosts() throws -> [(name: String, after: String)] {
            var last = ""
            let names = try names.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                let digits = line.prefix(2).map { $0.hexDigitValue ?? Int($0.asciiValue ?? 0) - 87 }
                try #require(digits.count == 2)
                last = String(last.prefix(digits[0])) + line.dropFirst(2) + last.suffix(digits[1])
                return last
            }
            let times = after.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            try #require(names.count == times.count)
            return Array(zip(names, times)).map { (name: $0, after: $1) }
        }
    }

    private static func groups(_ html: String) throws -> [Group] {
        let start = try #require(html.range(of: "<script type=\"application/json\" id=\"fleet\">"))
        let end = try #require(html.range(of: "</script>", range: start.upperBound..<html.endIndex))
        return try JSONDecoder().decode([Group].self, from: Data(html[start.upperBound..<end.lowerBound].utf8))
    }

    @Test(
        "Every host of a large fleet is on the page once: in a row if it needs attention and rows fit, else in the list"
    )
    func everyHostOnce() throws {
        let report = HTMLSample.fleet(2_500, unhappy: 90)
        let html = HTMLReport(report: report).render()
        let rows = try HTMLPage(parsing: html).hostRows
        let groups = try Self.groups(html)
        let listed = try groups.flatMap { try $0.hosts().map(\.name) }
        let names = rows.map { String($0.id.dropFirst("host-".count)) } + listed
        #expect(names.sorted() == report.hosts.map(\.name).sorted())
        let needy = report.hosts.filter { $0.status != .converged || $0.waived != nil }
        #expect(rows.count == needy.count)
        #expect(Set(rows.map(\.status)) == Set(needy.map(\.status.rawValue)))
        for group in groups { #expect(group.status == "converged" && group.style == "converged") }
        try HTMLSample.write(html, "large.html")
    }

    @Test("The list says of each host what the report says")
    func facts() throws {
        let report = HTMLSample.fleet(2_100, unhappy: 0)
        var found: [String: (Group, String)] = [:]
        for group in try Self.groups(HTMLReport(report: report).render()) {
            for host in try group.hosts() { found[host.name] = (group, host.after) }
        }
        for host in report.hosts {
            let (group, after) = try #require(found[host.name])
            #expect(group.reason == host.reason && group.serves == host.shortBuild)
            #expect(group.labels == host.sortedLabels)
            #expect(after == host.secondsToConverge.map { "\(Int(($0 * 10).rounded()))" } ?? "")
        }
    }

    @Test("Counts, a label choice for every host, and the place of the full list do not depend on the script")
    func withoutScript() throws {
        let report = HTMLSample.fleet(2_500, unhappy: 20)
        let page = try HTMLPage(parsing: HTMLReport(report: report).render())
        let others = try #require(page.element(id: "others")?.text)
        #expect(others.contains("--report json=PATH"))
        #expect(others.contains("2,500"))
        let legend = try #require(page.element(id: "statuses")?.text)
        for (status, count) in report.summary.statuses {
            #expect(legend.contains("\(status) \(ReportText.count(count))"), "\(status)")
        }
        let choices = page.all("option").map(\.text)
        #expect(Set(choices) == Set(["any"] + report.hosts.flatMap(\.sortedLabels)))
    }

    @Test("No name, reason or label ends the list's element, and each is found unchanged")
    func hostile() throws {
        var report = HTMLSample.fleet(2_200, unhappy: 0)
        let texts = Hostile.texts.map { Sanitizer.singleLine($0, limit: 255) }
        for (index, text) in texts.enumerated() {
            report.hosts[index].name = "\(text)-\(index)"
            report.hosts[index].reason = text
            report.hosts[index].labels = ["k": text]
        }
        let groups = try Self.groups(HTMLReport(report: report).render())
        let names = try groups.flatMap { try $0.hosts().map(\.name) }
        #expect(names.sorted() == report.hosts.map { Sanitizer.singleLine($0.name, limit: 255) }.sorted())
        #expect(Set(texts).isSubset(of: groups.map(\.reason)))
        #expect(Set(groups.flatMap(\.labels)).isSuperset(of: texts.filter { !$0.isEmpty }.map { "k=\($0)" }))
    }

    @Test(
        "50,000 hosts of which 1 % are not converged fit into 5 MB, and so do many hosts that all are not",
        arguments: [(50_000, 500), (8_000, 8_000)])
    func size(_ hosts: Int, _ unhappy: Int) throws {
        let html = HTMLReport(report: HTMLSample.fleet(hosts, unhappy: unhappy)).render()
        #expect(html.utf8.count < 5_000_000)
        try HTMLSample.write(html, "huge-\(unhappy).html")
    }

    @Test("A fleet whose every label and reason differs has a page of bounded size that still finds every name")
    func distinct() throws {
        var report = HTMLSample.fleet(4_000, unhappy: 0)
        for index in report.hosts.indices {
            report.hosts[index].labels["serial"] = String(repeating: "\(index)-", count: 40)
            report.hosts[index].reason += String(repeating: " and \(index)", count: 50)
        }
        let html = HTMLReport(report: report).render()
        #expect(html.utf8.count < 4_000_000)
        #expect(html.contains("differ too much for this page"))
        let names = try Self.groups(html).flatMap { try $0.hosts().map(\.name) }
        #expect(names.sorted() == report.hosts.map(\.name).sorted())
    }
}
