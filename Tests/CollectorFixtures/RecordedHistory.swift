import Foundation
import Shared

@testable import CollectorSupport
@testable import Ledger
@testable import Reports
@testable import Verdict

/// A ledger with verifications whose hosts, times and verdicts a test chooses.
struct RecordedHistory {
    /// A host's final status, and the seconds that it took to converge.
    struct Result {
        var status: HostStatus
        var seconds: Double?
        var waiver: Report.Host.Waived?
        /// The digit of the commit that it served; nil for the target's, unless it gave no answer.
        var served: Character?
        var labels: [String: String] = [:]

        static let servedFromStart = Result(status: .converged)
        static func converged(_ seconds: Double) -> Result { Result(status: .converged, seconds: seconds) }
        static func ended(_ status: HostStatus) -> Result { Result(status: status) }
    }

    let ledger: Ledger
    private(set) var count = 0

    init(ledger: Ledger) {
        self.ledger = ledger
    }

    /// Records a whole verification.
    ///
    /// - Parameters:
    ///   - days: the time from its start to ``LedgerFixtures/now``.
    ///   - build: a hexadecimal digit; each one is a promotion of its own.
    ///   - verdict: nil if its collector is killed.
    ///   - seconds: the time from its start to its end; nil for an end that lies far from it.
    mutating func add(
        daysAgo days: Double, service: String = "canvas", environment: EnvironmentName = .standard,
        build: Character = "1", digest: Character? = nil, verdict: Verdict?, took seconds: Double? = nil,
        stalled isStalled: Bool = false, hosts: [(name: String, result: Result)] = [("a", .converged(1))]
    ) async throws {
        count += 1
        var run = LedgerFixtures.run(
            "\(count)", service: service, sha: try LedgerFixtures.sha(build),
            digest: try digest.map(LedgerFixtures.digest),
            hosts: hosts.map(\.name))
        run.target.environment = environment
        run.startedAt = LedgerFixtures.now.addingTimeInterval(-days * 86_400).rfc3339
        var gone = ProcessIdentity.current()
        gone.boot = "earlier"
        let start = try await ledger.begin(run, process: gone)
        guard let verdict else { return }
        var report = try LedgerFixtures.report(run, generation: start.generation, verdict: verdict)
        if let seconds {
            report.verification.finishedAt =
                LedgerFixtures.now.addingTimeInterval(seconds - days * 86_400).rfc3339
        }
        if isStalled { report.reasons.append(Reason(verdict: .stalled, hosts: 1, message: "nothing changed")) }
        report.hosts = try hosts.enumerated().map { index, host in
            let isSilent = host.result.status.category == .unproven
            let served = try host.result.served.map(LedgerFixtures.sha) ?? (isSilent ? nil : run.target.gitSHA)
            return Report.Host(
                name: host.name, url: run.hosts[index].url, labels: host.result.labels, status: host.result.status,
                waived: host.result.waiver, reason: "it did", gitSHA: served,
                digest: isSilent ? nil : run.target.digest,
                facts: HostFacts(
                    reach: isSilent ? .timeout : .ok, identity: .expected, build: .unknown, runtime: .unknown),
                attempts: 1, secondsToConverge: host.result.seconds,
                lastAnswerAgeSeconds: isSilent && served == nil ? nil : isSilent ? 5 : 1,
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
