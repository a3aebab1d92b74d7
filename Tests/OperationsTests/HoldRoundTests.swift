import Support
import Testing

@testable import Operations

@Suite("Rounds of held requests")
struct HoldRoundTests {
    private static let interval = Duration.seconds(15)

    /// A request to hold: when its host was free for it, when it is sent, and when it ends.
    private typealias Hold = (free: Duration, begin: Duration, end: Duration)

    /// The holds of so many hosts that begin in any phase, for two minutes. Answers take up to 5 ms.
    private static func holds(of hosts: Int) -> [Hold] {
        var generator = SplitMix64(seed: 16)
        var round = HoldRound()
        var free = (0..<hosts).map { _ in Duration.milliseconds(Int.random(in: 0..<15_000, using: &generator)) }
        var holds: [Hold] = []
        while let next = free.min(), next < .seconds(120), let host = free.firstIndex(of: next) {
            let (begin, seconds) = round.join(from: next, until: next + interval, canWait: true)
            let end = begin + .seconds(seconds)
            holds.append((next, begin, end))
            free[host] = end + .milliseconds(Int.random(in: 0...5, using: &generator))
        }
        return holds
    }

    @Test("Fifty hosts in any phase are in step within a minute, and each is without a request for a second at most")
    func inStep() {
        let holds = Self.holds(of: 50)
        for (free, begin, end) in holds {
            #expect(begin >= free && begin - free <= .seconds(1))
            #expect(end - begin >= .seconds(1) && end - begin <= Self.interval)
        }
        let later = holds.filter { $0.free > .seconds(60) }
        // A host that fell behind, answer by answer, waits once to be in step again.
        #expect(later.count { $0.begin > $0.free } * 20 < later.count)
        let ends = later.map(\.end).sorted()
        let rounds = zip(ends, ends.dropFirst()).count { $1 - $0 > .seconds(1) }
        #expect((2...4).contains(rounds))
    }

    @Test("A round has a limited number of hosts")
    func size() {
        var round = HoldRound()
        var ends: [Duration: Int] = [:]
        for host in 0..<1_000 {
            let (begin, seconds) = round.join(
                from: .milliseconds(host), until: .milliseconds(host) + Self.interval, canWait: true)
            ends[begin + .seconds(seconds), default: 0] += 1
        }
        #expect(ends.values.allSatisfy { $0 <= 128 })
    }

    @Test("A host that has just changed is asked again at once, and held until the others' end")
    func changed() {
        var round = HoldRound()
        _ = round.join(from: .zero, until: Self.interval, canWait: true)
        let late = round.join(from: .milliseconds(4_300), until: .milliseconds(19_300), canWait: false)
        #expect(late == (.milliseconds(4_300), 10))
        let calm = round.join(from: .milliseconds(4_300), until: .milliseconds(19_300), canWait: true)
        #expect(calm == (.seconds(5), 10))
        // Less than a second before the end of the round, a calm host waits for it.
        let last = round.join(from: .milliseconds(14_500), until: .milliseconds(29_500), canWait: true)
        #expect(last == (.seconds(15), 14))
    }
}
