import Shared
import Verdict

/// What a verification took in, as lines: all that is needed to take it in again.
struct RecordingEncoder: Sendable {
    private var lastStaleCheck = Duration.zero

    /// The lines of one input, and of the labels that it changed. Most of the time that passes changes nothing and gives none.
    mutating func lines(
        of input: Verification.Input, _ actions: [Verification.Action], by verification: Verification
    ) -> [EvidenceLine] {
        var lines: [EvidenceLine] = []
        switch input {
        case .started: break
        case .asked(let hosts, let moment): lines.append(.asked(.init(at: Nanoseconds(moment), hosts: hosts)))
        case .sample(let sample): lines.append(.sample(sample))
        case .time(let now):
            guard !actions.isEmpty || verification.lastStaleCheck != lastStaleCheck else { return [] }
            lastStaleCheck = verification.lastStaleCheck
            lines.append(.time(.init(at: Nanoseconds(now))))
        case .promotions(let promotions, let now):
            lines.append(.promotions(.init(at: Nanoseconds(now), promotions: promotions)))
        case .listed(let names, let now):
            let missing = verification.tracks.map(\.host.name).filter { !names.contains($0) }
            lines.append(.unlisted(.init(at: Nanoseconds(now), hosts: missing)))
        case .learned(let image, let now): lines.append(.learned(.init(at: Nanoseconds(now), image: image)))
        case .moved(let tag, let now): lines.append(.moved(.init(at: Nanoseconds(now), tag: tag)))
        case .tagSeen(let lookedAt, let now):
            lines.append(.tagSeen(.init(at: Nanoseconds(now), lookedAt: Nanoseconds(lookedAt))))
        case .signal(let number, let now): lines.append(.signal(.init(at: Nanoseconds(now), number: number)))
        }
        return lines + actions.compactMap(EvidenceLine.init(changeOf:))
    }
}

extension EvidenceLine {
    /// The change of a status; nil for anything else that a verification wants done.
    init?(changeOf action: Verification.Action) {
        guard case .changed(let host, let transition) = action else { return nil }
        self = .status(
            Label(
                host: host, at: Nanoseconds(transition.at), status: transition.status,
                reason: Sanitizer.singleLine(transition.reason)))
    }
}

extension EvidenceLine.Ending {
    init(_ conclusion: Conclusion, notes: [String]) {
        self.init(
            at: Nanoseconds(conclusion.at), verdict: conclusion.verdict, exitCode: conclusion.exitCode,
            reasons: conclusion.reasons, notes: notes)
    }
}
