import Foundation
import Shared

@testable import CollectorSupport
@testable import Ledger
@testable import Reports
@testable import Verdict

/// A ledger with verifications that a test names: what each host came to, when, and how it all ended.
struct RecordedHistory {
    /// A host's status at the end, and how many seconds it took where it converged.
    struct Result {
        var status: HostStatus
        var seconds: Double?
        var waiver: Report.Host.Waived?

        static func converged(_ seconds: Double) -> Result { Result(status: .converged, seconds: seconds) }
        static func ended(_ status: HostStatus) -> Result { Result(status: status) }
    }

    let ledger: Ledger
    private(set) var count = 0

    init(ledger: Ledger) {
        self.ledger = ledger
    }

    /// Records a verification from beginning to end.
    ///
    /// - Parameters:
    ///   - days: how long before ``LedgerFixtures/now`` it started.
    ///   - build: a hexadecimal digit: another one is another promotion.
    ///   - verdict: nil for one whose collector is killed.
    mutating func add(
        daysAgo days: Double, service: String = "canvas", build: Character = "1", verdict: Verdict?,
        hosts: [(name: String, result: Result)] = [("a", .converged(1))]
    ) async throws {
        count += 1
        var run = LedgerFixtures.run(
            "\(count)", service: service, sha: try LedgerFixtures.sha(build), hosts: hosts.map(\.name))
        run.startedAt = LedgerFixtures.now.addingTimeInterval(-days * 86_400).rfc3339
        var gone = ProcessIdentity.current()
        gone.boot = "earlier"
        let start = try await ledger.begin(run, process: gone)
        guard let verdict else { return }
        var report = try LedgerFixtures.report(run, generation: start.generation, verdict: verdict)
        report.hosts = hosts.enumerated().map { index, host in
            Report.Host(
                name: host.name, url: run.hosts[index].url, labels: [:], status: host.result.status,
                waived: host.result.waiver, reason: "it did", gitSHA: run.target.gitSHA, digest: nil,
                facts: HostFacts(), attempts: 1, secondsToConverge: host.result.seconds, lastAnswerAgeSeconds: nil,
                clockOffsetSeconds: nil, transitions: [.init(seconds: 0, status: .pending, reason: "not asked yet")])
        }
        let gated = hosts.filter { $0.result.waiver == nil }
        report.summary.expected = gated.count
        report.summary.proven = gated.count { $0.result.status == .converged }
        report.summary.secondsToConverge = Percentiles(gated.compactMap(\.result.seconds).sorted()).map {
            .init(p50: $0.p50, p95: $0.p95, max: $0.max)
        }
        try await ledger.finish(report)
    }
}

/// A ledger in a folder of its own.
func withRecordedHistory(_ body: (inout RecordedHistory, String) async throws -> Void) async throws {
    let folder = try TestFolder()
    defer { folder.remove() }
    let path = "\(folder.path)/ledger.db"
    var history = RecordedHistory(ledger: try await Ledger.open(path: path))
    try await body(&history, path)
}
