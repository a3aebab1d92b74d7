import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Reports
@testable import Verdict

/// No report advises a host that serves a good build to take a bad one.
@Suite("What a report advises")
struct RemedyTests {
    private static func spreads(_ text: String) -> Bool { Rollouts.areNamed(in: text) }
    private static let docker = ServiceSetup.dockerCompose
    private static let podman = ServiceSetup(
        service: "canvas", engine: .podman, deployment: .init(tool: .systemd, name: "canvas.service"),
        container: "systemd-canvas", reference: "registry.example/canvas:latest")
    private static let plain = ServiceSetup(service: "canvas")
    private static let latest = ImageTracking.moving("registry.example/canvas:latest")
    private static let old = HostReason.Served(build: "bbbbbbbbbbbb", generation: 1)
    private static let stopped = HostReason.Condition(state: .exited, instance: "canvas-1", setup: docker, exitCode: 1)

    private static let advice: [HostReason] = [
        .neverPulled(docker, latest, serves: old), .neverPulled(podman, latest, serves: .init(build: "bbbbbbbbbbbb")),
        .neverPulled(plain, .unknown, serves: old),
        .neverPulled(docker, .pinned("canvas:staging-bbbbbbb", target: "canvas@sha256:1"), serves: old),
        .pulledNotRecreated(docker, latest, serves: .init(build: "bbbbbbbbbbbb")),
        .pulledNotRecreated(podman, latest, serves: .init(build: "bbbbbbbbbbbb", condition: stopped)),
        .noInstance(service: "canvas", said: nil),
        .instancesDiffer(matching: 1, of: 2, other: "canvas-2", docker, latest), .noRegistryDigest,
        .serviceServesOther("bbbbbbbbbbbb", image: "aaaaaaaaaaaa", url: "http://127.0.0.1/"),
        .wrongImage(serves: "sha256:555555555555", lookup: .notPossible),
    ]
    private static let held: [Verdict] = [.failedDeploy, .rolledBack, .superseded]

    /// - Parameter isRecorded: as an older collector recorded it, without parts.
    private static func host(
        _ status: HostStatus, _ build: BuildFact, _ reason: HostReason, isRecorded: Bool = false
    ) -> Report.Host {
        var host = Report.Host(
            name: "host-9", url: "http://host-9:9480/buildinfo", labels: [:], status: status, waived: nil,
            reason: "", reasonCode: isRecorded ? nil : reason.code, gitSHA: Build.old.gitSHA.value, digest: nil,
            facts: HostFacts(reach: .ok, identity: .expected, build: build, runtime: .serving), attempts: 3,
            secondsToConverge: nil, lastAnswerAgeSeconds: 1, clockOffsetSeconds: nil,
            transitions: [.init(seconds: 1, status: status, reason: reason.text.finding)])
        host.explain(isRecorded ? ReasonText(recorded: reason.text.sentence) : reason.text)
        return host
    }

    private static func report(_ verdict: Verdict, _ hosts: [Report.Host]) throws -> Report {
        var report = try SampleFleet.report()
        report.hosts = report.hosts.filter { $0.status == .converged } + hosts
        report.verdict = verdict
        report.exitCode = verdict.exitCode
        report.reasons = [Reason(verdict: verdict, hosts: hosts.count, message: "made up")]
        report.settleAdvice()
        return report
    }

    @Test("A tag that was put back is not reported as a newer promotion")
    func putBack() throws {
        let tag = RetaggedImage(image: "registry.example/canvas:latest", digest: .of("9"), isFormer: true)
        var report = try Self.report(.superseded, [Self.host(.straggler, .behind, Self.advice[0])])
        #expect(report.warningAdvice?.contains("newer promotion") == true)
        report.reasons[0].code = tag.code
        let advice = try #require(report.warningAdvice)
        #expect(!advice.contains("newer promotion"))
        #expect(advice.contains("Find out who") && advice.contains("verify again") && advice.contains("rollback"))
        report.settleAdvice()
        #expect(!report.hosts.contains { Self.spreads($0.reason) })
    }

    /// The lines of every format, without those that do not depend on the hosts.
    private static func lines(_ report: Report) throws -> [String] {
        let rendered = try ReportFormat.allCases.map { String(decoding: try $0.render(report), as: UTF8.self) }
        let annotations = Annotations(report: report).commands.map(\.line).joined(separator: "\n")
        return (rendered + [annotations]).flatMap { $0.split(separator: "\n").map(String.init) }.filter {
            !$0.contains("font-") && !$0.contains("function")
        }
    }

