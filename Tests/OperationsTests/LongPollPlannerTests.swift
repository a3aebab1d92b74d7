import Foundation
import Shared
import Support
import Synchronization
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Operations
@testable import Transfer
@testable import Verdict

@Suite("Long polls", .timeLimit(.minutes(2)))
struct LongPollPlannerTests {
    /// What a scripted host does with a request that may be held.
    private enum Manner: Sendable {
        /// Answers with the promoted build after a while.
        case changes
        /// Says after the wait that nothing changed.
        case waits
        /// Says at once that nothing changed, and holds nothing.
        case refuses
        /// Says that nothing changed, without the nonce: a cache.
        case forgetsNonce
        /// Says that nothing changed, as another host.
        case isAnother
        /// 304 to everything, asked for or not.
        case alwaysUnchanged
    }

    private struct Run {
        var ended: Verification
        var duration: Duration
        var held: Int
        var plain: Int
        var host: HostTracker { ended.tracks[0] }
    }

    /// Runs until there is a verdict, or the host is as it is waited for.
    private static func run(
        _ manner: Manner, interval: Duration = .seconds(2),
        until isComplete: @escaping @Sendable (HostTracker) -> Bool = { _ in false }
    ) async throws -> Run {
        let policy = Policy(timeout: .seconds(100), interval: interval, soak: .milliseconds(300))
        let requests = Mutex((held: 0, plain: 0))
        let isNew = Mutex(false)
        let host = try await ScriptedHost.start { request in
            let nonce = request.query("nonce") ?? ""
            let isHeld = request.header("prefer")?.hasPrefix("wait=") ?? false
            requests.withLock { if isHeld { $0.held += 1 } else { $0.plain += 1 } }
            if manner == .alwaysUnchanged { return .status(304) }
            let before = isNew.withLock { $0 } ? "\"new\"" : "\"old\""
            guard isHeld, request.header("if-none-match") == before else {
                return answer(isNew.withLock { $0 } ? Answer() : .old, tag: before, nonce: nonce, extra: [])
            }
            let applied = [("Preference-Applied", "wait=1")]
            switch manner {
            case .changes:
                isNew.withLock { $0 = true }
                return .after(
                    .milliseconds(200), answer(Answer(), tag: "\"new\"", nonce: nonce, extra: applied))
            case .waits: return .after(.seconds(1), unchanged(nonce: nonce, extra: applied))
            case .refuses: return unchanged(nonce: nonce, extra: [])
            case .forgetsNonce: return unchanged(nonce: nil, extra: applied)
            case .isAnother: return unchanged(nonce: nonce, id: "another-id", extra: applied)
            case .alwaysUnchanged: return .close
            }
        }
        let engines = [try TransferClient(limits: TransferLimits(openFiles: 1_024))]
        var session = FleetSession(engines: engines, noncePrefix: "test") { _ in RequestCredentials() }
        session.isComplete = { isComplete($0.tracks[0]) }
        let verification = Verification(
            target: .promoted, hosts: [ExpectedHost(name: "host-0", url: host.url())], policy: policy,
            promotions: .upToTarget)
        let (ended, duration) = await session.run(verification, observers: [])
        await TransferClients.shutdown(engines)
        await host.stop()
        let (held, plain) = requests.withLock { ($0.held, $0.plain) }
        return Run(ended: ended, duration: duration, held: held, plain: plain)
    }

    private static func answer(
        _ answer: Answer, tag: String, nonce: String, extra: [(String, String)]
    ) -> ScriptedHostAnswer {
        var document = answer.document(host: 0, nonce: nonce)
        document.nonce = nonce
        guard let json = try? JSONEncoder().encode(document) else { return .close }
        let headers = [("ETag", tag), ("Buildinfo-Host", document.host.id)] + extra
        return .json(String(decoding: json, as: UTF8.self), headers: headers.map { (name: $0.0, value: $0.1) })
    }

    private static func unchanged(
        nonce: String?, id: String = "host-id-0", extra: [(String, String)]
    ) -> ScriptedHostAnswer {
        let proof =
            [("Buildinfo-Host", id), ("Buildinfo-Age", "0.100")] + (nonce.map { [("Buildinfo-Nonce", $0)] } ?? [])
        return .answer(status: 304, headers: (proof + extra).map { (name: $0.0, value: $0.1) }, body: [])
    }

    @Test("A change is seen when it happens, however long the interval is")
    func change() async throws {
        let run = try await Self.run(.changes, interval: .seconds(40))
        #expect(run.ended.conclusion?.verdict == .converged)
        #expect(run.host.transitions.map(\.status) == [.pending, .soaking, .converged])
        // Nobody waited for an interval.
        #expect(run.duration < .seconds(40))
        #expect(run.held == 1)
    }

    @Test("A host that does not change holds each request, and says at its end that nothing did")
    func unchanged() async throws {
        let run = try await Self.run(.waits) { $0.attempts >= 4 }
        #expect(run.host.facts.reach == .ok && run.host.facts.build == .behind)
        #expect(run.plain == 1)
        #expect(run.held >= 1)
    }

    @Test("A host that holds nothing is asked at the interval")
    func refuses() async throws {
        let run = try await Self.run(.refuses, interval: .seconds(1)) { $0.attempts >= 4 }
        #expect(run.host.facts.reach == .ok && run.host.facts.build == .behind)
        #expect(run.held == 1)
        // Two at once, the one that is not held and the one before, and then an interval between two; but a look from
        // before the start, which the 304 may be, is asked after again at once.
        #expect(run.duration >= .seconds(1))
    }

    @Test("A 304 that does not echo the nonce is some cache's")
    func cached() async throws {
        let run = try await Self.run(.forgetsNonce) { $0.status == .conflict }
        #expect(run.host.status == .conflict)
        #expect(run.host.facts.identity == .replayed)
    }

    @Test("A 304 of another host proves nothing of this one")
    func another() async throws {
        let run = try await Self.run(.isAnother) { $0.status == .agentError }
        #expect(run.host.status == .agentError)
        #expect(run.host.facts.reach == .httpStatus)
    }

    @Test("A 304 that nobody asked for is no answer")
    func unasked() async throws {
        let run = try await Self.run(.alwaysUnchanged) { $0.attempts >= 2 }
        #expect(run.host.status == .agentError)
        #expect(run.host.facts.reach == .httpStatus)
        #expect(run.held == 0)
    }
}
