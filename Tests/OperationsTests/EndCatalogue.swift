import CollectorSupport
import Foundation
import Gate
import Registry
import Shared

@testable import CollectorFixtures
@testable import Operations
@testable import Reports
@testable import Verdict

/// One example of every way in which a run can end.
///
/// The target is commit `a…`, promotion no. 2; `b…` is the former build.
enum EndCatalogue {
    /// The name of a golden file, and the end.
    struct Entry: Sendable, CustomStringConvertible {
        let name: String
        let make: @Sendable () throws -> Report

        var description: String { name }

        init(_ name: String, _ make: @escaping @Sendable () throws -> Report) {
            self.name = name
            self.make = make
        }
    }

    typealias Seen = @Sendable (_ host: Int, _ moment: Double) -> Bench.Seen

    /// - Parameter promotion: nil for `verify`.
    static func report(
        hosts: Int = 3, policy: Policy = .short, target: Target = .promoted, promotions: [Promotion] = .upToTarget,
        watchesTag: Bool = false, promotion: PromotionRecord? = record(),
        edit: (inout [ExpectedHost]) -> Void = { _ in }, drive: (inout Bench) -> Void = { _ in },
        seen: Seen = everywhere(Answer())
    ) throws -> Report {
        var target = target
        target.image = "registry.example/canvas:latest"
        var bench = Bench(
            hosts, policy: policy, target: target, promotions: promotions, watchesTag: watchesTag, edit: edit)
        drive(&bench)
        bench.finish(seen)
        var report = try SampleFleet.report(bench)
        report.promotion = promotion
        return report
    }

    static func record(
        kind: JournalEntry.Kind? = nil, effect: PromotionRecord.Outcome = .moved, former: Build? = .old,
        digest: Digest? = Build.target.shown, rollback: PromotionRecord.Rollback? = nil
    ) -> PromotionRecord {
        PromotionRecord(
            id: "20260101T000000-0badcafe", kind: kind, image: "registry.example/canvas:latest", source: "staging-a",
            digest: digest, isMoved: effect == .moved, outcome: effect, formerDigest: former?.shown,
            formerGitSHA: former?.gitSHA.value, actor: "octocat (team/canvas, deploy, run 12)", contexts: [:], pin: "",
            steps: [], rollback: rollback)
    }

    /// The rollback to the former build, whose verification saw these hosts.
    private static func rolledBack(_ seen: Seen) throws -> PromotionRecord.Rollback {
        var target = Target.promoted
        (target.gitSHA, target.digest, target.generation) = (Build.old.gitSHA.value, Build.old.shown, 3)
        var promotions = [Promotion].upToTarget
        promotions.append(
            Promotion(
                generation: 3, gitSHA: target.gitSHA, digest: target.digest, at: "2026-01-01T00:00:00Z",
                change: .rollback))
        let verified = try report(target: target, promotions: promotions, promotion: nil, seen: seen)
        return PromotionRecord.Rollback(
            message: "put back", digest: target.digest, gitSHA: target.gitSHA, generation: 3, verification: "2",
            verdict: verified.verdict, serving: Serving(verified), outcome: .moved)
    }

    private static func everywhere(_ answer: Answer) -> Seen { { _, _ in .answer(answer) } }

    private static func first(_ first: Bench.Seen, others: Answer) -> Seen {
        { host, _ in host == 0 ? first : .answer(others) }
    }

    private static let crashing = first(.answer(Answer(state: .unhealthy)), others: .old)
    private static let behind = first(.answer(.old), others: Answer())

    /// A verification that was refused before a host was asked.
    private static func refused(_ reason: Reason, hosts: Int, exitCode: Int32? = nil) throws -> Report {
        let bench = Bench(hosts)
        let start = Date(timeIntervalSince1970: 1_767_225_600)
        let context = ReportBuilder.Context(
            id: "20260101T000000-0badcafe", startedAt: start, finishedAt: start, inventorySource: "fleet.yaml",
            inventoryHash: "sha256:" + String(repeating: "0", count: 64))
        return ReportBuilder(verification: bench.verification, context: context).build(
            Conclusion(
                verdict: reason.verdict, exitCode: exitCode ?? reason.verdict.exitCode, reasons: [reason], at: .zero))
    }

    private static let newer = Promotion(
        generation: 3, gitSHA: .of("c"), digest: .of("3"), at: "2026-01-01T00:01:00Z", change: .promotion)

