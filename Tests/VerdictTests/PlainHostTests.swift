import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// Hosts without an agent: caches in front of them, and the other keys of their answers.
@Suite("Hosts without an agent")
struct PlainHostTests {
    private static let sha = Reported<GitSHA>.known(.of("a"))
    /// The host's wall clock at the start: off by decades, which must not matter.
    private static let clock: Int64 = 1_000_000

    private func run(_ says: @escaping (Double) -> PlainAnswer) -> Bench {
        var bench = Bench(policy: .short, target: .bySHA)
        bench.finish { _, moment in .says(says(moment)) }
        return bench
    }

    @Test("Field 5: an answer that a cache may have stored proves nothing, and the reason names the header")
    func stored() {
        let bench = run { _ in PlainAnswer(gitSHA: Self.sha, stored: "X-Cache: HIT") }
        #expect(bench.status() == .unverifiable)
        #expect(bench.exitCode == 30)
        #expect(bench.reason().hasPrefix("a cache may have answered for the host (X-Cache: HIT): "))
        #expect(!bench.history().contains(.soaking))
    }

    @Test("Field 5: a copy only slightly older than the start cannot begin a proof")
    func copyFromBefore() {
        var policy = Policy.short
        policy.soak = .zero
        var bench = Bench(policy: policy, target: .bySHA)
        for moment in [0.1, 0.4, 1.0] {
            bench.see(at: moment, .says(PlainAnswer(gitSHA: Self.sha, date: Self.clock - 2)))
        }
        bench.see(at: 3.9, .says(PlainAnswer(gitSHA: Self.sha, date: Self.clock + 3)))
        #expect(bench.status() == .soaking)
        bench.see(at: 5.9, .says(PlainAnswer(gitSHA: Self.sha, date: Self.clock + 5)))
        #expect(bench.status() == .converged)
    }

    @Test("Field 5: one stored answer begins the soak again")
    func storedOnce() {
        var bench = Bench(target: .bySHA)
        bench.poll(1...15) { _, moment in
            .says(PlainAnswer(gitSHA: Self.sha, stored: moment == 7 ? "Age: 3" : nil))
        }
        #expect(bench.verdict == nil)
        #expect(!bench.history().contains(.converged))
    }

    @Test("Field 5: a Date that stands still is one and the same stored answer", arguments: [0.0, 1, 10])
    func frozenDate(soak: Double) {
        var policy = Policy.short
        policy.soak = .seconds(soak)
        var bench = Bench(policy: policy, target: .bySHA)
        bench.finish(every: 0.5) { _, _ in .says(PlainAnswer(gitSHA: Self.sha, date: Self.clock)) }
        #expect(!bench.history().contains(.converged))
        #expect(bench.status() == .unverifiable)
        #expect(bench.reason().contains("its Date does not advance"))
        #expect(bench.exitCode == 30)
    }

    @Test(
        "Field 5: a fresh answer of a host converges, whatever its clock says", arguments: [0, -900_000, 1_700_000_000])
    func advancingDate(offset: Int64) {
        var bench = Bench(target: .bySHA)
        bench.poll(1...13) { _, moment in
            .says(PlainAnswer(gitSHA: Self.sha, date: Self.clock + offset + Int64(moment)))
        }
        #expect(bench.verdict == .converged)
        #expect(bench.endedAt == 13)
    }

    @Test("Field 5: a cache that is filled again shows how old its answers were before")
    func refilled() {
        var bench = Bench(target: .bySHA)
        // The cache queries the host every 8 seconds; its first copy is a minute old.
        bench.poll(1...17) { _, moment in
            let date: Double = moment < 8 ? -60 : (moment / 8).rounded(.down) * 8
            return .says(PlainAnswer(gitSHA: Self.sha, date: Self.clock + Int64(date)))
        }
        #expect(bench.verdict == nil)
        #expect(!bench.history().contains(.converged))
        // One old copy, and fresh answers from then on: the copy is not part of the soak.
        var once = Bench(target: .bySHA)
        once.poll(1...20) { _, moment in
            .says(PlainAnswer(gitSHA: Self.sha, date: Self.clock + (moment < 3 ? -60 : Int64(moment))))
        }
        #expect(once.endedAt == 13)
    }

