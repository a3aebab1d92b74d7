import Foundation
import Shared
import Support
import Synchronization
import Testing

@testable import CollectorFixtures
@testable import Evidence
@testable import Operations
@testable import Reports
@testable import Transfer
@testable import Verdict

@Suite("A verification of repeated answers")
struct RepeatedAnswerTests {
    private static let runs =
        ProcessInfo.processInfo.environment["BUILDINFO_PROPERTY_RUNS"].flatMap { UInt64($0) } ?? 200

    @Test("It ends as one that was fed with whole documents: statuses, reasons, times, report and evidence")
    func sameEnd() async throws {
        var (repeated, whole) = (0, 0)
        for seed in 0..<Self.runs {
            // Other tests wait for their sessions meanwhile.
            await Task.yield()
            let schedule = Schedule(seed: seed)
            var simulation = Simulation(schedule)
            simulation.inputs = []
            simulation.run()
            var wire = Wire(seed: seed, hosts: schedule.hosts.count)
            let (decoder, memory) = (ResponseDecoder(), AnswerMemory(hosts: schedule.hosts.count))
            var (full, short) = (Recorded(schedule), Recorded(schedule))
            for input in simulation.inputs ?? [] {
                guard case .sample(var sample) = input else {
                    full.take(input)
                    short.take(input)
                    continue
                }
                switch try wire.response(sample) {
                case .success(let response):
                    sample.answer = decoder.read(
                        status: response.status, headers: response.headers, body: response.body)
                    full.take(.sample(sample))
                    sample.answer = memory.read(
                        status: response.status, headers: response.headers, body: response.body, host: sample.host)
                case .failure(let failure):
                    memory.forget(host: sample.host)
                    sample.answer = .unusable(failure.outcome, detail: "made up")
                    full.take(.sample(sample))
                }
                short.take(.sample(sample))
                if case .repeated = sample.answer { repeated += 1 } else { whole += 1 }
                try #require(
                    full.verification.tracks[sample.host].transitions
                        == short.verification.tracks[sample.host].transitions, "seed \(seed)")
            }
            try full.requireSame(as: short, seed: seed)
        }
        // A property that never meets a repeated answer does not test it.
        #expect(repeated > Int(Self.runs) * 5)
        #expect(whole > Int(Self.runs) * 5)
    }

    /// A verification and its evidence.
    private struct Recorded {
        private(set) var verification: Verification
        private var recording: Recording

        init(_ schedule: Schedule) {
            verification = Verification(
                target: schedule.target, hosts: schedule.expectedHosts, policy: schedule.policy,
                promotions: .upToTarget)
            recording = Recording(verification)
        }

        mutating func take(_ input: Verification.Input) {
            let actions = verification.take(input)
            recording.take(input, actions, by: verification)
        }

        func requireSame(as other: Recorded, seed: UInt64) throws {
            let text = Comment(rawValue: "seed \(seed)")
            try #require(verification.conclusion == other.verification.conclusion, text)
            let now = verification.conclusion?.at ?? verification.policy.timeout
            for (track, twin) in zip(verification.tracks, other.verification.tracks) {
                try #require(track.transitions == twin.transitions, text)
                try #require(track.status == twin.status && track.facts == twin.facts, text)
                try #require(
                    track.reason(at: now, policy: verification.policy)
                        == twin.reason(at: now, policy: verification.policy), text)
                try #require(track.observedAt == twin.observedAt && track.lastAnswerAt == twin.lastAnswerAt, text)
                try #require(track.convergedAt == twin.convergedAt && track.attempts == twin.attempts, text)
            }
            guard let conclusion = verification.conclusion else { return }
            var (report, twin) = (
                recording.report(verification, conclusion), other.recording.report(other.verification, conclusion)
            )
            try #require(try other.recording.replay(conclusion).report == twin, text)
            // The files differ, and so do their hashes.
            (report.evidence, twin.evidence) = (nil, nil)
            try #require(report == twin, text)
        }
    }

    // MARK: - Sessions

    /// Remembers the answers that a session took.
    private final class Answers: SessionObserver {
        private let answers = Mutex<[Sample.Answer]>([])

        var all: [Sample.Answer] { answers.withLock { $0 } }
        var kinds: [String] {
            all.map { answer in
                switch answer {
                case .document: "document"
                case .repeated: "repeated"
                case .plain: "plain"
                case .unusable: "unusable"
                }
            }
        }

        func took(_ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification) {
            guard case .sample(let sample) = input else { return }
            answers.withLock { $0.append(sample.answer) }
        }
        func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {}
        func ended(_ verification: Verification, _ conclusion: Conclusion) {}
    }

    private static func run(
        _ first: Answer = Answer(), interval: Duration = .milliseconds(200), soak: Duration = .seconds(1),
        timeout: Duration = .seconds(120),
        headers: @escaping @Sendable (Int) -> [(name: String, value: String)] = { _ in [] },
        until isComplete: @escaping @Sendable (Verification) -> Bool = { _ in false },
        _ reply: @escaping @Sendable (Int, ScriptedHostRequest, inout Document) -> ScriptedHostAnswer?
    ) async throws -> (ended: Verification, answers: Answers) {
        let number = Mutex(0)
        let host = try await ScriptedHost.start { request in
            let count = number.withLock {
                $0 += 1
                return $0
            }
            let nonce = request.query("nonce") ?? ""
            var document = first.document(host: 0, nonce: nonce)
            if let answer = reply(count, request, &document) { return answer }
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            guard let json = try? encoder.encode(document) else { return .close }
            return .json(String(decoding: json, as: UTF8.self), headers: headers(count))
        }
        let answers = Answers()
        let verification = Verification(
            target: .promoted, hosts: [ExpectedHost(name: "host-0", url: host.url())],
            policy: Policy(timeout: timeout, interval: interval, soak: soak, stall: .seconds(60)),
            promotions: .upToTarget)
        let (ended, _) = try await FleetSession.run(verification, observers: [answers], until: isComplete)
        await host.stop()
        return (ended, answers)
    }

    @Test("A session reads the first document, recognises the others, and converges")
    func session() async throws {
        let (ended, answers) = try await Self.run { number, _, document in
            document.agent.uptimeSeconds = Double(number)
            return nil
        }
        #expect(ended.conclusion?.verdict == .converged)
        #expect(answers.kinds.first == "document")
        #expect(answers.kinds.contains("repeated"))
        #expect(answers.kinds.count { $0 == "document" } <= 2)
    }

    @Test("A repeated document that answers another request proves nothing")
    func replayed() async throws {
        let nonce = Mutex<String?>(nil)
        let (ended, answers) = try await Self.run(until: { $0.tracks[0].attempts >= 2 }) { _, _, document in
            let mine = document.nonce
            document.nonce = nonce.withLock { first in
                first = first ?? mine
                return first
            }
            return nil
        }
        #expect(answers.kinds == ["document", "repeated"])
        #expect(ended.conclusion == nil)
        #expect(ended.tracks[0].status == .conflict)
    }

    @Test("A repeated document of an old observation proves nothing")
    func old() async throws {
        let (ended, answers) = try await Self.run(
            headers: { $0 == 1 ? [] : [(name: "Age", value: "3600")] }, until: { $0.tracks[0].attempts >= 2 }
        ) { _, _, _ in nil }
        #expect(answers.kinds == ["document", "repeated"])
        #expect(ended.conclusion == nil)
        #expect(ended.tracks[0].status == .agentError)
    }

    @Test("After a request without an answer, the same document is read as a whole, and counts")
    func broken() async throws {
        let (ended, answers) = try await Self.run { number, _, _ in number == 2 ? .garbage : nil }
        #expect(ended.conclusion?.verdict == .converged)
        let kinds = answers.kinds
        let failure = try #require(kinds.firstIndex(of: "unusable"))
        #expect(kinds[failure + 1] == "document")
        #expect(kinds.count { $0 == "unusable" } == 1)
    }

    @Test("A host that can hold its requests is asked to, although its document is the same as before")
    func held() async throws {
        let wasHeld = Mutex(false)
        // The first observation is from before the start, so the first request after it is a plain one.
        let (_, answers) = try await Self.run(
            .old, interval: .seconds(2),
            headers: { _ in [(name: "ETag", value: "\"a\""), (name: "Buildinfo-Host", value: "host-id-0")] },
            // A busy machine delays the turns, and a session that is behind holds no requests.
            until: { $0.tracks[0].attempts >= 20 || wasHeld.withLock { $0 } }
        ) { number, request, document in
            document.ageSeconds = number == 1 ? 30 : 0
            if request.header("prefer") != nil { wasHeld.withLock { $0 = true } }
            return nil
        }
        #expect(wasHeld.withLock { $0 })
        #expect(!answers.kinds.isEmpty)
    }
}

