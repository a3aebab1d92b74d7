import Foundation
import Shared

@testable import Ledger
@testable import Reports
@testable import Verdict

/// Reports and runs with every field in use.
enum LedgerFixtures {
    static let now = InventoryFixtures.now

    static func sha(_ digit: Character) throws -> GitSHA { try GitSHA(parsing: String(repeating: digit, count: 40)) }
    static func digest(_ digit: Character) throws -> Digest {
        try Digest(parsing: "sha256:" + String(repeating: digit, count: 64))
    }

    static func run(
        _ id: String, service: String = "canvas", sha: GitSHA?, digest: Digest? = nil,
        hosts: [String] = ["a", "b", "c"]
    ) -> VerificationRecord {
        VerificationRecord(
            id: id, startedAt: "2026-11-23T12:00:00.000Z",
            target: target(service: service, sha: sha, digest: digest), policy: Report.PolicySummary(Policy()),
            inventory: .init(source: "fleet.yaml", hash: "sha256:00", expected: hosts.count),
            hosts: hosts.map { ExpectedHost(name: $0, url: "http://\($0):9480/buildinfo", labels: ["zone": "eu"]) })
    }

    static func target(service: String, sha: GitSHA?, digest: Digest?) -> Report.PromotedTarget {
        Report.PromotedTarget(
            service: service, gitSHA: sha, digest: digest, image: nil, generation: nil, equivalentDigests: [])
    }

    /// The report of a run that converged but for its last host.
    static func report(_ run: VerificationRecord, generation: Int?, verdict: Verdict = .stragglers) throws -> Report {
        var target = run.target
        target.generation = generation
        target.image = "registry.example/canvas:staging"
        target.equivalentDigests = [.init(digest: try digest("e"), kind: "config", platform: "linux/amd64")]
        let hosts = run.hosts.enumerated().map { index, host in
            let isLast = index == run.hosts.count - 1
            return Report.Host(
                name: host.name, url: host.url, labels: host.labels, status: isLast ? .straggler : .converged,
                waived: index == 0 ? .init(until: "2026-12-01T00:00:00Z", reason: "r", by: nil, expired: true) : nil,
                reason: "serves \(index)", gitSHA: run.target.gitSHA, digest: isLast ? nil : run.target.digest,
                facts: HostFacts(
                    reach: .ok, identity: .expected, build: isLast ? .behind : .match,
                    runtime: isLast ? .unhealthy : .serving),
                attempts: 3 + index, secondsToConverge: isLast ? nil : 1.1 * Double(index + 1),
                lastAnswerAgeSeconds: 0.1 + 0.2, clockOffsetSeconds: isLast ? -86_400.5 : nil,
                transitions: [
                    .init(seconds: 0.001, status: .pending, reason: "not asked yet"),
                    .init(seconds: 2, status: isLast ? .straggler : .converged, reason: "it's \"done\" – ü"),
                ])
        }
        return Report(
            verification: .init(
                id: run.id, startedAt: run.startedAt, finishedAt: "2026-11-23T12:00:12.345Z", durationSeconds: 12.345,
                collector: .init(version: run.collectorVersion)),
            target: target, inventory: run.inventory, policy: run.policy, verdict: verdict, exitCode: verdict.exitCode,
            reasons: [Reason(verdict: verdict, hosts: 1, message: "one did not get there")],
            warnings: ["a warning"],
            summary: .init(
                expected: run.hosts.count, proven: run.hosts.count - 1, waived: 0,
                statuses: ["converged": run.hosts.count - 1, "straggler": 1],
                secondsToConverge: .init(p50: 1.1, p95: 2.2, max: 2.2)),
            hosts: hosts.reversed())
    }
}
