import CollectorSupport
import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Operations
@testable import Verdict

@Suite("The log of a host's changes")
struct HostLogTests {
    private static let service = DeployedService.canvas(in: "production")
    private static let patience = Duration.seconds(60)
    private static let start = InventoryFixtures.now

    /// A log that is fed by statuses and builds at seconds after a start.
    private struct Watched {
        var log = HostLog(of: "a", in: service)
        var noted: [StandingChange] = []

        @discardableResult
        mutating func see(
            _ seconds: Double, _ status: HostStatus, _ build: Character? = "1", instances: Int64? = 1,
            observed age: Double = 0
        ) throws -> StandingChange? {
            let at = HostLogTests.start.addingTimeInterval(seconds)
            let change = log.take(
                HostSight(
                    status: status, finding: "\(status)", gitSHA: try build.map(LedgerFixtures.sha), digest: nil,
                    instances: build == nil ? nil : instances, at: at, observedAt: at.addingTimeInterval(-age)),
                patience: HostLogTests.patience)
            if let change { noted.append(change) }
            return change
        }

        /// A process that ends, and one that goes on with what the ledger has.
        mutating func restart(seenUntil seconds: Double? = nil) {
            guard let last = noted.last else { return log = HostLog(of: "a", in: service) }
            log = HostLog(after: last, seenUntil: seconds.map(HostLogTests.time))
            log.begin(isSameTarget: true)
        }

        var statuses: [HostStatus?] { noted.map(\.status) }
    }

    private static func time(_ seconds: Double) -> String { start.addingTimeInterval(seconds).rfc3339 }

