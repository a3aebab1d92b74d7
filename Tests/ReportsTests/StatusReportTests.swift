import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

/// The words and exit codes of `status`.
@Suite("Reports of a status")
struct StatusReportTests {
    private static let nothing = Target(service: "canvas")

    private func report(
        _ seen: [Bench.Seen], target: Target = .promoted, isGating: Bool = false,
        edit: (inout [ExpectedHost]) -> Void = { _ in }
    ) throws -> Report {
        var bench = Bench(seen.count, target: target, isSweep: true, edit: edit)
        for (host, seen) in seen.enumerated() { bench.see(host, at: 1, seen) }
        let start = Date(timeIntervalSince1970: 1_767_225_600 + 7_200)
        let context = ReportBuilder.Context(
            id: "20260101T000000-0badcafe", startedAt: start, finishedAt: start.addingTimeInterval(1),
            inventorySource: "fleet.yaml", inventoryHash: "sha256:" + String(repeating: "0", count: 64), isSweep: true)
        let conclusion = SweepRules(bench.verification, at: .seconds(1)).conclude(isGating: isGating)
        return ReportBuilder(verification: bench.verification, context: context).build(conclusion)
    }

    @Test("Without a target, hosts show what they serve, and the missing target is mentioned once")
    func plain() async throws {
        let report = try report(
            [
                .answer(Answer()), .answer(.old), .answer(Answer(state: .starting)),
                .answer(Answer.old.with { $0.others = [Answer(container: "c2")] }),
            ], target: Self.nothing)
        #expect(report.exitCode == 0)
        #expect(report.verdict == .inconclusive)
        #expect(report.reasons.map(\.hosts) == [4])
        let text = TextReport(report: report).render()
        #expect(text.ranges(of: "nothing to compare with").count == 1, "\(text)")
        #expect(text.contains("4 of 4 hosts answered"), "\(text)")
        for word in ["unreachable", "unverifiable", "proven", "inconclusive", "usable"] {
            #expect(!text.contains(word), "\(word) in \(text)")
        }
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("host-") }.map {
            $0.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
        }
        let first = try #require(rows.first { $0[0] == "host-0" })
        #expect(
            first.prefix(6) == ["host-0", "aaaaaaaaaaaa", "sha256:111111111111", "serving", "2", "hours"], "\(text)")
        #expect(rows.contains { $0.contains("starting") })
        #expect(text.contains("its instances run different builds"), "\(text)")
        #expect(report.hosts.count { $0.reason.isEmpty } == 3)
        let json = String(decoding: try ReportFormat.json.render(report), as: UTF8.self)
        #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
        let sweep = try #require(report.sweep)
        #expect(sweep.onTarget == nil && sweep.answered == 4 && sweep.hosts == 4)
        let page = HTMLReport(report: report).render()
        #expect(page.contains("4 of 4 hosts answered"))
        #expect(!page.contains("<dt>proven"))
        #expect(MarkdownReport(report: report).render().hasPrefix("## ⚠️ status: 4 of 4 hosts answered"))
    }

    @Test("A host that is unreachable, down or without an instance stands out even without a target")
    func plainProblems() throws {
        let report = try report(
            [
                .answer(Answer()), .none(.refused), .answer(Answer(state: .restarting)),
                .answer(Answer(state: .absent)),
                .answer(Answer(service: "web")),
            ], target: Self.nothing)
        #expect(report.exitCode == 0)
        let sweep = try #require(report.sweep)
        #expect((sweep.answered, sweep.failing, sweep.unanswered) == (1, 2, 2), "\(sweep)")
        let text = TextReport(report: report).render()
        #expect(text.contains("3 of 5 hosts answered, 2 failing, 2 without a usable answer"), "\(text)")
        #expect(text.contains("canvas-1 is restarting"), "\(text)")
        #expect(text.contains("no instance of the service on the host\n"), "\(text)")
        #expect(text.contains("answers for the service 'web'"), "\(text)")
        #expect(!text.contains("docker compose"), "\(text)")
    }

    @Test("A status without a target gives no advice")
    func noAdvice() throws {
        let report = try report([.answer(Answer()), .answer(Answer(state: .exited))], target: Self.nothing)
        let text = TextReport(report: report).render()
        #expect(text.contains("exited") && !text.contains("what to do"), "\(text)")
    }

    @Test("A status says what is on target now, and has no verdict")
    func onTarget() throws {
        let report = try report([.answer(Answer()), .answer(Answer()), .answer(Answer())])
        #expect((report.exitCode, report.verdict) == (0, .inconclusive))
        let text = TextReport(report: report).render()
        #expect(text.contains("on target now: 3 of 3 hosts (one observation; run verify to prove it)"), "\(text)")
        #expect(!text.contains("inconclusive") && !text.contains("proven") && !text.contains("exit"), "\(text)")
        let page = HTMLReport(report: report).render()
        #expect(page.contains("<dt>on target</dt><dd>3<small> of 3 hosts"))
        let markdown = MarkdownReport(report: report).render()
        for word in ["Not converged", "hosts proven", "were proven", "not decided", "Convergence"] {
            #expect(!page.contains(word) && !markdown.contains(word), "\(word)")
        }
    }

    private static let kinds: [(Bench.Seen, Int32, Verdict)] = [
        (.answer(Answer()), 0, .inconclusive), (.answer(Answer(state: .starting)), 0, .inconclusive),
        (.answer(.old), 10, .stragglers), (.answer(Answer(build: .foreign)), 10, .stragglers),
        (.answer(Answer(build: .next)), 10, .stragglers),
        (.answer(Answer(state: .restarting)), 20, .failedDeploy),
        (.answer(Answer(state: .unhealthy)), 20, .failedDeploy),
        (.answer(Answer(state: .exited)), 20, .failedDeploy), (.answer(Answer(state: .paused)), 20, .failedDeploy),
        (.answer(Answer(state: .absent)), 20, .failedDeploy), (.answer(Answer(build: .rebuilt)), 20, .failedDeploy),
        (.answer(Answer(build: .mislabelled)), 20, .failedDeploy), (.none(.timeout), 30, .unreachable),
        (.none(.notBuildinfo), 30, .unreachable), (.answer(Answer(build: .unlabelled)), 30, .unreachable),
        (.answer(Answer(nonce: .missing)), 60, .identityConflict),
    ]

    private static let words: [(Bench.Seen, SweepStatus, String)] = [
        (.answer(Answer()), .onTarget, "on target"), (.answer(Answer(state: .starting)), .starting, "starting"),
        (.answer(.old), .behind, "behind"), (.answer(Answer(build: .foreign)), .behind, "behind"),
        (.answer(Answer().with { $0.others = [Answer(build: .old, container: "c2")] }), .mixed, "mixed"),
        (.answer(Answer(state: .restarting)), .failing, "failing"),
        (.answer(Answer(state: .absent)), .failing, "failing"),
        (.answer(Answer(build: .rebuilt)), .failing, "failing"), (.none(.timeout), .noAnswer, "no answer"),
        (.none(.notBuildinfo), .noAnswer, "no answer"), (.answer(Answer(build: .unlabelled)), .unknown, "unknown"),
        (.answer(Answer(nonce: .missing)), .conflict, "another host"),
    ]

    @Test("Every format has a status's own word for a host, and none that takes more than one observation")
    func words() async throws {
        for (seen, status, word) in Self.words {
            let report = try report([seen], isGating: true)
            #expect(report.hosts[0].sweep == status, "\(seen)")
            let text = TextReport(report: report).render()
            #expect(text.contains("host-0  \(word)  "), "\(text)")
            let markdown = MarkdownReport(report: report).render()
            #expect(markdown.contains("| \(word) |"), "\(markdown)")
            let page = HTMLReport(report: report).render()
            #expect(page.contains("<td><b>\(word)</b></td>"), "\(word)")
            let json = String(decoding: try ReportFormat.json.render(report), as: UTF8.self)
            #expect(json.contains("\"sweep\" : \"\(status.rawValue)\""), "\(json)")
            #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
            let body = page.replacing(/(?s)<(style|script)>.*?<\/(style|script)>|<[^>]*>/, with: "\n")
            for (format, shown) in [("text", text), ("Markdown", markdown), ("HTML", body)] {
                for verdict in ["soaking", "pending", "straggler", "stragglers", "converged", "failed_deploy"] {
                    #expect(
                        !shown.split { !$0.isLetter && $0 != "_" }.contains(Substring(verdict)),
                        "\(verdict) in \(format) of \(status): \(shown)")
                }
            }
        }
    }

    @Test("With --exit-code the exit code depends on the findings, without it it is 0")
    func exitCodes() throws {
        for (seen, code, verdict) in Self.kinds {
            let gating = try report([.answer(Answer()), seen], isGating: true)
            #expect((gating.exitCode, gating.verdict) == (code, verdict), "\(seen)")
            #expect(try report([.answer(Answer()), seen]).exitCode == 0, "\(seen)")
            // A waived host does not count.
            let waived = try report([.answer(Answer()), seen], isGating: true) {
                $0[1].waiver = Waiver(until: "2031-01-01T00:00:00Z", reason: "r", by: nil, isExpired: false)
            }
            #expect(waived.exitCode == 0, "\(seen)")
            let xml = JUnitReport(report: gating).render()
            #expect(xml.contains("failures=\"0\"") == (code == 0), "\(seen): \(xml)")
            #expect(
                !zip(gating.hosts, gating.outcomes).contains {
                    $0.facts.build.isMatch && $0.facts.runtime == .serving && $1 == .failing
                })
        }
        let all = try report([.none(.refused), .answer(.old), .answer(Answer(state: .exited))], isGating: true)
        #expect(all.exitCode == 20)
        #expect(all.reasons.map(\.verdict) == [.failedDeploy, .unreachable, .stragglers])
    }

    @Test("What to do names every failing host of a status, and they come first")
    func failingFirst() throws {
        let report = try report([
            .none(.refused), .answer(Answer(state: .restarting)), .answer(.old), .answer(Answer(build: .rebuilt)),
            .answer(Answer(state: .unhealthy)), .answer(Answer(state: .paused)), .answer(Answer(state: .absent)),
        ])
        let failing = Set(report.hosts.filter { $0.sweep == .failing }.map(\.name))
        let actions = try #require(report.actions)
        #expect(failing.count == 5)
        #expect(Set(actions.prefix { !$0.hosts.contains("host-0") }.flatMap(\.hosts)) == failing, "\(actions)")
        #expect(actions.last?.remedy == "leave it: serves bbbbbbbbbbbb", "\(actions)")
        let text = TextReport(report: report).render()
        #expect(text.matches(of: /(?i)what to do/).count == 1, "\(text)")
        #expect(text.contains("\nNext: "), "\(text)")
    }

    @Test("A status shows the engine's count of restarts, and does not warn about a promotion")
    func restarts() throws {
        let report = try report([.answer(Answer().with { $0.restarts = 12 })])
        #expect(TextReport(report: report).render().contains("its container restarted 12 times"))
        #expect(try self.report([.answer(Answer())]).hosts.allSatisfy { $0.warnings == nil })
        #expect(!report.warnings.contains { $0.contains("counts as promoting") })
    }

    @Test("A host that is down on the target keeps the advice from sending others after it")
    func spreadsNothing() throws {
        let report = try report([.answer(.old), .answer(Answer(state: .restarting))])
        #expect(
            report.hosts.contains { $0.reason == "leave it: serves bbbbbbbbbbbb (promotion no. 1)" })
    }

    @Test("No answer at all is 30 and an empty inventory is 50, in the text too")
    func noAnswers() throws {
        let silent = try report([.none(.refused), .none(.timeout)])
        #expect(silent.exitCode == 30)
        #expect(TextReport(report: silent).render().contains("exit 30: 2 hosts gave no usable answer"))
        let empty = try report([])
        #expect((empty.exitCode, empty.verdict) == (50, .emptyInventory))
        #expect(TextReport(report: empty).render().contains("empty_inventory (exit 50): the inventory is empty"))
    }
}
