import Foundation
import Shared
import Testing

@testable import Reports
@testable import Verdict

/// A fleet with hosts of many statuses, run to its deadline with a simulated clock.
enum SampleFleet {
    static let hostile = "<script>\u{1B}[2J::error::\u{202E}x"

    static func run() -> Bench {
        let policy = Policy(
            timeout: .seconds(60), soak: .seconds(10), stall: .seconds(600), maxFailed: .hosts(9))
        var bench = Bench(9, policy: policy) { hosts in
            hosts[0].labels = ["group": "canary", "region": "eu"]
            hosts[7].waiver = Waiver(
                until: "2031-01-01T00:00:00Z", reason: "disk swap", by: "ops", isExpired: false)
            hosts[8].name = hostile
        }
        let compose = Instance.Deployment(
            tool: .compose, group: "shop", name: "canvas", directory: "/srv/my shop")
        bench.finish { host, moment in
            switch host {
            case 0: .answer(Answer())
            case 1: .answer(moment < 8 ? .old : Answer())
            case 2:
                .answer(
                    Answer.old.with {
                        $0.tagMoved = true
                        $0.deployment = compose
                    })
            case 3: .answer(Answer.old.with { $0.deployment = compose })
            case 4: .answer(Answer(build: .rebuilt))
            case 5: .answer(Answer(state: .unhealthy))
            case 6: .none(.refused)
            case 7: .none(.timeout)
            default: .answer(Answer(build: .unlabelled))
            }
        }
        return bench
    }

    static func report(_ bench: Bench = run()) throws -> Report {
        let start = Date(timeIntervalSince1970: 1_767_225_600)
        let conclusion = try #require(bench.verification.conclusion)
        let context = ReportBuilder.Context(
            id: "20260101T000000-0badcafe", startedAt: start,
            finishedAt: start.addingTimeInterval(conclusion.at.seconds), inventorySource: "fleet.yaml",
            inventoryHash: "sha256:" + String(repeating: "0", count: 64))
        return ReportBuilder(verification: bench.verification, context: context).build(conclusion)
    }
}
