import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

struct HTMLCurveTests {
    /// A fleet whose hosts change status at random moments, including the start, the end, and the same moment.
    private static func randomReport(_ seed: UInt64) -> Report {
        var random = SplitMix64(seed: seed)
        var report = HTMLSample.fleet(20, unhappy: 0)
        report.verification.durationSeconds = 100
        for index in report.hosts.indices {
            let moments = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                Double(Int.random(in: 0...50, using: &random) * 2)
            }.sorted()
            report.hosts[index].transitions = moments.map {
                .init(seconds: $0, status: HostStatus.allCases.randomElement(using: &random) ?? .pending, reason: "")
            }
            if index % 7 == 0 {
                report.hosts[index].waived = .init(until: "", reason: "", by: nil, expired: index % 14 == 0)
            }
        }
        return report
    }

    /// The status at a moment, computed in the simplest way.
    private static func status(_ host: Report.Host, at seconds: Double) -> HostStatus? {
        host.transitions.last { $0.seconds <= seconds }?.status
    }

    @Test("The curve equals a count of the hosts at every moment", arguments: UInt64(1)...40)
    func equalsCount(_ seed: UInt64) {
        let report = Self.randomReport(seed)
        let curve = ConvergenceCurve(report)
        let gated = report.hosts.filter { $0.waived == nil || $0.waived?.expired == true }
        #expect(curve.expected == gated.count)
        for moment in stride(from: 0.0, through: 100, by: 0.5) {
            let step = curve.at(moment)
            #expect(step.proven == gated.count { Self.status($0, at: moment) == .converged })
            #expect(step.soaking == gated.count { Self.status($0, at: moment) == .soaking })
        }
        #expect(zip(curve.steps, curve.steps.dropFirst()).allSatisfy { $0.seconds < $1.seconds })
    }

    @Test("The curve ends with the number of proven hosts of the report", arguments: HTMLSample.allCases)
    func end(_ sample: HTMLSample) throws {
        let report = try sample.report()
        let curve = ConvergenceCurve(report)
        #expect(curve.expected == report.summary.expected)
        #expect(curve.at(curve.duration).proven == report.summary.proven)
    }

    @Test("The drawn line is the curve, to a thousandth of its height", arguments: UInt64(1)...20)
    func drawn(_ seed: UInt64) throws {
        let curve = ConvergenceCurve(Self.randomReport(seed))
        let text = String(decoding: HTMLCurve(curve: curve).section.bytes, as: UTF8.self)
        let html = "<!DOCTYPE html>\n" + text
        let page = try HTMLPage(parsing: html)
        let path = try #require(page.elements.first { $0.attributes["class"] == "proven-line" }?.attributes["d"])
        for moment in stride(from: 1.0, through: 99, by: 2) {
            let height = try #require(Self.height(of: path, at: moment / 100 * 960))
            let proven = Double(curve.at(moment).proven)
            #expect(abs((1 - height / 1_000) * Double(curve.expected) - proven) < 0.02, "at \(moment)")
        }
    }

    /// The height of a line `M0 yHxVy…` at `x`.
    private static func height(of path: String, at x: Double) -> Double? {
        guard let start = path.wholeMatch(of: /M0 (\d+)((?:H\d+V\d+)*)H1000/) else { return nil }
        var height = Double(start.1)
        for step in start.2.matches(of: /H(\d+)V(\d+)/) {
            guard let place = Double(step.1), place <= x else { break }
            height = Double(step.2)
        }
        return height
    }

    @Test("A timeline shows the worst status of each column, and the last status", arguments: UInt64(1)...20)
    func timelines(_ seed: UInt64) {
        for host in Self.randomReport(seed).hosts {
            let timeline = StatusTimeline(host.transitions, duration: 100)
            var columns: [HostStatus] = []
            for run in timeline.runs { columns += Array(repeating: run.status, count: run.columns.count) }
            #expect(columns.count == StatusTimeline.columns)
            for (column, status) in columns.enumerated() {
                // Changes lie on even seconds, where columns begin: within a column, the status is constant.
                let inside = (Double(column) + 0.5) / 2
                let steady = Self.status(host, at: inside) ?? .pending
                let last = column == StatusTimeline.columns - 1 ? host.transitions.last?.status : nil
                let worst = [steady, last].compactMap { $0 }.min { $0.rank < $1.rank }
                #expect(status == worst, "column \(column)")
            }
            #expect(timeline.end == host.transitions.last?.status ?? .pending)
        }
    }

    @Test("A short failure stays visible in the timeline")
    func shortFailure() {
        let timeline = StatusTimeline(
            [
                .init(seconds: 0, status: .converged, reason: ""), .init(seconds: 300.1, status: .failed, reason: ""),
                .init(seconds: 300.2, status: .converged, reason: ""),
            ], duration: 600)
        #expect(timeline.runs.map(\.status) == [.converged, .failed, .converged])
        #expect(timeline.runs[1].columns == 100..<101)
    }

    @Test(
        "Invalid times do no harm",
        arguments: [0, -1, 1e-9, 1e300] as [Double])
    func oddDurations(_ duration: Double) throws {
        var report = Self.randomReport(3)
        report.verification.durationSeconds = duration
        report.hosts[0].transitions = [
            .init(seconds: 5, status: .converged, reason: ""), .init(seconds: -5, status: .soaking, reason: ""),
            .init(seconds: 1e300, status: .failed, reason: ""),
        ]
        let page = try HTMLPage(parsing: HTMLReport(report: report).render())
        #expect(page.hostRows.count == report.hosts.count)
    }

    @Test(
        "Ticks of the time axis are round and few",
        arguments: [
            (0.25, "0 50ms 100ms 150ms 200ms 250ms"), (11, "0 2s 4s 6s 8s 10s"), (60, "0 10s 20s 30s 40s 50s 1m"),
            (600, "0 2m 4m 6m 8m 10m"), (5_400, "0 15m 30m 45m 1h 1h 15m 1h 30m"), (864_000, "0 2d 4d 6d 8d 10d"),
        ] as [(Double, String)])
    func ticks(_ duration: Double, _ expected: String) {
        #expect(AxisTicks.seconds(upTo: duration).map(AxisTicks.text).joined(separator: " ") == expected)
    }

    @Test(
        "Ticks of the host axis are round, except the last, which is the number of hosts",
        arguments: [
            (1, [0, 1]), (3, [0, 1, 2, 3]), (8, [0, 2, 4, 6, 8]), (50, [0, 20, 40, 50]),
            (2_000, [0, 500, 1_000, 1_500, 2_000]), (50_000, [0, 20_000, 40_000, 50_000]),
        ] as [(Int, [Int])])
    func counts(_ count: Int, _ expected: [Int]) {
        #expect(AxisTicks.counts(upTo: count) == expected)
    }
}