    // MARK: - Ends with a report

    static let reports = green + red + rollbacks + replaced + unverified + others

    private static let green: [Entry] = [
        Entry("converged") { try report() },
        Entry("converged-one-host") { try report(hosts: 1) },
        Entry("converged-two-hosts") { try report(hosts: 2) },
        Entry("converged-verify") { try report(promotion: nil) },
        Entry("converged-again") { try report(promotion: record(effect: .unchanged, former: .target)) },
        Entry("converged-first") { try report(promotion: record(former: nil)) },
        Entry("converged-environment-links") {
            var green = try report()
            green.target.environment = EnvironmentName("production") ?? .standard
            green.origin = ReportOrigin(
                run: "https://forge.example/team/canvas/actions/runs/12",
                commit: "https://forge.example/team/canvas/commit/\(GitSHA.of("a"))",
                comparison: "https://forge.example/team/canvas/compare/\(GitSHA.of("b"))...\(GitSHA.of("a"))",
                offset: 3_600)
            return green
        },
        Entry("tolerated") {
            try report(
                policy: Policy(timeout: .seconds(60), stall: .seconds(600), maxStragglers: .hosts(1)), seen: behind)
        },
        Entry("waived") {
            try report(
                edit: {
                    $0[0].waiver = Waiver(
                        until: "2031-01-01T00:00:00Z", reason: "disk swap", by: "ops", isExpired: false)
                }, seen: first(.none(.refused), others: Answer()))
        },
    ]

    private static let red: [Entry] = [
        Entry("stragglers") { try report(seen: behind) },
        Entry("stragglers-all") { try report(seen: everywhere(.old)) },
        Entry("stalled") { try report(policy: Policy(timeout: .seconds(60), stall: .seconds(20)), seen: behind) },
        Entry("failed") { try report(seen: crashing) },
        Entry("failed-wrong-image") { try report(seen: first(.answer(Answer(build: .rebuilt)), others: .old)) },
    ]

    private static let rollbacks: [Entry] = [
        Entry("failed-rolled-back") {
            let back = try rolledBack(everywhere(.old))
            return try report(promotion: record(rollback: back), seen: crashing)
        },
        Entry("failed-rollback-not-followed") {
            let back = try rolledBack(first(.answer(Answer()), others: .old))
            return try report(promotion: record(rollback: back), seen: crashing)
        },
        Entry("failed-rollback-unreachable") {
            let back = try rolledBack(first(.none(.timeout), others: .old))
            return try report(promotion: record(rollback: back), seen: crashing)
        },
        Entry("failed-rollback-not-verified") {
            let back = PromotionRecord.Rollback(
                message: "put back, not verified", digest: Build.old.shown, gitSHA: Build.old.gitSHA.value,
                generation: 3, outcome: .moved)
            return try report(promotion: record(rollback: back), seen: crashing)
        },
        Entry("failed-no-rollback-target") {
            try report(promotion: record(rollback: .init(message: "no build", outcome: .unchanged)), seen: crashing)
        },
        Entry("failed-rollback-held") {
            var held = PromotionRecord.Rollback(message: "not put back: the kill switch is on", outcome: .unchanged)
            held.obstacle = .killSwitch
            return try report(promotion: record(rollback: held), seen: crashing)
        },
        Entry("failed-rollback-no-registry") {
            var held = PromotionRecord.Rollback(message: "not put back: the registry is down", outcome: .unchanged)
            held.obstacle = .registry
            return try report(promotion: record(rollback: held), seen: crashing)
        },
        Entry("failed-rollback-unknown") {
            try report(promotion: record(rollback: .init(message: "lost answer", outcome: .unknown)), seen: crashing)
        },
    ]

