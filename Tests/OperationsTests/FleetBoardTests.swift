import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Verdict

@Suite("The board of a fleet") struct FleetBoardTests {
    private static let policy = Policy(interval: .seconds(15), requestTimeout: .seconds(5), soak: .seconds(10))
    private static let service = DeployedService("canvas", in: .standard)

    /// A board with what a check knew at the end of the polls.
    private static func board(
        _ bench: Bench, start: ContinuousClock.Instant, answered moments: [Int: Double]
    ) -> FleetBoard {
        let board = FleetBoard(of: service, changes: ChangeSignal())
        board.begin(bench.verification, promotion: nil, at: start)
        for (host, moment) in moments {
            board.take(host, of: bench.verification, at: .milliseconds(Int(moment * 1_000)), isAnswer: true)
        }
        return board
    }

    @Test("A proof counts for three intervals after its observation, and is unknown then, whatever runs or hangs")
    func expiry() {
        var bench = Bench(1, policy: Self.policy, lateFrom: .zero)
        bench.poll(1...61, every: 15) { _, _ in .answer(Answer()) }
        let start = ContinuousClock.now
        let snapshot = Self.board(bench, start: start, answered: [0: 61]).snapshot
        let host = snapshot.hosts[0]
        #expect(snapshot.status(host, at: start + .seconds(106)) == .converged)
        #expect(snapshot.counts(at: start + .seconds(106)).proven == 1)
        #expect(snapshot.status(host, at: start + .seconds(107)) == nil)
        let counts = snapshot.counts(at: start + .seconds(107))
        #expect(counts.proven == 0 && counts.unknown == 1 && counts.expected == 1)
        #expect(!snapshot.isFresh(at: start + .seconds(107)))
    }

    @Test("The statuses and the unknown hosts add up to the expected ones, and waived hosts are apart")
    func sums() {
        var bench = Bench(4, policy: Self.policy, lateFrom: .zero) { hosts in
            hosts[3].waiver = Waiver(until: "2027-01-01T00:00:00Z", reason: "r", isExpired: false)
        }
        bench.poll(1...61, every: 15) { host, _ in host == 1 ? .none(.refused) : .answer(Answer()) }
        let start = ContinuousClock.now
        let snapshot = Self.board(bench, start: start, answered: [0: 61, 1: 61, 3: 61]).snapshot
        let counts = snapshot.counts(at: start + .seconds(62))
        #expect(counts.statuses == [.converged: 1, .unreachable: 1])
        #expect(counts.unknown == 1 && counts.expected == 3 && counts.waived == 1)
    }

    @Test("A round is over when every host was asked, and a fleet in which no host answers is not fresh")
    func rounds() {
        var bench = Bench(2, policy: Self.policy, lateFrom: .zero)
        bench.poll(1...61, every: 15) { host, _ in host == 1 ? .none(.refused) : .answer(Answer()) }
        let start = ContinuousClock.now
        #expect(Self.board(bench, start: start, answered: [0: 61]).snapshot.roundAt == nil)
        let both = Self.board(bench, start: start, answered: [0: 61, 1: 59]).snapshot
        #expect(both.roundAt == start + .seconds(59))
        #expect(both.isFresh(at: start + .seconds(62)), "one dead host does not make the service unready")
        var silent = Bench(1, policy: Self.policy, lateFrom: .zero)
        silent.poll(1...61, every: 15) { _, _ in .none(.refused) }
        let none = Self.board(silent, start: start, answered: [0: 61]).snapshot
        #expect(none.roundAt == start + .seconds(61))
        #expect(!none.isFresh(at: start + .seconds(62)))
    }

    @Test("After a new target, a host keeps what it served, and is compared again before it is green")
    func retargeted() {
        var bench = Bench(1, policy: Self.policy, lateFrom: .zero)
        bench.poll(1...61, every: 15) { _, _ in .answer(Answer()) }
        let start = ContinuousClock.now
        let board = Self.board(bench, start: start, answered: [0: 61])
        let before = board.snapshot
        board.begin(
            Bench(1, policy: Self.policy, lateFrom: .zero).verification, promotion: nil, at: start + .seconds(62))
        let after = board.snapshot
        #expect(after.hosts[0].gitSHA == before.hosts[0].gitSHA && after.hosts[0].gitSHA != nil)
        #expect(after.status(after.hosts[0], at: start + .seconds(63)) == .pending)
        #expect(after.counts(at: start + .seconds(63)).proven == 0)
        #expect(after.number > before.number && after.hosts[0].number > before.hosts[0].number)
    }

    @Test("An answer that says nothing new has no number of its own")
    func numbers() {
        var bench = Bench(2, policy: Self.policy, lateFrom: .zero)
        bench.poll(1...61, every: 15) { _, _ in .answer(Answer()) }
        let board = Self.board(bench, start: .now, answered: [0: 61, 1: 61])
        let before = board.snapshot
        board.take(0, of: bench.verification, at: .seconds(62), isAnswer: true)
        #expect(board.snapshot.number == before.number)
        bench.see(1, at: 63, .old)
        board.take(1, of: bench.verification, at: .seconds(63), isAnswer: true)
        let after = board.snapshot
        #expect(after.number > before.number)
        #expect(after.hosts.filter { $0.number > before.number }.map(\.name) == ["host-1"])
    }

    @Test("Without a promotion, a host that answers is pending, and one that does not is still named")
    func uncompared() {
        var bench = Bench(
            2, policy: Self.policy, target: Target(service: "canvas"), promotions: [], lateFrom: .zero)
        bench.poll(1...61, every: 15) { host, _ in host == 1 ? .none(.refused) : .answer(Answer()) }
        let start = ContinuousClock.now
        let snapshot = Self.board(bench, start: start, answered: [0: 61, 1: 61]).snapshot
        #expect(snapshot.target == nil)
        #expect(snapshot.hosts.map(\.status) == [.pending, .unreachable])
        #expect(snapshot.hosts[0].gitSHA != nil)
        #expect(snapshot.counts(at: start + .seconds(62)).proven == 0)
    }
}
