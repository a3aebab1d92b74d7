import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// What hosts have in common is kept once, and nothing else is shared.
@Suite("Values that hosts share")
struct SharedValuesTests {
    /// Changes of the values that are a host's own.
    private static let ownChanges: [(String, @Sendable (inout Document) -> Void)] = [
        ("host name", { $0.host.name = "another" }), ("boot", { $0.host.bootID = "another" }),
        ("observed_at", { $0.observedAt = "2026-01-02T00:00:00Z" }), ("age", { $0.ageSeconds = 0.25 }),
        ("uptime", { $0.agent.uptimeSeconds = 77 }),
        ("instance id", { $0.instances[0].id = "another" }),
        ("start", { $0.instances[0].startedAt = "2026-01-02T00:00:00Z" }),
        ("restarts", { $0.instances[0].restartCount = 7 }),
        ("left out", { $0.leftOut = [LeftOutContainer(id: "l", name: "l", reason: .oneOff, state: .exited)] }),
    ]

    /// Changes of values that count for the verdict or the report, and are shared.
    private static let otherChanges: [(String, @Sendable (inout Document) -> Void)] = [
        ("service", { $0.service = "worker" }), ("commit", { $0.gitSHA = .absent }),
        ("digest", { $0.digest = .absent }),
        ("agent's version", { $0.agent.version = "9" }),
        ("state", { $0.state = .starting }), ("reason", { $0.reason = "said" }),
        ("expected", { $0.instancesExpected = 4 }), ("engine", { $0.engine?.platform = "linux/arm64" }),
        ("probe", { $0.served = ProbeResult(url: "http://localhost", outcome: .ok, gitSHA: .absent) }),
        ("instance name", { $0.instances[0].name = "canvas-9" }), ("project", { $0.instances[0].project = "shop" }),
        ("deployment", { $0.instances[0].deployment = .init(tool: .swarm) }),
        ("instance state", { $0.instances[0].state = .paused }), ("health", { $0.instances[0].health = .starting }),
        ("health output", { $0.instances[0].healthOutput = "no" }), ("exit code", { $0.instances[0].exitCode = 1 }),
        ("memory", { $0.instances[0].oomKilled = true }), ("error", { $0.instances[0].error = "no" }),
        ("instance commit", { $0.instances[0].gitSHA = .absent }),
        ("image", { $0.instances[0].image.tagMoved.toggle() }), ("instances", { $0.instances.append($0.instances[0]) }),
    ]

    private static func document(_ edit: (inout Document) -> Void = { _ in }) -> Document {
        var document = Answer().document(host: 0, nonce: "n")
        edit(&document)
        return document
    }

    @Test("Hosts whose documents differ in ids and times share one content", arguments: ownChanges.indices)
    func shared(change: Int) {
        #expect(Self.document(Self.ownChanges[change].1) != Self.document(), "\(Self.ownChanges[change].0)")
        var bench = Bench(2)
        bench.see(0, at: 1, Answer())
        bench.see(1, at: 1, Answer().with { $0.edit = Self.ownChanges[change].1 })
        let answers = bench.verification.tracks.map(\.lastAnswer)
        #expect(answers[0].content != nil)
        #expect(answers[0].content === answers[1].content)
        // They stay the host's own nevertheless.
        let own = Self.document(Self.ownChanges[change].1)
        #expect(answers[1].worst?.id == own.instances[0].id)
        #expect(answers[1].worst?.startedAt == own.instances[0].startedAt)
        #expect(answers[1].worst?.restartCount == own.instances[0].restartCount)
        #expect(answers[1].leftOut == own.leftOut)
        #expect(answers[1].observedAt == own.observedAt)
        #expect(answers[1].bootID == own.host.bootID)
        #expect(answers.map(\.hostID) == ["host-id-0", "host-id-1"])
    }

    @Test(
        "Any other difference makes another content, for the same host and for another", arguments: otherChanges.indices
    )
    func different(change: Int) {
        let other = Answer().with { $0.edit = Self.otherChanges[change].1 }
        var bench = Bench(2)
        bench.see(0, at: 1, Answer())
        let first = bench.verification.tracks[0].lastAnswer.content
        bench.see(1, at: 1, other)
        bench.see(0, at: 3, other)
        let contents = bench.verification.tracks.map(\.lastAnswer.content)
        #expect(contents[0] === contents[1], "\(Self.otherChanges[change].0)")
        #expect(first != nil)
        #expect(contents[0] !== first, "\(Self.otherChanges[change].0)")
        #expect(contents[0]?.document == other.document(host: 0, nonce: "n").withoutOwnValues)
    }

    @Test("Ids that contradict each other count for their host alone, however old the answer was that had them first")
    func contradiction() {
        let twice = Answer().with { answer in
            answer.others = [Answer().with { $0.container = "c2" }]
        }
        let contradicting = twice.with { answer in answer.edit = { $0.instances[1].id = $0.instances[0].id } }
        var bench = Bench(2)
        bench.see(0, at: 1, twice)
        bench.see(1, at: 1, contradicting)
        let tracks = bench.verification.tracks
        #expect(tracks[0].lastAnswer.content === tracks[1].lastAnswer.content)
        #expect(tracks.map(\.facts.build) == [.match, .unidentified])
        // The first such answer is refused for its age, before anything else of it counts.
        bench.see(0, at: 3, contradicting.with { $0.age = 61 })
        #expect(bench.verification.tracks[0].status == .agentError)
        bench.see(0, at: 5, contradicting)
        #expect(bench.verification.tracks[0].status == .unverifiable)
    }

    @Test("More contents than there are places for are kept apart")
    func places() {
        let count = 1_000
        var bench = Bench(count)
        for host in 0..<count { bench.see(host, at: 1, Answer().with { $0.reason = "host \(host)" }) }
        for host in 0..<count {
            let track = bench.verification.tracks[host]
            #expect(track.lastAnswer.explanation == "host \(host)")
            #expect(track.facts.build == .match)
        }
    }

    @Test("A newer promotion in the ledger counts for hosts that share an earlier comparison")
    func compared() {
        var bench = Bench(2)
        bench.see(0, at: 1, Answer(build: .next))
        #expect(bench.verification.tracks[0].facts.build == .foreign)
        bench.learn(.upToTarget + [.successor], at: 2)
        bench.see(1, at: 3, Answer(build: .next))
        #expect(bench.verification.tracks.map(\.facts.build) == [.ahead, .ahead])
    }

    @Test("Equal values of a host's next document stay where they are, and a fleet takes little memory")
    func memory() {
        var bench = Bench()
        let id = String(repeating: "c", count: 64)
        bench.see(at: 1, Answer().with { $0.container = id })
        let first = bench.verification.tracks[0].lastAnswer.own
        bench.see(at: 3, Answer().with { $0.container = String(repeating: "c", count: 64) })
        let second = bench.verification.tracks[0].lastAnswer.own
        func address(_ own: OwnValues?) -> Int? {
            own?.fingerprint.withUnsafeBytes { $0.baseAddress.map(Int.init(bitPattern:)) }
        }
        #expect(first != nil)
        #expect(address(first) == address(second))
        #expect(MemoryLayout<HostTracker>.stride <= 896)
        #expect(MemoryLayout<HostTracker.Transition>.stride <= 32)
    }
}
