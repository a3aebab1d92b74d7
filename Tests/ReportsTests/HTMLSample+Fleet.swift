import Foundation
import Shared
import Support

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Reports
@testable import Verdict

/// Fleets of any size, built directly and without the state machine.
extension HTMLSample {
    /// A status of a fleet.
    static func status() -> Report {
        var report = fleet(12, unhappy: 2)
        for index in report.hosts.indices where report.hosts[index].status == .converged {
            report.hosts[index].status = .soaking
            report.hosts[index].reason = "serves the target now"
            report.hosts[index].secondsToConverge = nil
            report.hosts[index].attempts = 1
            report.hosts[index].transitions = [.init(seconds: 0.1, status: .soaking, reason: "serves the target now")]
        }
        report.verification.durationSeconds = 0.25
        report.exitCode = 0
        report.count()
        return report
    }

    /// A rollout of some minutes, in which some hosts do not reach the target.
    static func fleet(_ count: Int, unhappy: Int) -> Report {
        var random = SplitMix64(seed: UInt64(count))
        let duration = 600.0
        let regions = ["eu-west", "us-east", "ap-south"]
        var hosts: [Report.Host] = (0..<count).map { index in
            let region = regions[index * regions.count / count]
            let digits = String(index + 1)
            let name = "canvas-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            let arrives = 4 + 300 * pow(Double(index % 997) / 997, 1.6) + Double.random(in: 0..<1, using: &random) * 20
            return Report.Host(
                name: name, url: "http://\(name).\(region).internal:9480/buildinfo/canvas",
                labels: ["region": region, "group": index % 20 == 0 ? "canary" : "main"], status: .converged,
                waived: nil, reason: "serves the target", gitSHA: .of("a"), digest: .of("1"),
                facts: HostFacts(reach: .ok, identity: .expected, build: .match, runtime: .serving),
                attempts: 40 + index % 7, secondsToConverge: rounded(arrives), lastAnswerAgeSeconds: 1.25,
                clockOffsetSeconds: 0.1,
                transitions: [
                    .init(
                        seconds: rounded(Double.random(in: 0..<1, using: &random)), status: .pending,
                        reason: "never pulled: run docker compose pull canvas && docker compose up -d canvas "
                            + "(serves bbbbbbbbbbbb, generation 1)"),
                    .init(
                        seconds: rounded(arrives), status: .soaking, reason: "serves the target; held for 0ms of 10s"),
                    .init(seconds: rounded(arrives + 10), status: .converged, reason: "serves the target"),
                ])
        }
        for step in 0..<unhappy {
            let index = step * count / unhappy
            hosts[index].fail(step, duration: duration)
        }
        hosts.sort { ($1.status.rank, $0.name) < ($0.status.rank, $1.name) }
        var report = Report(
            verification: Report.Run(
                id: "20260101T000000-0badcafe", startedAt: "2026-01-01T00:00:00.000Z",
                finishedAt: "2026-01-01T00:10:00.000Z", durationSeconds: duration,
                collector: .init(version: "0.1.0")),
            target: Report.PromotedTarget(
                service: "canvas", gitSHA: .of("a"), digest: .of("1"), image: "registry.internal/canvas:staging-aaaa",
                generation: 2,
                equivalentDigests: [
                    .init(digest: .of("7"), kind: "manifest", platform: "linux/amd64"),
                    .init(digest: .of("8"), kind: "config", platform: "linux/amd64"),
                ]),
            inventory: Report.InventorySummary(
                source: "fleet.yaml", hash: "sha256:" + String(repeating: "0", count: 64), expected: count),
            policy: Report.PolicySummary(Policy()), verdict: .identityConflict, exitCode: 60, reasons: [],
            warnings: ["clocks are off (no verdict depends on them): canvas-0003 by 1m 12s"],
            summary: Report.Summary(expected: count, proven: 0, waived: 0, statuses: [:], secondsToConverge: nil),
            hosts: hosts, evidence: .init(hash: "sha256:" + String(repeating: "e", count: 64)))
        report.count()
        report.judge()
        let actions = Report.Action.all(of: report)
        report.actions = actions.isEmpty ? nil : actions
        return report
    }

    fileprivate static func rounded(_ seconds: Double) -> Double { (seconds * 1_000).rounded() / 1_000 }
}

extension Report {
    /// Computes the summary from the hosts.
    mutating func count() {
        let gated = hosts.filter { $0.waived?.expired ?? true }
        let times = gated.compactMap(\.secondsToConverge).sorted()
        summary = Summary(
            expected: gated.count, proven: gated.count { $0.status == .converged }, waived: hosts.count - gated.count,
            statuses: Dictionary(hosts.map { ($0.status.rawValue, 1) }, uniquingKeysWith: +),
            secondsToConverge: Percentiles(times).map { .init(p50: $0.p50, p95: $0.p95, max: $0.max) })
    }