    @Test(
        "No host is advised to take a build that failed or was replaced",
        arguments: held)
    func table(_ verdict: Verdict) throws {
        for status in HostStatus.allCases where status != .converged {
            for build in BuildFact.allCases {
                for isRecorded in [false, true] {
                    let hosts = Self.advice.map { Self.host(status, build, $0, isRecorded: isRecorded) }
                    let report = try Self.report(verdict, hosts)
                    var again = report
                    again.settleAdvice()
                    #expect(again == report)
                    for (host, was) in zip(report.hosts.suffix(Self.advice.count), Self.advice) {
                        for text in [host.reason] + host.transitions.map(\.reason) {
                            #expect(!Self.spreads(text), "\(verdict) \(status) \(build): \(text)")
                            #expect(!text.isEmpty)
                        }
                        let command = host.reasonParts?.command
                        #expect(command.map(Self.spreads) != true, "\(verdict) \(status) \(build): \(command ?? "")")
                        guard [.pending, .straggler].contains(status), build.isOther else { continue }
                        #expect(host.reason.contains("leave it"), "\(was) became \(host.reason)")
                        #expect(host.reason.contains(host.shortBuild ?? "?"), "\(was) became \(host.reason)")
                    }
                }
            }
        }
    }

    @Test("No host is advised to take a build that failed elsewhere, tolerated or not", arguments: Verdict.allCases)
    func tolerated(_ verdict: Verdict) throws {
        for status in [HostStatus.failed, .rolledBack] {
            var failed = Self.host(status, .match, .down(Self.stopped, answers: 3))
            failed.name = "bad"
            let others = Self.advice.map { Self.host(.straggler, .behind, $0) }
            var report = try Self.report(verdict, others + [failed])
            for line in try Self.lines(report) { #expect(!Self.spreads(line), "\(verdict) \(status): \(line)") }
            #expect(!report.headline.next.contains("Bring the hosts"), "\(verdict): \(report.headline.next)")
            #expect(report.actions?.contains { $0.hosts == ["bad"] } == true, "\(verdict)")
            if verdict == .stragglers || verdict == .convergedTolerated {
                report.exitCode = verdict.exitCode
                #expect(report.headline.next.contains("leave the hosts"), "\(verdict): \(report.headline.next)")
            }
            // It serves the target now: nothing speaks against it.
            failed.status = .converged
            #expect(try Self.report(.stragglers, others + [failed]).remedy == .reachTarget)
        }
    }

    @Test("Every format of a page shows a reason as it is, with its blanks", arguments: HostReason.samples)
    func whole(_ reason: HostReason) throws {
        let report = try Self.report(.stragglers, [Self.host(.straggler, .behind, reason)])
        let host = try #require(report.hosts.last)
        let page = HTMLReport(report: report).render().replacing(/<[^>]*>/, with: "")
            .replacing("&#39;", with: "'").replacing("&quot;", with: "\"").replacing("&lt;", with: "<")
            .replacing("&gt;", with: ">").replacing("&amp;", with: "&")
        #expect(page.contains(host.reason), "\(host.reason)")
        for action in report.actions ?? [] { #expect(page.contains(action.sentence), "\(action.sentence)") }
    }

    @Test("Hosts on one build share an action, whatever else is known of them")
    func oneBuild() throws {
        let report = try Self.report(
            .failedDeploy,
            [
                Self.host(.straggler, .behind, .neverPulled(Self.docker, Self.latest, serves: Self.old)),
                Self.host(
                    .straggler, .foreign, .neverPulled(Self.docker, Self.latest, serves: .init(build: "bbbbbbbbbbbb"))),
                Self.host(.straggler, .behind, .pulledNotRecreated(Self.docker, Self.latest, serves: Self.old)),
            ])
        #expect(report.actions?.map(\.sentence) == ["leave it: serves bbbbbbbbbbbb"])
        var open = try Self.report(
            .stragglers,
            [
                Self.host(.straggler, .behind, .neverPulled(Self.docker, Self.latest, serves: Self.old)),
                Self.host(.straggler, .foreign, .neverPulled(Self.docker, Self.latest, serves: .init(build: "c"))),
            ])
        open.settleAdvice()
        #expect(open.actions?.count == 1 && open.actions?.first?.note == nil)
    }

    @Test("A reason whose remedy is dropped keeps what was seen", arguments: advice)
    func seen(_ reason: HostReason) {
        let kept = reason.text.withoutRollout(reason.code)
        if reason.code != .wrongImage { #expect(kept.sentence == reason.text.finding) }
        #expect(kept.cause == reason.text.cause && kept.command == nil)
        #expect(!Self.spreads(kept.sentence), "\(kept)")
        #expect(kept.withoutRollout(reason.code) == kept)
    }

    @Test(
        "A remedy that would spread a build is known by its code, and every other one stays",
        arguments: HostReason.samples)
    func remedies(_ reason: HostReason) {
        let text = reason.text
        #expect(text.remedy.map(Self.spreads) != true || reason.code.bringsBuild, "\(text)")
        if !reason.code.bringsBuild { #expect(text.withoutRollout(reason.code) == text) }
        #expect(!Self.spreads(text.finding), "\(text)")
    }

    /// A fleet whose first host fails on the target, while the others still serve the former build in various ways.
    private static func failing(_ policy: Policy = .short, build: Build = .target) throws -> Report {
        let compose = Instance.Deployment(tool: .compose, group: "shop", name: "canvas", directory: "/srv/shop")
        var bench = Bench(5, policy: policy)
        bench.finish { host, _ in
            switch host {
            case 0: .answer(Answer(build: build, state: build == .target ? .unhealthy : .serving))
            case 1: .answer(Answer.old.with { $0.deployment = compose })
            case 2:
                .answer(
                    Answer.old.with {
                        $0.tagMoved = true
                        $0.deployment = compose
                    })
            case 3: .answer(Answer.old.with { $0.others = [Answer(container: "c2")] })
            default: .answer(Answer(state: .absent))
            }
        }
        return try SampleFleet.report(bench)
    }

    @Test("No format of a failed deploy's report tells the rest of the fleet to follow")
    func failedDeploy() throws {
        let report = try Self.failing()
        #expect(report.verdict == .failedDeploy)
        for line in try Self.lines(report) {
            #expect(!Self.spreads(line), "\(line)")
        }
        let reasons = Dictionary(uniqueKeysWithValues: report.hosts.map { ($0.name, $0.reason) })
        #expect(reasons["host-1"] == "leave it: serves bbbbbbbbbbbb (promotion no. 1)")
        #expect(
            reasons["host-2"]
                == "leave it: serves bbbbbbbbbbbb (the target's image is on the host already)")
        #expect(reasons["host-0"]?.hasSuffix("docker logs canvas-1") == true)
        let page = HTMLReport(report: report).render()
        #expect(page.contains("leave the hosts that serve the former build as they are"))
        #expect(
            page.contains("<span class=\"todo\">leave it: serves bbbbbbbbbbbb</span>"))
    }

    @Test("A wrong image fails the deploy as well, and so does one that went back")
    func otherFailures() throws {
        let wrong = try Self.failing(build: .rebuilt)
        #expect(wrong.verdict == .failedDeploy)
        for line in try Self.lines(wrong) { #expect(!Self.spreads(line), "\(line)") }

        var bench = Bench(2, policy: .short)
        bench.finish { host, moment in .answer(host == 0 && moment < 8 ? Answer() : .old) }
        let back = try SampleFleet.report(bench)
        #expect(back.verdict == .rolledBack)
        for line in try Self.lines(back) { #expect(!Self.spreads(line), "\(line)") }
    }

    @Test(
        "A report that is interrupted, or in which nothing moves, with a host that is down on the target, spreads nothing"
    )
    func cutShort() throws {
        for signal: Int32? in [2, nil] {
            var policy = Policy(timeout: .seconds(120), stall: .seconds(20), maxFailed: .hosts(3))
            policy.failAfter = signal == nil ? 3 : 50
            var bench = Bench(3, policy: policy)
            bench.poll(1...(signal == nil ? 60 : 5)) { host, _ in .answer(host == 0 ? Answer(state: .exited) : .old) }
            if let signal { bench.interrupt(signal: signal, at: 6) }
            let report = try SampleFleet.report(bench)
            #expect(report.verdict == (signal == nil ? .stalled : .interrupted))
            for line in try Self.lines(report) { #expect(!Self.spreads(line), "\(line)") }
            #expect(report.hosts.count { $0.reason.hasPrefix("leave it") } == 2)
        }
    }

    @Test("Stragglers get a remedy if nothing speaks against the target")
    func stragglers() throws {
        var bench = Bench(2, policy: .short)
        bench.finish { host, _ in .answer(host == 0 ? Answer() : .old) }
        let report = try SampleFleet.report(bench)
        #expect(report.hosts.last?.reason.contains("deploy canvas again") == true)
    }

    private static func rollback(_ verdict: Verdict?) throws -> PromotionRecord {
        PromotionRecord(
            id: "1", image: "registry.example/canvas:latest", source: "staging", formerDigest: nil, formerGitSHA: nil,
            actor: "a test", contexts: [:], pin: "CANVAS=x", steps: [],
            rollback: .init(
                message: "was put back", digest: try LedgerFixtures.digest("2"), gitSHA: Build.old.gitSHA.value,
                generation: 3,
                verification: "2", verdict: verdict))
    }

    @Test("After a rollback there is nothing to do, and no advice to roll back again")
    func rolledBack() throws {
        var report = try Self.failing()
        report.promotion = try Self.rollback(.converged)
        for host in report.hosts where host.status != .converged {
            #expect(host.reason.contains("nothing to do"), "\(host.reason)")
            #expect(host.reason.contains("bbbbbbbbbbbb"), "\(host.reason)")
        }
        for line in try Self.lines(report) {
            #expect(!Self.spreads(line), "\(line)")
            #expect(!line.lowercased().contains("roll back") && !line.contains("roll the deploy back"), "\(line)")
        }
        // A reader of a single report must learn what production serves now.
        let back = "All 5 hosts serve bbbbbbbbbbbb again, and :latest is bbbbbbbbbbbb."
        #expect(TextReport(report: report).render().contains(back))
        #expect(MarkdownReport(report: report).render().contains(back))
        #expect(Annotations(report: report).commands.contains { $0.level == .error && $0.message.contains(back) })
        let page = HTMLReport(report: report).render()
        #expect(page.contains(back))
        #expect(page.contains("<h1>Deploy of aaaaaaaaaaaa failed and was rolled back</h1>"))
        #expect(!page.contains("class=\"remedies\""))

        // A tag that was put back does not mean that the fleet has followed.
        for verdict in [Verdict.stragglers, .convergedTolerated, .unreachable, nil] {
            var unproven = try Self.failing()
            unproven.promotion = try Self.rollback(verdict)
            for line in try Self.lines(unproven) {
                #expect(!Self.spreads(line), "\(line)")
                #expect(!line.contains("fleet is back") && !line.contains("nothing to do"), "\(line)")
            }
            #expect(unproven.hosts.contains { $0.reason.hasPrefix("leave it") })
        }
    }

    @Test("Unexplained drift leaves hosts alone; an unpromoted build is not drift")
    func drift() throws {
        for kind in Drift.Finding.Kind.allCases {
            var bench = Bench(2, policy: .short)
            bench.finish { host, _ in .answer(host == 0 ? Answer() : .old) }
            var report = try SampleFleet.report(bench)
            report.drift = Drift(
                image: "registry.example/canvas:latest", tag: nil, promoted: nil, served: [], unpromoted: [],
                findings: [.init(kind: kind, message: "made up")])
            let reason = try #require(report.hosts.last?.reason)
            if kind == .unpromoted {
                #expect(reason.contains("deploy canvas again"))
            } else {
                #expect(
                    reason
                        == "leave it until the drift is explained: serves bbbbbbbbbbbb (promotion no. 1)"
                )
                for line in try Self.lines(report) { #expect(!Self.spreads(line), "\(line)") }
            }
        }
    }

    @Test("A host whose image is the target's, and whose process is the former one, is not restarted")
    func formerProcess() throws {
        var host = Self.host(.straggler, .behind, Self.advice[9])
        host.gitSHA = Build.target.gitSHA.value
        let report = try Self.report(.failedDeploy, [host])
        #expect(
            report.hosts.last?.reason
                == "the service serves bbbbbbbbbbbb, its image says aaaaaaaaaaaa: leave it as it is")
        var again = report
        again.settleAdvice()
        #expect(again == report)
    }

    @Test("Advice that is settled stays as it is", arguments: HTMLSample.allCases)
    func settled(_ sample: HTMLSample) throws {
        var report = try sample.report()
        report.settleAdvice()
        let once = report
        report.settleAdvice()
        #expect(report == once)
    }

    @Test("No made-up fleet's report spreads a build that failed, went back or was replaced")
    func schedules() throws {
        let first = UInt64.random(in: 0..<1 << 40)
        var held = 0
        for seed in first..<first + 400 {
            var run = Simulation(Schedule(seed: seed))
            run.run()
            guard let conclusion = run.verification.conclusion else { continue }
            let context = ReportBuilder.Context(
                id: "1", startedAt: .distantPast, finishedAt: .distantPast, inventorySource: "", inventoryHash: "")
            let report = ReportBuilder(verification: run.verification, context: context).build(conclusion)
            guard report.reasons.contains(where: { Self.held.contains($0.verdict) }) else { continue }
            held += 1
            for host in report.hosts {
                for text in [host.reason] + host.transitions.map(\.reason) {
                    #expect(!Self.spreads(text), "seed \(seed): \(text)")
                }
            }
        }
        #expect(held > 20, "schedules that never fail prove little")
    }
}