/// Hosts that send documents as bytes, most of them well, and change how they write them.
private struct Wire {
    struct Failure: Error { let outcome: RequestOutcome }

    /// A host's way of writing its documents.
    private struct Style {
        var version = "0.1.0"
        var bootID: String?
        var served: ProbeResult?
        var isIndented = false
        var hasUnknownMember = false
        var uptime = 100.0
    }

    private var random: SplitMix64
    private var mutations: DocumentMutations
    private var styles: [Style]

    init(seed: UInt64, hosts: Int) {
        random = SplitMix64(seed: seed ^ 0xA115)
        mutations = DocumentMutations(seed: seed)
        styles = Array(repeating: Style(), count: hosts)
    }

    mutating func response(_ sample: Sample) throws -> Result<TransferResponse, Failure> {
        var response = TransferResponse(status: 200, headers: headers(), body: [])
        switch sample.answer {
        case .unusable(let outcome, _): return .failure(Failure(outcome: outcome))
        case .plain(let plain):
            response.body = Array("{\"git_sha\":\"\(plain.gitSHA.value?.description ?? "")\"}".utf8)
        case .repeated: throw Failure(outcome: .never)
        case .document(let document):
            response.body = try body(document, host: sample.host)
            if random.chance(4) { response.body = mutations.variant(of: response.body) }
            if random.chance(2) { response.status = random.pick(from: [304, 404, 500, 401]) }
            if random.chance(2) { return .failure(Failure(outcome: random.pick(from: [.timeout, .protocolError]))) }
        }
        return .success(response)
    }

