import CollectorSupport
import Shared
import Verdict

/// The form of progress on standard error.
package enum ProgressMode: String, CaseIterable, Sendable {
    /// Live on a terminal, otherwise plain.
    case auto
    case live
    case plain
    case none

    /// A mode that is decided for a terminal.
    enum Style: Equatable, Sendable { case live(usesColor: Bool), plain, none }

    func style(on terminal: Terminal, environment: [String: String]) -> Style {
        switch self {
        case .auto where terminal.isInteractive(environment: environment), .live:
            .live(usesColor: terminal.usesColor(environment: environment))
        case .auto, .plain: .plain
        case .none: .none
        }
    }

    /// The observer that displays a verification; nil for ``none``.
    func observer(on terminal: Terminal, environment: [String: String]) -> (any SessionObserver)? {
        switch style(on: terminal, environment: environment) {
        case .live(let usesColor): LiveProgress(terminal: terminal, usesColor: usesColor)
        case .plain: PlainProgress(terminal: terminal)
        case .none: nil
        }
    }
}

extension String {
    /// A line of a log with the time since the start, for example `  12.3s  3 of 5 converged`.
    func stamped(at elapsed: Duration) -> String {
        let seconds = elapsed.elapsedText
        return String(repeating: " ", count: Swift.max(0, 7 - seconds.count)) + seconds + "  " + self
    }
}

extension Suspension {
    /// For example `the collector was suspended for 34s`.
    var words: String { "the collector was suspended for \(duration.brief)" }
}

/// The number of hosts with each status.
struct FleetCounts {
    private let counts: [(status: HostStatus, count: Int)]
    let expected: Int
    let converged: Int
    /// The interval that is kept, if it is longer than the one that was wanted.
    private let pace: String?

    init(_ verification: Verification) {
        counts = verification.counts.filter { $0.value > 0 }.map { ($0.key, $0.value) }
            .sorted { $0.0.rank > $1.0.rank }
        expected = verification.expected
        converged = verification.counts[.converged, default: 0]
        let kept = verification.timing.interval
        pace = kept > verification.policy.interval ? "each asked every \(kept.brief)" : nil
    }

    /// For example `3 of 5 converged, 1 pending, 1 unreachable`.
    var line: String {
        let others = counts.filter { $0.status != .converged }.map { "\($0.count) \($0.status.rawValue)" }
        return (["\(converged) of \(expected) converged"] + others + [pace].compactMap { $0 }).joined(separator: ", ")
    }

    func count(_ status: HostStatus) -> Int { counts.first { $0.status == status }?.count ?? 0 }
}

extension HostStatus {
    /// True if progress should name a host with this status.
    var needsAttention: Bool {
        switch self {
        case .conflict, .failed, .rolledBack, .unreachable, .agentError, .unverifiable, .missing, .mixed, .straggler,
            .ahead, .flapping:
            true
        case .pending, .starting, .soaking, .converged: false
        }
    }
}
