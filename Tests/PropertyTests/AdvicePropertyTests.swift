import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Evidence
@testable import Reports
@testable import Verdict

/// Random fleets whose containers were started in random ways, by tools and with names of any kind.
@Suite("Any fleet's advice")
struct AdvicePropertyTests {
    private static let runs = 2_000

    private static func dress(_ seed: UInt64) -> @Sendable (Int, inout Document) -> Void {
        { host, document in
            var random = SplitMix64(seed: seed &+ UInt64(host) &* 7_919)
            func name(_ random: inout SplitMix64) -> String? {
                random.chance(20) ? nil : random.chance(30) ? random.pick(from: HostileNames.all) : "canvas"
            }
            if random.chance(40) { document.engine?.name = .podman }
            if random.chance(10) { document.engine = nil }
            for index in document.instances.indices {
                document.instances[index].name = name(&random) ?? "canvas-1"
                document.instances[index].image.reference = random.pick(
                    from: [
                        "registry.example/canvas:latest", "registry.example/canvas:staging-bbbbbbbb", "canvas:1.2.3",
                        "registry.example/canvas@\(Digest.of("2"))", random.pick(from: HostileNames.all),
                    ])
                document.instances[index].error = random.chance(20) ? random.pick(from: HostileNames.all) : nil
                document.instances[index].healthOutput = random.chance(20) ? random.pick(from: HostileNames.all) : nil
                guard random.chance(80) else { continue }
                let tools: [Instance.Deployment.Tool] = [
                    .compose, .swarm, .kamal, .nomad, .kubernetes, .systemd, .direct, .other,
                ]
                document.instances[index].deployment = Instance.Deployment(
                    tool: random.pick(from: tools), group: name(&random), name: name(&random),
                    directory: name(&random).map { "/srv/\($0)" },
                    files: random.chance(30) ? [name(&random) ?? "-"] : [])
            }
        }
    }

    private static func report(_ run: Simulation, _ conclusion: Conclusion) -> Report {
        let context = ReportBuilder.Context(
            id: "1", startedAt: .distantPast, finishedAt: .distantPast, inventorySource: "", inventoryHash: "")
        return ReportBuilder(verification: run.verification, context: context).build(conclusion)
    }

    @Test(
        "No host on a good build is told to deploy while the build failed, went back, was replaced or drifts unexplained"
    )
    func advice() throws {
        let first = UInt64.random(in: 0..<1 << 40)
        var (held, commands, tolerated) = (0, 0, 0)
        for seed in first..<first + UInt64(Self.runs) {
            var run = Simulation(Schedule(seed: seed))
            run.dress = Self.dress(seed)
            if seed % 32 == 0 { run.recording = Recording(run.verification) }
            run.run()
            guard let conclusion = run.verification.conclusion else { continue }
            if let recording = run.recording {
                let replayed = try recording.replay(conclusion).report
                #expect(replayed == recording.report(run.verification, conclusion), "seed \(seed): another replay")
            }
            var report = Self.report(run, conclusion)
            if seed % 4 == 0 {
                report.drift = Drift(
                    image: "registry.example/canvas:latest", tag: nil, promoted: nil, served: [], unpromoted: [],
                    findings: [.init(kind: .tagMoved, message: "made up")])
            }
            let texts = report.hosts.map(\.reason) + (report.actions ?? []).map(\.sentence)
            let all = report.hosts.compactMap(\.reasonParts?.command) + (report.actions ?? []).compactMap(\.command)
            for command in all {
                commands += 1
                #expect(!ShellWords(command).isUnsafe, "seed \(seed): \(command)")
            }
            for text in texts { #expect(text == Sanitizer.singleLine(text, limit: 2_048), "seed \(seed): \(text)") }
            Self.check(report, seed)
            let failed = report.hosts.filter { Self.speaksAgainst($0) }.map(\.name)
            if !failed.isEmpty {
                if [.stragglers, .unreachable, .convergedTolerated].contains(report.verdict) { tolerated += 1 }
                #expect(report.remedy != .reachTarget, "seed \(seed): \(failed) failed")
                #expect(!report.headline.next.contains("Bring the hosts"), "seed \(seed): \(report.headline.next)")
                let named = Set((report.actions ?? []).flatMap(\.hosts))
                #expect(named.isSuperset(of: failed), "seed \(seed): \(failed)")
            }
            guard report.remedy != .reachTarget else { continue }
            held += 1
            for text in texts + all {
                // Names of hosts' own choice may contain any word.
                #expect(!Rollouts.areNamed(in: text), "seed \(seed): \(text)")
            }
        }
        #expect(
            held > Self.runs / 10 && tolerated > Self.runs / 200 && commands > Self.runs / 10,
            "\(held), \(tolerated) and \(commands) of \(Self.runs) prove little")
    }

    /// True if a host in the gate failed on the target, or went back from it.
    private static func speaksAgainst(_ host: Report.Host) -> Bool {
        guard host.waived.map(\.expired) ?? true else { return false }
        let isDown = host.facts.reach == .ok && host.facts.build.isMatch && host.facts.runtime.isDown
        return host.status == .failed || host.status == .rolledBack || isDown && host.status != .converged
    }

    /// Every host with a remedy is in exactly one action, with its own remedy or one that refers to it.
    private static func check(_ report: Report, _ seed: UInt64) {
        var actions: [String: Report.Action] = [:]
        for action in report.actions ?? [] {
            for host in action.hosts {
                #expect(actions.updateValue(action, forKey: host) == nil, "seed \(seed): \(host) is in two actions")
            }
        }
        guard case .done = report.remedy else {
            for host in report.hosts where host.status != .converged && !host.isWaived {
                let action = actions.removeValue(forKey: host.name)
                guard let remedy = host.explanation.remedy else {
                    #expect(action == nil, "seed \(seed): \(host.name)")
                    continue
                }
                #expect(
                    action?.remedy == remedy || action?.remedy.contains("each host's reason") == true,
                    "seed \(seed): \(host.name): \(remedy)")
            }
            #expect(actions.isEmpty, "seed \(seed): \(actions.keys)")
            return
        }
        #expect(report.actions == nil, "seed \(seed)")
    }
}