    private mutating func body(_ plain: Document, host: Int) throws -> [UInt8] {
        restyle(host)
        let style = styles[host]
        var document = plain
        document.agent = AgentIdentity(version: style.version, uptimeSeconds: style.uptime)
        document.host.bootID = style.bootID ?? document.host.bootID
        document.served = style.served
        if document.served?.outcome == .ok {
            document.served?.latencySeconds = Double(random.pick(1, 999)) / 1_000
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = style.isIndented ? [.sortedKeys, .prettyPrinted] : .sortedKeys
        if let key = CodingUserInfoKey.keepsUnusableText { encoder.userInfo[key] = true }
        var bytes = Array(try encoder.encode(document))
        if style.hasUnknownMember { bytes.insert(contentsOf: Array("\"x\":[1,null],".utf8), at: 1) }
        return bytes
    }

    private mutating func restyle(_ host: Int) {
        styles[host].uptime += 1
        if random.chance(3) { styles[host].version = random.pick(from: ["0.1.0", "0.2.0"]) }
        if random.chance(2) {
            styles[host].bootID = random.pick(from: [nil, "boot-1", "boot-2"])
            styles[host].uptime = 0
        }
        if random.chance(3) { styles[host].isIndented.toggle() }
        if random.chance(3) { styles[host].hasUnknownMember.toggle() }
        if random.chance(5) {
            styles[host].served = random.pick(from: [
                nil, ProbeResult(url: "http://127.0.0.1/", outcome: .ok, status: 200),
                ProbeResult(url: "http://127.0.0.1/", outcome: .timeout, latencySeconds: 2),
                ProbeResult(url: "http://127.0.0.1/", outcome: .httpStatus, status: 503, latencySeconds: 1),
            ])
        } else if styles[host].served?.outcome == .timeout {
            styles[host].served?.latencySeconds = Double(random.pick(2_000, 2_003)) / 1_000
        }
    }

    private mutating func headers() -> TransferHeaders {
        var headers = TransferHeaders()
        if random.chance(20) { headers.append("\"\(random.pick(1, 3))\"", named: "etag") }
        if random.chance(20) { headers.append("Sat, 31 Jan 2026 12:00:0\(random.pick(0, 9)) GMT", named: "date") }
        if random.chance(5) { headers.append(random.pick(from: ["HIT", "MISS"]), named: "x-cache") }
        if random.chance(3) { headers.append(random.pick(from: ["0", "1", "900", "x"]), named: "age") }
        return headers
    }
}
