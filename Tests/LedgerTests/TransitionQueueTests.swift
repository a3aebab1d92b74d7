import Shared
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("Transitions that wait for a slow disk")
struct TransitionQueueTests {
    private static func change(_ host: Int, _ step: Int) -> HostChange {
        HostChange(
            host: host,
            transition: .init(at: .seconds(step), status: step % 2 == 0 ? .soaking : .flapping, reason: .onTarget))
    }

    @Test("Beyond the limit, transitions are left out, and the later ones keep their numbers")
    func limit() {
        let queue = TransitionQueue(limit: 3)
        queue.add((0..<5).map { Self.change(0, $0) })
        #expect(queue.next().map(\.number) == [0, 1, 2])
        queue.add([Self.change(0, 5), Self.change(1, 6)])
        let rest = queue.next()
        #expect(rest.map(\.number) == [5, 0])
        #expect(rest.map(\.change.host) == [0, 1])
        #expect(queue.lost == 0)
        // A host's state, and so its report, keeps the first and the latest of so many transitions.
        queue.add((6..<HostTracker.maximumTransitions).map { Self.change(0, $0) })
        #expect(queue.lost == 2 + HostTracker.maximumTransitions - 6 - 3)
    }

    @Test("The end of the verification writes the transitions that were left out")
    func end() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let ledger = try await Ledger.open(path: "\(folder.path)/ledger.db")
        let run = LedgerFixtures.run("one", sha: try LedgerFixtures.sha("1"), hosts: ["a"])
        let start = try await ledger.begin(run)
        var report = try LedgerFixtures.report(run, generation: start.generation)
        report.hosts[0].transitions = (0..<9).map {
            .init(
                seconds: Double($0), status: $0 % 2 == 0 ? .soaking : .flapping, reason: "on the target",
                reasonCode: .onTarget)
        }
        // What a queue with a limit passes on.
        let written = [0, 1, 5, 8].map {
            RecordedTransition(host: 0, number: $0, transition: report.hosts[0].transitions[$0])
        }
        try await ledger.append(written, to: start.verification)
        try await ledger.finish(report)
        #expect(try await ledger.report("one", now: LedgerFixtures.now) == report)
    }
}