    @Test("A change is noted once, with the last time at which the host was seen as before")
    func changes() throws {
        var host = Watched()
        try host.see(0, .soaking)
        for second in stride(from: 15.0, through: 60, by: 15) { try host.see(second, .converged, observed: 0.5) }
        try host.see(75, .unreachable, nil)
        try host.see(90, .unreachable, nil)
        try host.see(105, .converged)
        try host.see(120, .straggler, "2", instances: 2)
        try host.see(135, .straggler, "2", instances: 3)
        #expect(host.statuses == [.soaking, .converged, .unreachable, .converged, .straggler, .straggler])
        #expect(
            host.noted.map(\.notBefore) == [
                nil, Self.time(0), Self.time(59.5), Self.time(90), Self.time(105), Self.time(120),
            ])
        #expect(host.noted.map(\.isNewBuild) == [false, false, false, false, true, false])
        #expect(host.noted.map(\.isRestart) == [false, false, false, false, false, true])
        #expect(host.noted.map(\.isServed) == [true, true, false, true, true, true])
        #expect(host.noted[2].gitSHA == host.noted[1].gitSHA, "the build of the last answer")
    }

    @Test("A silent host that still counts as converged was not seen so")
    func silence() throws {
        var host = Watched()
        try host.see(0, .converged)
        try host.see(15, .converged, nil)
        try host.see(30, .unreachable, nil)
        #expect(host.noted.last?.notBefore == Self.time(0))
    }

    @Test(
        "After a restart, a host that is as before has not changed",
        arguments: [
            (HostStatus.converged, [HostStatus.pending, .soaking, .soaking, .converged]),
            (.converged, [.converged]), (.straggler, [.pending, .straggler]), (.straggler, [.straggler]),
            (.rolledBack, [.straggler, .straggler]), (.failed, [.starting, .starting, .failed]),
            (.failed, [.soaking, .starting, .failed]), (.soaking, [.soaking]), (.starting, [.starting]),
            (.pending, [.pending]), (.mixed, [.mixed]),
        ])
    func unchanged(before: HostStatus, after: [HostStatus]) throws {
        var host = Watched()
        try host.see(0, before)
        for restart in 1...3 {
            host.restart(seenUntil: Double(restart) * 100 - 90)
            for (index, status) in after.enumerated() {
                try host.see(Double(restart) * 100 + Double(index) * 15, status)
            }
        }
        #expect(host.statuses == [before])
        // It goes on from there.
        try host.see(400, .unreachable, nil)
        #expect(host.statuses == [before, .unreachable])
        #expect(host.noted.last?.notBefore == Self.time(300 + Double(after.count - 1) * 15))
    }

    @Test("A host that was silent and still is has not changed, and one that answers again has")
    func silentBefore() throws {
        var host = Watched()
        try host.see(0, .unreachable, nil)
        host.restart()
        try host.see(100, .unreachable, nil)
        #expect(host.statuses == [.unreachable])
        host.restart(seenUntil: 100)
        try host.see(200, .soaking)
        #expect(host.statuses == [.unreachable, .soaking])
        #expect(host.noted.last?.notBefore == Self.time(100))
    }

    @Test("What changed while no process ran is noted at the first look, between the last time it was seen and now")
    func changedMeanwhile() throws {
        for (build, instances, isRestart) in [(Character("2"), Int64(2), false), ("1", 2, true)] {
            var host = Watched()
            try host.see(0, .converged)
            host.restart(seenUntil: 600)
            let change = try #require(try host.see(5_000, .soaking, build, instances: instances))
            #expect(change.at == Self.time(5_000))
            #expect(change.notBefore == Self.time(600))
            #expect(change.isNewBuild == !isRestart && change.isRestart == isRestart)
            try host.see(5_015, .converged, build, instances: instances)
            #expect(host.statuses == [.converged, .soaking, .converged])
        }
    }

    @Test("Without a time at which the fleet was seen, a change is dated from the host's last change")
    func killed() throws {
        var host = Watched()
        try host.see(100, .converged)
        host.restart(seenUntil: 40)
        #expect(try host.see(900, .failed)?.notBefore == Self.time(100))
    }

    @Test("A clock that was set back leaves no time before a change, rather than a wrong one")
    func clockSetBack() throws {
        var host = Watched()
        try host.see(1_000, .converged)
        host.restart(seenUntil: 2_000)
        #expect(try host.see(500, .failed)?.notBefore == nil)
        try host.see(600, .failed)
        #expect(try host.see(700, .converged, instances: 2)?.notBefore == Self.time(600))
        // Back again, while it runs.
        #expect(try host.see(650, .failed, instances: 2)?.notBefore == nil)
    }

    @Test("A host that stays unproven after a restart is noted as that, from the first look")
    func patience() throws {
        var host = Watched()
        try host.see(0, .converged)
        host.restart(seenUntil: 10)
        for second in stride(from: 100.0, through: 145, by: 15) { #expect(try host.see(second, .soaking) == nil) }
        let change = try #require(try host.see(160, .soaking))
        #expect(change.at == Self.time(100) && change.notBefore == Self.time(10))
        #expect(try host.see(175, .soaking) == nil)
        #expect(try host.see(190, .converged) != nil)
    }

    @Test("A crash loop is one change, however often the container starts and the service with it")
    func crashLoop() throws {
        var host = Watched()
        try host.see(0, .starting)
        for round in 1...20 { try host.see(Double(round) * 15, .failed, instances: Int64(round)) }
        host.restart()
        for round in 30...32 { try host.see(Double(round) * 15, .starting, instances: Int64(round)) }
        for round in 33...40 { try host.see(Double(round) * 15, .failed, instances: Int64(round)) }
        #expect(host.statuses == [.starting, .failed])
        try host.see(700, .converged, instances: 99)
        #expect(host.noted.last?.isRestart == true)
    }

    @Test("A new target in the same process changes what hosts are")
    func retargeted() throws {
        var host = Watched()
        try host.see(0, .converged)
        host.log.begin(isSameTarget: false)
        #expect(try host.see(15, .pending) != nil)
        host.log.begin(isSameTarget: true)
        #expect(try host.see(30, .pending) == nil)
        #expect(try host.see(45, .straggler) != nil)
    }

    @Test(
        "Whenever the service is started again, a host has the changes that it has without that, as far as they can be seen"
    )
    func property() throws {
        for seed in UInt64(0)..<400 {
            var random = SplitMix64(seed: seed)
            var (steady, restarted) = (Watched(), Watched())
            var (build, instances, isUp) = (0, 0, true)
            var second = 0.0
            for _ in 0..<40 {
                // What happens to the host.
                if random.chance(20) { (build, instances) = (random.pick(1, 3), instances + 1) }
                if random.chance(15) { instances += 1 }
                if random.chance(15) { isUp.toggle() }
                let hasEnded = random.chance(30)
                if hasEnded { restarted.restart(seenUntil: second) }
                // Both look until the host is known again.
                let end: HostStatus = isUp ? (build == 1 ? .converged : .straggler) : .unreachable
                for status in end == .converged && hasEnded ? [HostStatus.soaking, .converged] : [end] {
                    second += 15
                    let digit: Character? = isUp ? Character("\(build + 1)") : nil
                    try restarted.see(second, status, digit, instances: Int64(instances))
                    try steady.see(second, end, digit, instances: Int64(instances))
                }
            }
            // A soak that a restart begins again, of a build that is new, is seen as one.
            let seen = restarted.noted.filter { $0.status != .soaking }.map { [$0.status?.rawValue, $0.gitSHA?.hex] }
            let known = steady.noted.map { [$0.status?.rawValue, $0.gitSHA?.hex] }
            #expect(seen.filter { $0[0] != "converged" } == known.filter { $0[0] != "converged" }, "seed \(seed)")
            for (former, next) in zip(restarted.noted, restarted.noted.dropFirst()) {
                #expect(
                    former.status != next.status || next.isNewBuild || next.isRestart, "nothing changed: seed \(seed)")
                #expect(next.notBefore.map { former.at <= $0 && $0 <= next.at } == true, "seed \(seed)")
            }
        }
    }
}
