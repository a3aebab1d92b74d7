import CollectorSupport
import Foundation
import Shared
import Synchronization
import Verdict

/// Keeps what a sweep's answers state beside the facts of a verification.
final class SweepAnswers: SessionObserver {
    /// The answer of one host.
    struct Answer: Sendable {
        /// nil without an agent's document.
        var document: Document?
        /// The failure; nil with a usable answer.
        var failure: FailedRequest?
        /// From sending the request until its end, name lookup and connecting included.
        var latency: Duration
        /// How far the host's wall clock is certainly ahead of this machine's (or behind it, if negative), in seconds: 0 if
        /// both may be equal. nil without a document with a time.
        var clockOffset: Double?
    }

    private struct State {
        var answers: [Int: Answer] = [:]
        /// The wall clock at the session's start.
        var start = Date()
    }

    private let state = Mutex(State())

    /// By the hosts' indices.
    var answers: [Int: Answer] { state.withLock(\.answers) }

    func took(_ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification) {
        switch input {
        case .started: state.withLock { $0.start = Date() }
        case .sample(let sample):
            let url = verification.tracks[sample.host].host.url
            state.withLock { $0.answers[sample.host] = Self.answer(sample, url: url, start: $0.start) }
        default: break
        }
    }

    func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {}

    func ended(_ verification: Verification, _ conclusion: Conclusion) {}

    private static func answer(_ sample: Sample, url: String, start: Date) -> Answer {
        var answer = Answer(latency: sample.answeredAt - sample.askedAt)
        if case .unusable(let outcome, let detail) = sample.answer {
            answer.failure = FailedRequest(outcome, detail: detail, url: url)
        }
        guard case .document(let document) = sample.answer else { return answer }
        answer.document = document
        guard let theirs = Date(rfc3339: document.observedAt), document.ageSeconds.isFinite else { return answer }
        // The agent looked between these two moments, by this machine's clock.
        let earliest = start.addingTimeInterval(sample.askedAt.seconds - document.ageSeconds)
        let latest = start.addingTimeInterval(sample.answeredAt.seconds - document.ageSeconds)
        answer.clockOffset =
            if theirs > latest { theirs.timeIntervalSince(latest) } else if theirs < earliest {
                theirs.timeIntervalSince(earliest)
            } else { 0 }
        return answer
    }
}