    private static let replaced: [Entry] = [
        Entry("rolled-back-hosts") {
            let seen: Seen = { host, moment in host == 0 && moment < 8 ? .answer(Answer()) : .answer(Answer.old) }
            return try report(seen: seen)
        },
        Entry("unreachable") { try report(seen: first(.none(.refused), others: Answer())) },
        Entry("unreachable-all") { try report(seen: { _, _ in .none(.timeout) }) },
        Entry("unverifiable") { try report(seen: first(.answer(Answer(build: .local)), others: Answer())) },
        Entry("inconclusive") {
            let seen: Seen = { host, moment in
                if moment > 4, host > 0 { return .none(.refused) }
                return host == 0 ? .answer(Answer.old) : .answer(Answer())
            }
            return try report(hosts: 6, seen: seen)
        },
        Entry("superseded") {
            try report(
                drive: { bench in
                    bench.poll(1...3, behind)
                    bench.learn([Promotion].upToTarget + [newer], at: 4)
                }, seen: first(.answer(Answer(build: .next, container: "c3")), others: Answer()))
        },
        Entry("superseded-ok") {
            var policy = Policy.short
            policy.supersededOK = true
            return try report(
                policy: policy, drive: { $0.learn([Promotion].upToTarget + [newer], at: 1) },
                seen: everywhere(Answer(build: .next, container: "c3")))
        },
        Entry("put-back") {
            try report(
                watchesTag: true,
                drive: {
                    $0.poll(1...3, Answer())
                    $0.learn(
                        moved: RetaggedImage(
                            image: "registry.example/canvas:latest", digest: .of("2"), gitSHA: .of("b"), isFormer: true
                        ), at: 4)
                }, seen: everywhere(.old))
        },
        Entry("tag-moved") {
            try report(
                watchesTag: true,
                drive: {
                    $0.poll(1...3, Answer())
                    $0.learn(
                        moved: RetaggedImage(
                            image: "registry.example/canvas:latest", digest: .of("4"), gitSHA: .of("d")), at: 4)
                })
        },
        Entry("conflict") {
            try report(seen: first(.answer(Answer(nonce: .another)), others: Answer()))
        },
    ]

    private static let unverified: [Entry] = [
        Entry("empty") {
            try refused(
                Reason(verdict: .emptyInventory, code: .inventoryEmpty, hosts: 0, message: "the inventory is empty"),
                hosts: 0)
        },
        Entry("empty-allowed") {
            try refused(
                Reason(verdict: .emptyInventory, code: .inventoryEmpty, hosts: 0, message: "the inventory is empty"),
                hosts: 0, exitCode: 0)
        },
        Entry("shrunk") {
            try refused(
                Reason(
                    verdict: .inventoryShrunk, code: .inventoryShrunk, hosts: 3,
                    message: "3 hosts are expected, and there were 10 last time"), hosts: 3)
        },
        Entry("interrupted-before-gate") {
            try interrupted(record(effect: .unchanged, former: nil, digest: nil))
        },
        Entry("interrupted-before-move") {
            try interrupted(record(effect: .unchanged))
        },
        Entry("interrupted-in-move") {
            try interrupted(record(effect: .unknown))
        },
        Entry("interrupted-after-move") {
            try interrupted(record())
        },
        Entry("interrupted-in-verification") {
            try report(drive: { bench in
                bench.poll(1...5, behind)
                bench.interrupt(signal: 15, at: 6)
            })
        },
    ]

    private static let others: [Entry] = [
        Entry("rollback-converged") { try report(promotion: record(kind: .rollback, former: .next)) },
        Entry("rollback-already") {
            try report(promotion: record(kind: .rollback, effect: .unchanged, former: .target))
        },
        Entry("rollback-stragglers") { try report(promotion: record(kind: .rollback, former: .next), seen: behind) },
        Entry("rollback-failed") { try report(promotion: record(kind: .rollback, former: .next), seen: crashing) },
        Entry("report-not-written") {
            var green = try report()
            green.exitCode = 69
            green.warnings.append("cannot write the report to 'report.html' (No space left on device)")
            return green
        },
    ]

    private static func interrupted(_ promotion: PromotionRecord) throws -> Report {
        var bench = Bench(3, policy: .short)
        bench.interrupt(signal: 15, at: 0)
        var report = try SampleFleet.report(bench)
        report.promotion = promotion
        return report
    }

    // MARK: - Ends without a report

    private static let still = "nothing was changed: registry.example/canvas:latest is still bbbbbbbbbbbb"

