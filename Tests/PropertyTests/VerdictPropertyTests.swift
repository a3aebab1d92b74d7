import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Evidence
@testable import Verdict

/// Random fleets, faults and schedules against an oracle that knows what each host truly serves.
///
/// `BUILDINFO_PROPERTY_SEED` runs one schedule (or starts there, together with `BUILDINFO_PROPERTY_RUNS`).
@Suite("Any fleet, any fault")
struct VerdictPropertyTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["BUILDINFO_PROPERTY_SEED"].flatMap { UInt64($0) }
    private static let runs =
        environment["BUILDINFO_PROPERTY_RUNS"].flatMap { Int($0) } ?? (seed == nil ? 100_000 : 1)

    /// Counts what the schedules cover, for the tester.
    private struct Tally: Sendable {
        var verdicts: [Verdict: Int] = [:]
        var statuses: [HostStatus: Int] = [:]
        var failures: [String] = []
        var requests = 0

        mutating func add(_ other: Tally) {
            verdicts.merge(other.verdicts, uniquingKeysWith: +)
            statuses.merge(other.statuses, uniquingKeysWith: +)
            failures += other.failures
            requests += other.requests
        }
    }

    @Test("No made-up fleet is green that should not be, and every quiet one that is right becomes green")
    func anyFleet() async {
        let first = Self.seed ?? UInt64.random(in: 0..<1 << 40)
        let tally = await withTaskGroup(of: Tally.self) { group in
            for worker in 0..<2 {
                group.addTask {
                    Self.run(stride(from: first + UInt64(worker), to: first + UInt64(Self.runs), by: 2))
                }
            }
            return await group.reduce(into: Tally()) { $0.add($1) }
        }
        if !tally.failures.isEmpty {
            Issue.record(
                "\(tally.failures.count) schedules fail; the first ones:\n\(tally.failures.prefix(3).joined())")
        }
        guard Self.seed == nil, Self.runs >= 10_000 else { return }
        // A property that never meets a case does not test it.
        for verdict in Verdict.allCases where verdict != .emptyInventory && verdict != .inventoryShrunk {
            #expect(tally.verdicts[verdict, default: 0] > 0, "no schedule ends \(verdict)")
        }
        for status in HostStatus.allCases {
            #expect(tally.statuses[status, default: 0] > 0, "no host ends \(status)")
        }
        print("\(Self.runs) schedules, \(tally.requests) requests; ends:", tally.verdicts, tally.statuses)
    }

    private static func run(_ seeds: StrideTo<UInt64>) -> Tally {
        var tally = Tally()
        for seed in seeds {
            let schedule = Schedule(seed: seed)
            var run = Simulation(schedule)
            run.run()
            tally.requests += run.requests
            var violations = Judgement(run)?.violations ?? run.violations
            if seed % 64 == 0 { violations += differences(run, schedule) }
            if let verdict = run.verification.conclusion?.verdict { tally.verdicts[verdict, default: 0] += 1 }
            for track in run.verification.tracks { tally.statuses[track.status, default: 0] += 1 }
            guard !violations.isEmpty else { continue }
            tally.failures.append(tally.failures.count < 3 ? dump(run, violations) : "")
        }
        return tally
    }

    /// (d) The same run must have the same result.
    private static func differences(_ run: Simulation, _ schedule: Schedule) -> [String] {
        var again = Simulation(schedule)
        again.recording = Recording(again.verification)
        again.run()
        let isSame =
            again.verification.conclusion == run.verification.conclusion
            && again.verification.tracks.map(\.transitions) == run.verification.tracks.map(\.transitions)
        return (isSame ? [] : ["the same schedule came to another end"]) + replayed(again)
    }

    /// (e) The run's evidence must replay to the same report.
    private static func replayed(_ run: Simulation) -> [String] {
        guard let recording = run.recording, let conclusion = run.verification.conclusion else {
            return ["evidence is missing"]
        }
        do {
            let outcome = try recording.replay(conclusion)
            return outcome.report == recording.report(run.verification, conclusion)
                ? [] : ["the evidence replays to another report"]
        } catch {
            return ["the evidence does not replay: \(error)"]
        }
    }

    private static func dump(_ run: Simulation, _ violations: [String]) -> String {
        let tracks = run.verification.tracks.map { track in
            let way = track.transitions.map { "\($0.at.seconds) \($0.status.rawValue)" }.joined(separator: ", ")
            let looks = run.deliveries.filter { "host-\($0.host)" == track.host.name }
            return "  \(track.host.name): \(way)\n    looks (arrived): "
                + looks.map { "\($0.look) (\($0.arrived))" }.joined(separator: " ")
        }
        let reasons = run.verification.conclusion?.reasons.map { "\($0.verdict.rawValue): \($0.message)" } ?? []
        return """

            \(violations.joined(separator: "\n"))
            \(run.schedule)
            \(tracks.joined(separator: "\n"))
              at \(run.verification.conclusion?.at.seconds ?? -1) s: \(reasons.joined(separator: "; "))

            """
    }
}
