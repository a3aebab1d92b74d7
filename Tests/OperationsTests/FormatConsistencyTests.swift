import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Reports
@testable import Verdict

/// Exit code, JUnit, Markdown, annotations and outputs agree on the verdict for any fleet.
@Suite("Format consistency")
struct FormatConsistencyTests {
    /// The rules on which the formats disagree.
    private static func defects(_ report: Report) throws -> [String] {
        let isRed = report.exitCode != 0
        let junit = JUnitReport(report: report).render()
        let markdown = MarkdownReport(report: report).render()
        let commands = Annotations(report: report).commands
        let outputs = try WorkflowRunner.outputs(StepOutputs(report: report).text)
        // A missing output must break the sum; `not_asked` exists only if hosts were not asked.
        let counts =
            ["proven", "failed", "rolled_back", "unreachable", "stragglers", "ahead", "conflict"]
            .map { outputs[$0].flatMap { Int($0) } ?? -1 } + [outputs["not_asked"].flatMap { Int($0) } ?? 0]
        let gated = report.hosts.count { !$0.isWaived }
        let rules: [(String, Bool)] = [
            ("JUnit", junit.contains("<failure") == isRed),
            ("JUnit's count", junit.contains("failures=\"0\"") != isRed),
            ("JUnit's tests", !junit.contains("tests=\"0\"")),
            ("Markdown", markdown.hasPrefix("## ❌ ") == isRed),
            ("Markdown's verdict", markdown.contains("**\(report.verdict.rawValue)** (exit \(report.exitCode))")),
            ("Annotations", commands.contains { $0.level == .error } == isRed),
            ("Outputs", outputs["exit_code"] == "\(report.exitCode)" && outputs["verdict"] == report.verdict.rawValue),
            ("Outputs' counts", counts.reduce(0, +) == gated && counts[0] == report.summary.proven),
            ("Outcomes", isRed || !report.outcomes.contains(.failing)),
            ("Proven", report.outcomes.count { $0 == .proven } == report.summary.proven),
            ("A green host", !zip(report.hosts, report.outcomes).contains { $0.status != .converged && $1 == .proven }),
        ]
        return rules.filter { !$0.1 }.map(\.0)
    }

    @Test("The formats agree on every end of a simulated fleet")
    func schedules() throws {
        let first = UInt64.random(in: 0..<1 << 40)
        var seen: Set<Verdict> = []
        for seed in first..<first + 600 {
            var run = Simulation(Schedule(seed: seed))
            run.run()
            guard let conclusion = run.verification.conclusion else { continue }
            let context = ReportBuilder.Context(
                id: "1", startedAt: .distantPast, finishedAt: .distantPast, inventorySource: "", inventoryHash: "")
            let report = ReportBuilder(verification: run.verification, context: context).build(conclusion)
            seen.insert(report.verdict)
            let defects = try Self.defects(report)
            #expect(defects.isEmpty, "seed \(seed): \(defects) of \(report.verdict) \(report.hosts.map(\.status))")
            if !defects.isEmpty { return }
        }
        #expect(seen.count >= 8, "the schedules reach too few verdicts: \(seen)")
    }

    @Test("The formats agree on every verdict, even without a host that shows it", arguments: Verdict.allCases)
    func verdicts(_ verdict: Verdict) throws {
        let sample = try SampleFleet.report()
        for hosts in [sample.hosts, sample.hosts.filter { $0.status == .converged }, []] {
            for exitCode in Set([verdict.exitCode, 0]) {
                // A red exit without a reason is impossible, and must not look green.
                for reasons in [[Reason(verdict: verdict, hosts: hosts.count, message: "made up")], []] {
                    var report = sample
                    report.hosts = hosts
                    report.verdict = verdict
                    report.exitCode = exitCode
                    report.reasons = reasons
                    report.summary.proven = hosts.count { $0.status == .converged && !$0.isWaived }
                    // Most readers reject an empty test file; a green report without hosts has a case for its verdict.
                    let isMerelyEmpty = hosts.isEmpty && exitCode == 0
                    let defects = try Self.defects(report).filter { !(isMerelyEmpty && $0 == "JUnit's tests") }
                    #expect(defects.isEmpty, "\(verdict) \(exitCode) \(hosts.count): \(defects)")
                }
            }
        }
    }

