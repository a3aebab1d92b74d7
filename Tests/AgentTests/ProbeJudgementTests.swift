import Foundation
import Shared
import Support
import Synchronization
import Testing

@testable import Agent
@testable import AgentCore

@Suite struct ProbeJudgementTests {
    private static let url = "http://127.0.0.1:3000/api/buildinfo"
    static let startedAt: Int64 = 1_795_168_800_000

    static func content(_ state: ServiceState = .serving, sha: String? = Samples.sha) throws -> DocumentContent {
        var facts = try Samples.facts(revision: sha)
        if state == .exited { facts.state.running = false; facts.state.status = "exited" }
        if state == .starting || state == .unhealthy { facts.state.health = state.rawValue }
        return DocumentBuilder(host: Samples.host).content(
            for: Samples.canvas, scans: [.success(Samples.snapshot(state == .absent ? [] : [facts]))])
    }

    static func reading(
        _ outcome: ProbeResult.Outcome, _ gitSHA: Reported<GitSHA>? = nil, latency: Duration = .milliseconds(7)
    ) -> ProbeReading {
        ProbeReading(
            answer: ProbeResult(url: url, outcome: outcome, gitSHA: gitSHA),
            problem: outcome == .ok ? nil : "made up", latency: latency)
    }

    @Test(
        "A service that does not answer is starting while it is young, then unhealthy",
        arguments: [true, false])
    func silent(isYoung: Bool) throws {
        let judgement = ProbeJudgement(try Self.content(), Self.reading(.refused), isYoung: isYoung)
        #expect(judgement.content.state == (isYoung ? .starting : .unhealthy))
        #expect(judgement.content.reason == "the service did not answer its probe at \(Self.url): made up")
        #expect(judgement.content.served?.outcome == .refused)
        #expect(!judgement.isSettled)
    }

    @Test(
        "A probe does not improve a state, and requests no refresh that could not change anything",
        arguments: [ServiceState.starting, .unhealthy, .exited, .absent])
    func worse(state: ServiceState) throws {
        for reading in [Self.reading(.refused), Self.reading(.ok, .absent)] {
            let judgement = ProbeJudgement(try Self.content(state), reading, isYoung: true)
            #expect(judgement.content.state == state)
            #expect(judgement.isSettled)
            #expect(judgement.content.served == reading.answer)
        }
    }

    @Test("A service with another commit than its image keeps its state, for a reason that names both")
    func other() throws {
        let other = GitSHA(contractText: Samples.otherSHA).map(Reported.known)
        let judgement = ProbeJudgement(try Self.content(), Self.reading(.ok, other), isYoung: false)
        #expect(judgement.content.state == .serving)
        #expect(judgement.content.gitSHA?.hex == Samples.sha)
        #expect(judgement.content.reason == "the service serves b2b2b2b2b2b2, its image says a1a1a1a1a1a1")
        #expect(!judgement.isSettled)
    }

    @Test(
        "A service that reports no commit stays serving, with a reason",
        arguments: [.absent, .unusable("dev"), .unusable("")] as [Reported<GitSHA>])
    func silent(reported: Reported<GitSHA>) throws {
        let judgement = ProbeJudgement(try Self.content(), Self.reading(.ok, reported), isYoung: false)
        #expect(judgement.content.state == .serving)
        #expect(judgement.content.reason?.hasPrefix("the service does not report its commit at \(Self.url)") == true)
        #expect(judgement.isSettled)
    }

    @Test("A service that reports its image's commit, shortened or not, has no reason")
    func same() throws {
        for reported in [GitSHA(contractText: Samples.sha).map(Reported.known), .unusable("a1a1a1a")] {
            let judgement = ProbeJudgement(try Self.content(), Self.reading(.ok, reported), isYoung: true)
            #expect(judgement.content.state == .serving && judgement.content.reason == nil && judgement.isSettled)
        }
    }

    @Test("The answer of a service with an unlabelled image does not become its commit")
    func unlabelled() throws {
        let reported = GitSHA(contractText: Samples.otherSHA).map(Reported.known)
        let judgement = ProbeJudgement(try Self.content(sha: nil), Self.reading(.ok, reported), isYoung: false)
        #expect(judgement.content.gitSHA == nil && judgement.isSettled)
        #expect(judgement.content.served?.gitSHA == reported)
    }

