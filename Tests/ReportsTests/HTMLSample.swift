import Foundation
import Shared
import Support

@testable import CollectorFixtures
@testable import Evidence
@testable import Reports
@testable import Verdict

/// Sample reports: one for every kind of ending, and of fleets of any size.
enum HTMLSample: String, CaseIterable, Sendable {
    case five, fifty, thousands, mixed, converged, tolerated, interrupted, superseded, empty, refused, failing, status

    func report() throws -> Report {
        switch self {
        case .five: Self.fleet(5, unhappy: 1)
        case .fifty: Self.fleet(50, unhappy: 9)
        case .thousands: Self.fleet(2_000, unhappy: 23)
        case .mixed: try SampleFleet.report()
        case .converged: try Self.converged()
        case .tolerated: try Self.tolerated()
        case .interrupted: try Self.interrupted()
        case .superseded: try Self.superseded()
        case .empty: try Self.refused(hosts: 0)
        case .refused: try Self.refused(hosts: 30)
        case .failing: Self.fleet(400, unhappy: 400)
        case .status: Self.status()
        }
    }

    /// Writes a page into the folder that `BUILDINFO_HTML_SAMPLES` names, if any.
    static func write(_ html: String, _ name: String) throws {
        guard let folder else { return }
        try Data(html.utf8).write(to: URL(fileURLWithPath: folder).appendingPathComponent(name))
    }

    static let folder = ProcessInfo.processInfo.environment["BUILDINFO_HTML_SAMPLES"]

    // MARK: - Through the state machine

    private static func converged() throws -> Report {
        var bench = Bench(4, policy: .short)
        bench.poll(1...30) { host, moment in .answer(moment < Double(host) * 2 ? .old : Answer()) }
        var report = try SampleFleet.report(bench)
        report.evidence = Report.EvidenceFile(hash: "sha256:" + String(repeating: "e", count: 64))
        return report
    }

    private static func tolerated() throws -> Report {
        var bench = Bench(6, policy: Policy(timeout: .seconds(60), stall: .seconds(600), maxUnreachable: .percent(20)))
        {
            $0[1].waiver = Waiver(until: "2025-01-01T00:00:00Z", reason: "old rack", by: nil, isExpired: true)
        }
        bench.poll(1...59) { host, _ in host == 5 ? .none(.timeout) : .answer(Answer()) }
        return try SampleFleet.report(bench)
    }

    private static func interrupted() throws -> Report {
        var bench = Bench(4, policy: .short)
        bench.poll(1...7) { host, _ in host == 3 ? .skip : .answer(host == 2 ? .old : Answer()) }
        bench.interrupt(signal: 15, at: 8)
        return try SampleFleet.report(bench)
    }

    private static func superseded() throws -> Report {
        var bench = Bench(3, policy: .short)
        bench.poll(1...5) { host, _ in .answer(host == 0 ? Answer(build: .next) : Answer()) }
        bench.learn(.upToSuccessor, at: 6)
        return try SampleFleet.report(bench)
    }

    /// Refused before any host was queried.
    private static func refused(hosts count: Int) throws -> Report {
        let bench = Bench(count)
        let hosts = bench.verification.tracks.map(\.host)
        let conclusion = InventoryCheck().refusal(of: hosts, listed: hosts, previous: .init(listed: count * 2))
        let context = ReportBuilder.Context(
            id: "20260101T000000-0badcafe", startedAt: start, finishedAt: start, inventorySource: "fleet.yaml",
            inventoryHash: "sha256:" + String(repeating: "0", count: 64), warnings: ["the source was slow"])
        let builder = ReportBuilder(verification: bench.verification, context: context)
        return builder.build(
            conclusion ?? Conclusion(verdict: .emptyInventory, exitCode: 50, reasons: [], at: .zero))
    }

    private static let start = Date(timeIntervalSince1970: 1_767_225_600)
}