    @Test("JUnit files are valid for every verdict, with and without hosts")
    func validity() async throws {
        let sample = try SampleFleet.report()
        let files = Verdict.allCases.flatMap { verdict in
            [sample.hosts, []].map { hosts in
                var report = sample
                report.verdict = verdict
                report.exitCode = verdict.exitCode
                report.reasons = [Reason(verdict: verdict, hosts: 0, message: "made up")]
                report.hosts = hosts
                return JUnitReport(report: report).render()
            }
        }
        #expect(try await XMLValidator.junitDefects(files) == "")
    }

    @Test("Tolerated hosts differ from failing ones, under a green and a red verdict")
    func tolerated() throws {
        var policy = Policy.short
        policy.maxUnreachable = .hosts(1)
        func report(_ second: Bench.Seen) throws -> Report {
            var bench = Bench(3, policy: policy)
            bench.finish { host, _ in
                switch host {
                case 0: .answer(Answer())
                case 1: second
                default: .none(.refused)
                }
            }
            return try SampleFleet.report(bench)
        }
        let green = try report(.answer(Answer()))
        #expect(green.verdict == .convergedTolerated)
        #expect(green.outcomes == [.proven, .proven, .tolerated])
        let notes = Annotations(report: green).commands
        #expect(notes.contains { $0.level == .warning && $0.title == "host-2: unreachable (tolerated)" })
        #expect(JUnitReport(report: green).render().contains("<skipped message=\"tolerated: unreachable - "))

        let red = try report(.answer(.old))
        #expect(red.verdict == .stragglers)
        #expect(zip(red.hosts, red.outcomes).first { $0.0.name == "host-2" }?.1 == .tolerated)
        #expect(zip(red.hosts, red.outcomes).first { $0.0.name == "host-1" }?.1 == .failing)
        #expect(JUnitReport(report: red).render().contains("failures=\"1\""))
    }

    @Test("Hosts that an early end left behind are undecided, not failing")
    func undecided() throws {
        var bench = Bench(4, policy: .short)
        bench.finish { host, _ in host == 0 ? .answer(Answer(build: .rebuilt)) : .answer(.old) }
        let report = try SampleFleet.report(bench)
        #expect(report.verdict == .failedDeploy)
        let outcomes = zip(report.hosts, report.outcomes).map { ($0.status, $1) }
        #expect(outcomes.contains { $0 == (.failed, .failing) })
        #expect(outcomes.count { $0 == (.pending, .undecided) } == 3)
        let xml = JUnitReport(report: report).render()
        #expect(xml.contains("failures=\"1\"") && xml.contains("not decided: pending - "))
        #expect(Annotations(report: report).commands.count == 2, "the verdict and the failed host")
    }

    @Test("A reason without hosts appears beside the hosts' own")
    func stalled() throws {
        var bench = Bench(3, policy: Policy(timeout: .seconds(60), stall: .seconds(20)))
        bench.finish { host, _ in .answer(host == 0 ? .old : Answer()) }
        let report = try SampleFleet.report(bench)
        #expect(report.reasons.map(\.verdict) == [.stalled, .stragglers])
        let xml = JUnitReport(report: report).render()
        #expect(xml.contains(#"<testcase classname="buildinfo.verdict" name="stalled""#))
        #expect(xml.contains(#"<failure type="straggler""#))
        #expect(xml.contains("failures=\"2\""))
    }

    @Test("An interruption is a test case of its own")
    func interrupted() throws {
        var bench = Bench(2, policy: .short)
        bench.poll(1...5, .old)
        bench.interrupt(signal: 15, at: 6)
        let report = try SampleFleet.report(bench)
        #expect(report.exitCode == 143)
        #expect(report.outcomes == [.undecided, .undecided])
        let xml = JUnitReport(report: report).render()
        #expect(xml.contains(#"<testcase classname="buildinfo.verdict" name="interrupted""#))
        #expect(xml.contains("failures=\"1\""))
    }
}