    /// Derives reasons and verdict from the hosts, approximately.
    fileprivate mutating func judge() {
        let causes: [(Verdict, Set<HostStatus>, String)] = [
            (.identityConflict, [.conflict], "another host answered, or a cache, or two hosts with one id"),
            (.failedDeploy, [.failed], "the deploy failed"),
            (.rolledBack, [.rolledBack], "served the target and went back"),
            (.superseded, [.ahead], "serve a later promotion"),
            (.unreachable, [.unreachable, .agentError, .unverifiable, .missing], "gave no usable answer"),
            (.stragglers, [.straggler, .pending, .starting, .mixed, .flapping], "did not converge within 10m 0s"),
        ]
        reasons = causes.compactMap { verdict, statuses, text in
            let names = hosts.filter { statuses.contains($0.status) && $0.waived == nil }.map(\.name)
            guard !names.isEmpty else { return nil }
            let more = names.count > 3 ? " and \(names.count - 3) more" : ""
            return Reason(
                verdict: verdict, hosts: names.count,
                message: "\(names.count == 1 ? "1 host" : "\(names.count) hosts"): \(text): "
                    + names.prefix(3).joined(separator: ", ") + more)
        }
        verdict = reasons.first?.verdict ?? .converged
        exitCode = verdict.exitCode
    }
}

extension Report.Host {
    /// Gives the host one of nine problems.
    fileprivate mutating func fail(_ kind: Int, duration: Double) {
        let (arrival, first) = (secondsToConverge ?? 0, transitions[0])
        secondsToConverge = nil
        func end(_ status: HostStatus, _ reason: String, _ changes: [Transition]) {
            self.status = status
            explain(ReasonText(recorded: reason))
            transitions = changes
        }
        func change(_ seconds: Double, _ status: HostStatus, _ reason: String) -> Transition {
            Transition(seconds: HTMLSample.rounded(seconds), status: status, reason: reason)
        }
        switch kind % 9 {
        case 0:
            let text = "pulled, not recreated: run docker compose up -d canvas (serves bbbbbbbbbbbb)"
            (gitSHA, digest, facts.build) = (.of("b"), .of("2"), .behind)
            end(.straggler, text, [first, change(duration, .straggler, text)])
        case 1:
            let text = "crash loop: canvas-1 restarted \(7 + kind) times: docker logs canvas-1"
            facts.runtime = .restarting
            end(
                .failed, text,
                [
                    first, change(arrival, .starting, "on the target, canvas-1 restarting"),
                    change(arrival + 12, .soaking, "serves the target; held for 0ms of 10s"),
                    change(arrival + 15, .starting, "on the target, canvas-1 restarting"),
                    change(arrival + 40, .failed, text),
                ])
        case 2:
            let text = "connection refused: is the agent running? systemctl status buildinfo-agent"
            (gitSHA, digest, facts) = (nil, nil, HostFacts(reach: .refused))
            lastAnswerAgeSeconds = nil
            end(.unreachable, text, [change(0.4, .unreachable, text)])
        case 3:
            let text =
                "never pulled: run docker compose pull canvas && docker compose up -d canvas (serves bbbbbbbbbbbb, generation 1)"
            (gitSHA, digest, facts.build) = (.of("b"), .of("2"), .behind)
            end(.straggler, text, [first, change(duration, .straggler, text)])
        case 4:
            let text = "no answer within 5s: check the host, the network and the agent"
            facts = HostFacts(reach: .timeout, identity: .expected, build: .match, runtime: .serving)
            lastAnswerAgeSeconds = 242
            waived = .init(until: "2031-01-01T00:00:00Z", reason: "disk swap", by: "ops", expired: false)
            end(
                .unreachable, text,
                [
                    first, change(arrival, .soaking, "serves the target; held for 0ms of 10s"),
                    change(arrival + 10, .converged, "serves the target"), change(358, .unreachable, text),
                ])
        case 5:
            let text = "served the target, then went back to bbbbbbbbbbbb: find out what rolled it back"
            (gitSHA, digest, facts.build) = (.of("b"), .of("2"), .behind)
            end(
                .rolledBack, text,
                [
                    first, change(arrival, .soaking, "serves the target; held for 0ms of 10s"),
                    change(arrival + 10, .converged, "serves the target"), change(arrival + 90, .pending, "serves b"),
                    change(arrival + 94, .rolledBack, text),
                ])
        case 6:
            let text = "git_sha is null: label the image with org.opencontainers.image.revision=<full commit>"
            (gitSHA, digest, facts.build) = (nil, nil, .unidentified)
            end(.unverifiable, text, [change(0.5, .unverifiable, text)])
        case 7:
            let text = "HTTP 404: ask the agent's own address, and check what answers at this URL"
            (gitSHA, digest) = (nil, nil)
            facts = HostFacts(reach: .httpStatus)
            end(.agentError, text, [change(0.3, .agentError, text)])
        default:
            let text = "host '6f0c2b7a' answered where this URL first gave '9d1e4c55': check URL, DNS and proxies"
            facts.identity = .wrongHost
            end(
                .conflict, text,
                [first, change(arrival, .soaking, "serves the target"), change(arrival + 4, .conflict, text)])
        }
    }
}
