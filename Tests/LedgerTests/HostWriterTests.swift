import Foundation
import GRDB
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("Writing the end of a verification")
struct HostWriterTests {
    private func withLedger(_ body: (Ledger) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await body(try await Ledger.open(path: "\(folder.path)/ledger.db"))
    }

    private func transitions(
        _ count: Int, using random: inout SplitMix64
    ) -> [Report.Host.Transition] {
        (0..<count).map { number in
            .init(
                seconds: Double(number) + Double(random.pick(0, 3)) / 4,
                status: HostStatus.allCases[random.pick(0, HostStatus.allCases.count - 1)],
                reason: "reason \(random.pick(0, 5))",
                reasonCode: random.chance(50) ? .onTarget : nil)
        }
    }

    /// The rows that the collector might have recorded before the end: fewer, more, or other ones than the report has.
    private func recorded(
        _ transitions: [Report.Host.Transition], of host: Int, using random: inout SplitMix64
    ) -> [RecordedTransition] {
        var rows = transitions.prefix(random.pick(0, transitions.count)).enumerated().map { number, transition in
            var transition = transition
            if random.chance(20) { transition.seconds += 0.125 }
            if random.chance(20) { transition.status = .flapping }
            return RecordedTransition(host: host, number: number, transition: transition)
        }
        if random.chance(20), !rows.isEmpty { rows.remove(at: random.pick(0, rows.count - 1)) }
        if random.chance(30) {
            for number in transitions.count..<(transitions.count + random.pick(1, 3)) {
                rows.append(
                    RecordedTransition(
                        host: host, number: number, transition: .init(seconds: 99, status: .flapping, reason: "extra")))
            }
        }
        return rows
    }

    @Test("Whatever was recorded while it ran, the report is read back as it was", arguments: 0..<40)
    func readBack(seed: Int) async throws {
        var random = SplitMix64(seed: UInt64(seed))
        let names = (0..<random.pick(1, 30)).map { "host-\($0)" }
        let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"), hosts: names)
        var report = try LedgerFixtures.report(run, generation: 1)
        var recordings: [RecordedTransition] = []
        for (index, var host) in report.hosts.enumerated() {
            let position = names.count - 1 - index
            host.labels = random.chance(50) ? ["zone": "eu", "rack": "\(random.pick(0, 3))"] : ["id": host.name]
            if random.chance(10) { host.labels = [:] }
            if random.chance(30) { host.warnings = ["clock of \(host.name)"] }
            if random.chance(30) { host.project = "canvas" }
            host.transitions = transitions(random.pick(0, 6), using: &random)
            // The reason of an equal transition stays as it was recorded, so only such rows are recorded.
            recordings += recorded(host.transitions, of: position, using: &random)
            report.hosts[index] = host
        }
        report.hosts.shuffle(using: &random)
        // Hosts that the frozen inventory did not list come last.
        for number in 0..<random.pick(0, 3) {
            var host = report.hosts[0]
            host.name = "added-\(number)"
            host.waived = .init(until: "2026-12-01T00:00:00Z", reason: "w", by: "me", expired: false)
            report.hosts.insert(host, at: random.pick(0, report.hosts.count))
        }
        // As every report that a verification ends with.
        report.settleAdvice()
        try await withLedger { [report, recordings] ledger in
            let start = try await ledger.begin(run)
            try await ledger.append(recordings, to: start.verification)
            for _ in 0..<2 {
                try await ledger.finish(report)
                #expect(try await ledger.report("one", now: LedgerFixtures.now) == report)
            }
        }
    }

    @Test("A host keeps every recorded transition if its report has only the first and the latest")
    func shortened() async throws {
        let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"), hosts: ["a", "b"])
        var report = try LedgerFixtures.report(run, generation: 1)
        let all = (0..<(HostTracker.maximumTransitions + 50)).map {
            Report.Host.Transition(seconds: Double($0), status: $0 % 2 == 0 ? .soaking : .flapping, reason: "\($0)")
        }
        let index = try #require(report.hosts.firstIndex { $0.name == "a" })
        report.hosts[index].transitions = Array(all.prefix(HostTracker.maximumTransitions))
        try await withLedger { [report] ledger in
            let start = try await ledger.begin(run)
            try await ledger.append(
                all.enumerated().map { RecordedTransition(host: 0, number: $0, transition: $1) }, to: start.verification
            )
            try await ledger.finish(report)
            let hosts = try await ledger.report("one", now: LedgerFixtures.now).hosts
            #expect(hosts.first { $0.name == "a" }?.transitions == all)
            #expect(hosts.first { $0.name == "b" } == report.hosts.first { $0.name == "b" })
        }
    }

