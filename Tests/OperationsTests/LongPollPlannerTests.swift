import Foundation
import Shared
import Support
import Synchronization
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Transfer
@testable import Verdict

@Suite("Long polls", .timeLimit(.minutes(2)))
struct LongPollPlannerTests {
    /// The behaviour of a scripted host towards a request to hold.
    private enum Behaviour: Sendable {
        /// Answers with the promoted build after a moment.
        case changes
        /// Answers 304 after the wait.
        case waits
        /// Answers 304 at once, without holding.
        case refuses
        /// Answers 304 without the nonce, like a cache.
        case forgetsNonce
        /// Answers 304 as another host.
        case isAnother
        /// Answers 304 to every request, conditional or not.
        case alwaysUnchanged
    }

    private struct Run {
        var ended: Verification
        var duration: Duration
        var held: Int
        var plain: Int
        var host: HostTracker { ended.tracks[0] }
    }

    /// Runs until there is a verdict, or the host meets the condition.
    private static func run(
        _ behaviour: Behaviour, interval: Duration = .seconds(2),
        until isComplete: @escaping @Sendable (HostTracker) -> Bool = { _ in false }
    ) async throws -> Run {
        let policy = Policy(timeout: .seconds(100), interval: interval, soak: .milliseconds(300))
        let requests = Mutex((held: 0, plain: 0))
        let isNew = Mutex(false)
        let host = try await ScriptedHost.start { request in
            let nonce = request.query("nonce") ?? ""
            let isHeld = request.header("prefer")?.hasPrefix("wait=") ?? false
            requests.withLock { if isHeld { $0.held += 1 } else { $0.plain += 1 } }
            if behaviour == .alwaysUnchanged { return .status(304) }
            let before = isNew.withLock { $0 } ? "\"new\"" : "\"old\""
            guard isHeld, request.header("if-none-match") == before else {
                return answer(isNew.withLock { $0 } ? Answer() : .old, tag: before, nonce: nonce, extra: [])
            }
            let applied = [("Preference-Applied", "wait=1")]
            switch behaviour {
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
        let verification = Verification(
            target: .promoted, hosts: [ExpectedHost(name: "host-0", url: host.url())], policy: policy,
            promotions: .upToTarget)
        let (ended, duration) = try await FleetSession.run(verification) { isComplete($0.tracks[0]) }
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

    @Test("A change is seen when it happens, however long the interval")
    func change() async throws {
        let run = try await Self.run(.changes, interval: .seconds(40))
        #expect(run.ended.conclusion?.verdict == .converged)
        #expect(run.host.transitions.map(\.status) == [.pending, .soaking, .converged])
        // Sooner than the interval.
        #expect(run.duration < .seconds(40))
        #expect(run.held == 1)
    }

    @Test("An unchanged host holds each request and answers 304 at its end")
    func unchanged() async throws {
        let run = try await Self.run(.waits) { $0.attempts >= 4 }
        #expect(run.host.facts.reach == .ok && run.host.facts.build == .behind)
        #expect(run.plain == 1)
        #expect(run.held >= 1)
    }

    @Test("A host that does not hold requests is polled at the interval")
    func refuses() async throws {
        let run = try await Self.run(.refuses, interval: .seconds(1)) { $0.attempts >= 4 }
        #expect(run.host.facts.reach == .ok && run.host.facts.build == .behind)
        #expect(run.held == 1)
        // The first request and the one that was not held follow at once, then there is an interval. A 304 whose
        // observation predates the start is repeated at once.
        #expect(run.duration >= .seconds(1))
    }

    @Test("A 304 without the nonce counts as the answer of a cache")
    func cached() async throws {
        let run = try await Self.run(.forgetsNonce) { $0.status == .conflict }
        #expect(run.host.status == .conflict)
        #expect(run.host.facts.identity == .replayed)
    }

    @Test("A 304 of another host proves nothing about this one")
    func another() async throws {
        let run = try await Self.run(.isAnother) { $0.status == .agentError }
        #expect(run.host.status == .agentError)
        #expect(run.host.facts.reach == .httpStatus)
    }

    @Test("A 304 to an unconditional request is not an answer")
    func unasked() async throws {
        let run = try await Self.run(.alwaysUnchanged) { $0.attempts >= 2 }
        #expect(run.host.status == .agentError)
        #expect(run.host.facts.reach == .httpStatus)
        #expect(run.held == 0)
    }

    @Test("A document that is repeated in a held answer is requested as a whole before the next hold")
    func repeated() {
        var planner = LongPollPlanner(limit: 1, interval: .seconds(2))
        func reading(_ answer: Sample.Answer, tag: String?) -> SessionEvent.Reading {
            var reading = SessionEvent.Reading(id: 1, startedAt: .now, finishedAt: .now, finding: answer)
            (reading.validators.status, reading.validators.wasHeld) = (200, true)
            (reading.validators.tag, reading.validators.host) = (tag, "host-id-0")
            return reading
        }
        func hold(at now: Duration) -> String? {
            _ = planner.schedule(0, at: now + .seconds(2), now: now, status: .pending)
            return planner.takeHold(0, now: now)?.tag
        }
        let document = Answer().document(host: 0, nonce: "n")
        #expect(planner.needsDocument(0, status: .pending, isBehind: false))
        _ = planner.finding(reading(.document(document), tag: "a"), host: 0, nonce: "n", answeredAt: .zero)
        #expect(!planner.needsDocument(0, status: .pending, isBehind: false))
        #expect(hold(at: .zero) == "a")
        let again = RepeatedDocument(nonce: "m", ageSeconds: 0, observedAt: document.observedAt)
        _ = planner.finding(reading(.repeated(again), tag: nil), host: 0, nonce: "m", answeredAt: .seconds(1))
        #expect(hold(at: .seconds(1)) == nil)
        #expect(planner.needsDocument(0, status: .pending, isBehind: false))
        for status in [HostStatus.soaking, .converged] {
            #expect(!planner.needsDocument(0, status: status, isBehind: false))
        }
        #expect(!planner.needsDocument(0, status: .pending, isBehind: true))
        _ = planner.finding(reading(.document(document), tag: "b"), host: 0, nonce: "n", answeredAt: .seconds(3))
        #expect(hold(at: .seconds(3)) == "b")
        // There is no room for another hold.
        #expect(!planner.needsDocument(1, status: .pending, isBehind: false))
    }

    @Test("A converged host is held in a standing check only, and a soaking one in none")
    func converged() {
        for holdsConverged in [false, true] {
            let planner = LongPollPlanner(limit: 1, interval: .seconds(15), holdsConverged: holdsConverged)
            #expect(planner.needsDocument(0, status: .converged, isBehind: false) == holdsConverged)
            #expect(!planner.needsDocument(0, status: .soaking, isBehind: false))
            #expect(planner.needsDocument(0, status: .straggler, isBehind: false))
        }
    }
}