    @Test("Field 5: a clock that is set back while it is watched costs one soak, and no more")
    func setBack() {
        var bench = Bench(target: .bySHA)
        bench.poll(1...40) { _, moment in
            .says(PlainAnswer(gitSHA: Self.sha, date: Self.clock + Int64(moment) - (moment < 6 ? 0 : 30)))
        }
        #expect(bench.verdict == .converged)
        #expect(bench.endedAt.map { (17...21).contains($0) } == true)
    }

    @Test("Field 5: an old copy of another build after the host's own answers rolls nothing back")
    func oldCopy() {
        var bench = Bench(policy: .short, target: .bySHA)
        bench.poll(1...5) { _, moment in .says(PlainAnswer(gitSHA: Self.sha, date: Self.clock + Int64(moment))) }
        for moment in [57.0, 57.5, 58, 58.5] {
            bench.see(at: moment, .says(PlainAnswer(gitSHA: .known(.of("b")), date: Self.clock - 60)))
        }
        bench.advance(to: 60)
        #expect(bench.status() == .unverifiable)
        #expect(bench.exitCode == 30)
    }

    @Test("Field 5: copies of two caches in turns are never proven")
    func twoCaches() {
        var bench = Bench(policy: .short, target: .bySHA)
        bench.finish { _, moment in
            .says(PlainAnswer(gitSHA: Self.sha, date: Self.clock + (Int(moment) / 2 % 2 == 0 ? 0 : 30)))
        }
        #expect(!bench.history().contains(.converged))
        #expect(bench.exitCode != 0)
    }

    @Test("A slow answer's way is not its age")
    func slow() {
        var policy = Policy.short
        policy.requestTimeout = .seconds(5)
        var bench = Bench(policy: policy, target: .bySHA)
        for (number, moment) in stride(from: 1.0, through: 21, by: 4).enumerated() {
            // The time of making alternates between just after the request and just before the arrival.
            let latency = 3.0
            let made = number % 2 == 0 ? moment : moment + latency
            bench.see(
                at: moment + latency, latency: latency,
                .says(PlainAnswer(gitSHA: Self.sha, date: Self.clock + Int64(made))))
        }
        #expect(!bench.history().contains(.unverifiable))
    }

    @Test("A host that echoes the nonce has no need of its headers")
    func echoed() {
        var bench = Bench(target: .bySHA)
        for (number, moment) in stride(from: 1.0, through: 13, by: 2).enumerated() {
            bench.see(
                at: moment,
                .says(
                    PlainAnswer(
                        gitSHA: Self.sha, nonce: "nonce-\(number + 1)", stored: "X-Cache: HIT", date: Self.clock)))
        }
        #expect(bench.verdict == .converged)
    }

    @Test("Field 5: an age that an answer states counts", arguments: [2.0, 900])
    func age(_ age: Double) {
        var bench = Bench(policy: .short, target: .bySHA)
        bench.see(at: 1, .says(PlainAnswer(gitSHA: Self.sha, ageSeconds: age)))
        #expect(bench.status() != .soaking)
    }

    @Test("Field 24: another service is unverifiable, and the target's is not")
    func service() {
        let other = run { _ in PlainAnswer(gitSHA: Self.sha, service: "worker") }
        #expect(other.status() == .unverifiable)
        #expect(other.reason().contains("'worker'"))
        #expect(other.exitCode == 30)
        #expect(run { _ in PlainAnswer(gitSHA: Self.sha, service: "canvas") }.verdict == .converged)
    }

    @Test(
        "Field 24: a state that is not serving is not proven",
        arguments: ServiceState.allCases.filter { $0 != .serving })
    func state(_ state: ServiceState) {
        let bench = run { _ in PlainAnswer(gitSHA: Self.sha, state: state, stateText: "state: \(state.rawValue)") }
        #expect(!bench.history().contains(.converged))
        #expect([10, 20, 30].contains(bench.exitCode))
        #expect(bench.reason().contains("says state: \(state.rawValue)"))
    }

    @Test("An unusable answer is unverifiable, and the reason names the problem")
    func defect() {
        let bench = run { _ in PlainAnswer(gitSHA: Self.sha, problem: "its 'service' is not a name") }
        #expect(bench.status() == .unverifiable)
        #expect(bench.reason().contains("its 'service' is not a name"))
    }
}