    @Test("The end writes one row for each host, and no transition that is recorded")
    func writes() async throws {
        let names = (0..<200).map { "host-\($0)" }
        let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"), hosts: names)
        let report = try LedgerFixtures.report(run, generation: 1)
        try await withLedger { ledger in
            let start = try await ledger.begin(run)
            let recorded = report.hosts.reversed().enumerated().flatMap { position, host in
                host.transitions.enumerated().map { RecordedTransition(host: position, number: $0, transition: $1) }
            }
            try await ledger.append(recorded, to: start.verification)
            let before = try await ledger.write { $0.totalChangesCount }
            try await ledger.finish(report)
            let after = try await ledger.write { $0.totalChangesCount }
            // Besides the hosts: the verification, its outcomes, and the list of its hosts.
            #expect(after - before == names.count + 3)
            #expect(try await ledger.report("one", now: LedgerFixtures.now) == report)
        }
    }

    @Test("The recorder keeps the order of more transitions than it writes at a time")
    func batches() async throws {
        let names = (0..<300).map { "host-\($0)" }
        let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"), hosts: names)
        try await withLedger { ledger in
            var gone = ProcessIdentity.current()
            gone.boot = "earlier"
            let start = try await ledger.begin(run, process: gone)
            let recorder = LedgerRecorder(ledger: ledger, verification: start.verification)
            let verification = Verification(
                target: Target(service: "canvas", gitSHA: run.target.gitSHA), hosts: run.hosts, policy: Policy())
            for turn in 0..<4 {
                let changes = (0..<3_100).map { step in
                    HostChange(
                        host: step % names.count,
                        transition: .init(
                            at: .seconds(turn * 3_100 + step), status: .soaking, reason: .onTarget))
                }
                recorder.turned(changes, of: verification, at: .zero)
            }
            #expect(await recorder.drain() == nil)
            let hosts = try await ledger.report("one", now: LedgerFixtures.now).hosts
            #expect(hosts.reduce(0) { $0 + $1.transitions.count } == 12_400)
            #expect(hosts.allSatisfy { $0.transitions.map(\.seconds) == $0.transitions.map(\.seconds).sorted() })
        }
    }

    private static func changes(_ host: Int, _ count: Int) -> [HostChange] {
        (0..<count).map {
            HostChange(host: host, transition: .init(at: .seconds($0), status: .soaking, reason: .onTarget))
        }
    }

    @Test("The end of a verification takes over the changes that a report has, and no others")
    func takenOver() {
        let queue = TransitionQueue()
        var texts = ReasonTexts()
        queue.add(Self.changes(0, 10))
        #expect(queue.take(&texts).count == 10)
        // A report drops some of very many.
        queue.add(Self.changes(0, HostTracker.maximumTransitions - 10))
        queue.add(Self.changes(1, HostTracker.maximumTransitions - 1))
        queue.add(Self.changes(2, 1))
        queue.leaveTheRest()
        let rest = queue.take(&texts)
        #expect(rest.map(\.host) == Array(repeating: 0, count: HostTracker.maximumTransitions - 10))
        #expect(rest.map(\.number) == Array(10..<HostTracker.maximumTransitions))
        #expect(queue.take(&texts).isEmpty)
    }

    @Test("Changes that the recorder leaves to the end of the verification are recorded with it")
    func leftToTheEnd() async throws {
        let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"))
        try await withLedger { ledger in
            let start = try await ledger.begin(run)
            let report = try LedgerFixtures.report(run, generation: start.generation)
            let recorder = LedgerRecorder(ledger: ledger, verification: start.verification)
            let verification = Verification(
                target: Target(service: "canvas", gitSHA: run.target.gitSHA), hosts: run.hosts, policy: Policy())
            for host in run.hosts.indices { recorder.turned(Self.changes(host, 2), of: verification, at: .zero) }
            #expect(await recorder.end() == nil)
            try await ledger.finish(report)
            #expect(try await ledger.report("one", now: LedgerFixtures.now) == report)
        }
    }
}