    static let commands: [(name: String, end: CommandEnd)] = [
        (
            "refused-ci",
            refusal(GateError.refused("CI of aaaaaaaaaaaa is not green: test: failure", by: .ci))
        ),
        (
            "refused-kill-switch",
            refusal(
                GateError.refused(
                    "promotion held: the kill switch is on: env:PROD_AUTO_DEPLOY_DISABLED", by: .killSwitch))
        ),
        (
            "refused-kill-switch-unreadable",
            refusal(GateError.refused("promotion held: the kill switch cannot be checked", by: .unreadableKillSwitch))
        ),
        (
            "refused-branch",
            refusal(GateError.refused("commit aaaaaaaaaaaa is not in the history of main", by: .branch))
        ),
        (
            "refused-ancestry",
            refusal(
                GateError.refused(
                    "cannot check that aaaaaaaaaaaa is newer than bbbbbbbbbbbb: give --forge, or --skip-ancestry to skip this check",
                    by: .unknownAncestry))
        ),
        (
            "refused-not-descendant",
            refusal(
                GateError.refused(
                    "commit aaaaaaaaaaaa does not descend from bbbbbbbbbbbb, the current build: give --allow-rollback to promote "
                        + "it anyway", by: .ancestry))
        ),
        ("refused-image-missing", refusal(RegistryError.absent("registry.example/canvas:staging-a", .tag))),
        ("refused-registry-denied", refusal(RegistryError.denied("registry.example/canvas:staging-a", reason: "401"))),
        ("refused-newer-commit", refusal(GateError.superseded("commit aaaaaaaaaaaa is superseded"))),
        ("refused-contested", failure(.promote, 41, "another writer moves the tag", nil)),
        (
            "refused-superseded",
            failure(.promote, 40, "commit bbbbbbbbbbbb was promotion no. 1, and no. 2 followed it", still)
        ),
        (
            "refused-superseded-ok",
            CommandEnd(
                .promote, .superseded, exitCode: 0, effect: .unchanged,
                message: "commit bbbbbbbbbbbb was promotion no. 1, and no. 2 followed it", tag: still)
        ),
        ("not-shown", failure(.promote, 69, "the registry acknowledged the change, but the tag does not show it", nil)),
        ("unavailable", failure(.promote, 69, "the registry cannot be reached", still)),
        ("inventory", failure(.promote, 50, "not promoting a build that could not be verified", still)),
        (
            "usage-promote",
            failure(.promote, 64, "invalid --to 'v1': this tag never moves", "nothing was changed: no tag was written")
        ),
        ("usage-verify", failure(.verify, 64, "cannot read --fleet '/nonexistent'", nil)),
        ("usage-rollback", failure(.rollback, 64, "no build is left to roll back to", still)),
        ("unavailable-verify", failure(.verify, 69, "the registry cannot be reached", nil)),
        (
            "internal-error",
            CommandEnd(.promote, exitCode: 1, message: "internal error: made up", unchanged: nil)
        ),
        (
            "interrupted-no-verify",
            CommandEnd(
                .promote, .interrupted, exitCode: 143, effect: .moved, message: "interrupted after the tag was moved")
        ),
        (
            "dry-run",
            CommandEnd(
                .promote, .dryRun, exitCode: 0, effect: .unchanged,
                message: "would move registry.example/canvas:latest to aaaaaaaaaaaa", tag: still)
        ),
        (
            "no-verify",
            CommandEnd(
                .promote, .notVerified, exitCode: 0, effect: .moved,
                message: "aaaaaaaaaaaa is promotion no. 2 of canvas; no host was asked (--no-verify)",
                tag: "registry.example/canvas:latest is aaaaaaaaaaaa")
        ),
        (
            "ci-red",
            CommandEnd(
                .waitCI, exitCode: 41, message: "CI of aaaaaaaaaaaa is not green: test: failure", unchanged: nil,
                error: GateError.refused("CI of aaaaaaaaaaaa is not green: test: failure", by: .ci))
        ),
        (
            "ci-green",
            CommandEnd(.waitCI, .green, exitCode: 0, effect: .unchanged, message: "aaaaaaaaaaaa: 1 of 1 contexts green")
        ),
    ]

    private static func refusal(_ error: any ExitCoded) -> CommandEnd {
        CommandEnd(
            .promote,
            PromotionFailure(
                reason: error, effect: .unchanged, message: still, object: "of aaaaaaaaaaaa to :latest in production",
                tagBuild: "\(GitSHA.of("b"))"))
    }

    private static func failure(
        _ command: CommandEnd.Command, _ code: Int32, _ message: String, _ unchanged: String?
    ) -> CommandEnd {
        CommandEnd(command, exitCode: code, message: message, unchanged: unchanged)
    }
}