    @Test("An instance is young for a minute after its start, or since it was first seen")
    func ages() {
        let start = ContinuousClock.now
        var instance = Instance(
            id: "c1", name: "c", state: .serving, startedAt: "2026-11-20T10:00:00Z", gitSHA: .absent,
            image: ImageEvidence(reference: "", origin: .none, digests: [], tagMoved: false))
        func isYoung(_ ages: InstanceAges, _ seconds: Int, wall: Int64) -> Bool {
            ages.anyStarted(
                within: .seconds(60), at: start + .seconds(seconds), unixMilliseconds: Self.startedAt + wall * 1_000)
        }
        var ages = InstanceAges()
        let isFirst = ages.see([instance], at: start)
        #expect(isYoung(ages, 0, wall: 59) && !isYoung(ages, 0, wall: 60))
        #expect(isYoung(ages, 0, wall: -3_600), "a clock that was set back")
        let isOther = ages.see([instance], at: start + .seconds(5))
        #expect(isFirst && !isOther)
        instance.startedAt = nil
        _ = ages.see([instance], at: start + .seconds(10))
        #expect(isYoung(ages, 69, wall: 9_999) && !isYoung(ages, 70, wall: 9_999))
        instance.restartCount = 1
        let isRestarted = ages.see([instance], at: start + .seconds(100))
        #expect(isRestarted)
        #expect(isYoung(ages, 110, wall: 9_999))
        #expect(!InstanceAges().anyStarted(within: .seconds(60), at: start, unixMilliseconds: 0))
    }

    @Test("Refreshes become rarer while nothing improves, and frequent again for another instance")
    func backoff() throws {
        let probe = ServiceProbe(clock: .system) { Self.reading(.refused) }
        let content = try Self.content()
        let pauses = (1...6).map { _ in probe.judge(content, Self.reading(.refused)).retryAfter }
        #expect(pauses == [250, 500, 1_000, 2_000, 2_000, 2_000].map { .milliseconds($0) })
        var another = content
        another.instances[0].id = Samples.id("7")
        #expect(probe.judge(another, Self.reading(.refused)).retryAfter == .milliseconds(250))
        let reported = GitSHA(contractText: Samples.sha).map(Reported.known)
        #expect(probe.judge(another, Self.reading(.ok, reported)).retryAfter == nil)
        #expect(probe.judge(another, Self.reading(.refused)).retryAfter == .milliseconds(250))
    }

    @Test("For any number of callers, one request is in flight and one follows, sent after they called")
    func oneAtATime() async throws {
        let gates = Mutex<[OneTimeResult<Void>]>([])
        let probe = ServiceProbe(clock: .system) {
            let gate = OneTimeResult<Void>()
            gates.withLock { $0.append(gate) }
            await gate.value
            return Self.reading(.refused)
        }
        let first = probe.begin()
        try await eventually("the first asks") { gates.withLock { $0.count } == 1 }
        let later = (0..<50).map { _ in probe.begin() }
        gates.withLock { $0[0] }.set(())
        _ = await first.value
        try await eventually("the second asks") { gates.withLock { $0.count } == 2 }
        let last = probe.begin()
        gates.withLock { $0[1] }.set(())
        for reading in later { _ = await reading.value }
        try await eventually("the third asks") { gates.withLock { $0.count } == 3 }
        gates.withLock { $0[2] }.set(())
        _ = await last.value
        #expect(gates.withLock { $0.count } == 3)
    }

    @Test("A probe's latency is in the document, and not in its entity tag")
    func latency() throws {
        let judgement = ProbeJudgement(
            try Self.content(), Self.reading(.ok, .unusable("\"served\":{\"outcome\":\"ok\"}")), isYoung: false)
        let body = try DocumentBody(judgement.content)
        let bytes = body.bytes(
            observedAt: "2026-11-20T10:00:00Z", age: .zero, uptime: .zero, nonce: "n", probeLatency: .milliseconds(12))
        let document = try JSONDecoder().decode(Document.self, from: Data(bytes))
        #expect(document.served?.latencySeconds == 0.012)
        #expect(document.served?.gitSHA == .unusable("\"served\":{\"outcome\":\"ok\"}"))
        let without = body.bytes(observedAt: "2026-11-20T10:00:00Z", age: .zero, uptime: .zero, nonce: nil)
        #expect(try JSONDecoder().decode(Document.self, from: Data(without)).served?.latencySeconds == nil)
        let slower = Self.reading(.ok, .absent, latency: .seconds(2))
        let fast = ProbeJudgement(try Self.content(), Self.reading(.ok, .absent), isYoung: false).content
        #expect(ProbeJudgement(try Self.content(), slower, isYoung: false).content == fast)
    }

    @Test("Every document with a probe satisfies the schema")
    func schema() async throws {
        var texts: [String] = []
        let reported: [Reported<GitSHA>?] = [
            nil, .absent, .unusable(""), .unusable(String(repeating: "x", count: 128)),
            GitSHA(contractText: Samples.sha).map(Reported.known),
        ]
        for gitSHA in reported {
            let content = ProbeJudgement(try Self.content(), Self.reading(.ok, gitSHA), isYoung: false).content
            texts.append(
                String(
                    decoding: try DocumentBody(content).bytes(
                        observedAt: RFC3339.text(unixMilliseconds: 0), age: .zero, uptime: .zero, nonce: nil,
                        probeLatency: .milliseconds(3)), as: UTF8.self))
        }
        #expect(try await SchemaValidator.defects(texts, against: .document).isEmpty)
    }
}
