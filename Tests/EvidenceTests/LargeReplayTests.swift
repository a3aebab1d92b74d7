import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Evidence
@testable import Reports
@testable import Verdict

@Suite("Replay of a large fleet", .timeLimit(.minutes(5)))
struct LargeReplayTests {
    private static let count = 5_000

    /// The answer of a host: one in a hundred is silent, the others serve the target from some sweep on, and repeat their
    /// last document while nothing changes.
    private static func answer(_ host: Int, sweep: Int, nonce: String) -> Sample.Answer {
        let change = host % 2
        switch host {
        case _ where host.isMultiple(of: 100): return .unusable(.timeout, detail: "no answer")
        case _ where sweep == 0 || sweep == change:
            return .document((sweep >= change ? Answer() : .old).document(host: host, nonce: nonce))
        default:
            return .repeated(
                RepeatedDocument(nonce: nonce, ageSeconds: 0.001, observedAt: "2026-01-01T00:00:0\(sweep)Z"))
        }
    }

    @Test("A fleet of 5,000 hosts replays to the same statuses, times and report, from the file that was recorded")
    func same() async throws {
        let folder = try TemporaryFolder()
        var policy = Policy(timeout: .seconds(60), soak: .seconds(2), maxUnreachable: .percent(2))
        policy.failAfter = 2
        let hosts = (0..<Self.count).map { ExpectedHost(name: "host-\($0)", url: "http://host-\($0)/") }
        var verification = Verification(target: .promoted, hosts: hosts, policy: policy, promotions: .upToTarget)
        let recording = Recording(verification)
        let path = folder.path("evidence.ndjson")
        var recorder = EvidenceRecorder(file: try EvidenceFile(opening: path), hosts: hosts.count)
        recorder.begin(recording.start, hosts: hosts)
        func take(_ input: Verification.Input, at now: Duration) {
            guard verification.conclusion == nil else { return }
            let actions = verification.take(input)
            recorder.took(input, actions, by: verification)
            recorder.turned([], of: verification, at: now)
        }
        take(.started, at: .zero)
        for sweep in 0..<8 where verification.conclusion == nil {
            let start = Duration.seconds(2) * sweep + .milliseconds(100)
            take(.paced(interval: .seconds(2), at: start), at: start)
            for first in stride(from: 0, to: Self.count, by: 500) where verification.conclusion == nil {
                let moment = start + .milliseconds(first / 5)
                take(.time(moment), at: moment)
                let batch = first..<first + 500
                take(.asked(Array(batch), at: moment), at: moment)
                for host in batch {
                    let nonce = "n\(sweep)-\(host)"
                    take(
                        .sample(
                            Sample(
                                host: host, askedAt: moment, answeredAt: moment + .microseconds(host), nonce: nonce,
                                answer: Self.answer(host, sweep: sweep, nonce: nonce))), at: moment)
                }
            }
        }
        let conclusion = try #require(verification.conclusion)
        #expect(conclusion.verdict == .convergedTolerated)
        let recorded = try await recorder.conclude(conclusion, notes: ["a note"], patience: .seconds(200)) {
            do { try await Task.sleep(for: .seconds(200)) } catch { return }
        }
        let outcome = try Replay.run(path)
        #expect(outcome.cut == nil)
        var report = recording.report(verification, conclusion)
        report.evidence = .init(hash: recorded.hash)
        let statuses = verification.tracks.map(\.status)
        #expect(Set(statuses) == [.converged, .unreachable])
        #expect(outcome.report.hosts.count == Self.count)
        #expect(try ReportFormat.json.render(outcome.report) == ReportFormat.json.render(report))
    }
}
