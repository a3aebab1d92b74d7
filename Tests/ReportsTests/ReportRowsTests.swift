import Foundation
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

@Suite("Rows of a report")
struct ReportRowsTests {
    private static let start = Date(timeIntervalSince1970: 1_767_225_600)

    private static func maker(_ bench: Bench, part: Int) -> ReportRowMaker {
        ReportRowMaker(bench.verification, startedAt: start, isSweep: false, at: .seconds(60), part: part)
    }

    private static func context(_ bench: Bench) -> ReportBuilder.Context {
        ReportBuilder.Context(
            id: "20260101T000000-0badcafe", startedAt: start, finishedAt: start.addingTimeInterval(60),
            inventorySource: "fleet.yaml", inventoryHash: "sha256:" + String(repeating: "0", count: 64))
    }

    @Test("A fleet in parts has the rows of the whole one", arguments: [1, 2, 4, 8, 9, 10])
    func parts(_ part: Int) async throws {
        let bench = SampleFleet.run()
        let whole = Self.maker(bench, part: 1_000).rows()
        #expect(whole.hosts.count == 9)
        for rows in [Self.maker(bench, part: part).rows(), await Self.maker(bench, part: part).rowsOnEveryCore()] {
            #expect(rows.hosts == whole.hosts)
            #expect(rows.summary == whole.summary)
            #expect(
                rows.warnings.all(of: bench.verification, Self.context(bench))
                    == whole.warnings.all(of: bench.verification, Self.context(bench)))
        }
    }

    @Test("A report from prepared rows is the report that makes them")
    func prepared() async throws {
        let bench = SampleFleet.run()
        let conclusion = try #require(bench.verification.conclusion)
        let builder = ReportBuilder(verification: bench.verification, context: Self.context(bench))
        #expect(builder.build(conclusion, await builder.rows(at: conclusion.at)) == builder.build(conclusion))
    }

    @Test("Warnings name hosts in the order of the inventory", arguments: [1, 100])
    func order(_ part: Int) throws {
        var bench = Bench(3) { hosts in
            for host in hosts.indices {
                hosts[host].waiver = Waiver(
                    until: "2026-01-01T00:00:00Z", reason: "disk swap", by: nil, isExpired: true)
            }
        }
        bench.finish { host, _ in host == 1 ? .answer(Answer()) : .none(.refused) }
        let rows = Self.maker(bench, part: part).rows()
        #expect(rows.hosts.map(\.name) == ["host-1", "host-0", "host-2"])
        let warnings = rows.warnings.all(of: bench.verification, Self.context(bench))
        #expect(warnings.contains { $0.hasSuffix(": host-0, host-1, host-2") }, "\(warnings)")
    }
}
