import Verdict

/// How many hosts have each label, for one line.
struct FleetCounts {
    private let counts: [(label: HostStatus, count: Int)]
    let expected: Int
    let converged: Int

    init(_ verification: Verification) {
        counts = verification.counts.filter { $0.value > 0 }.map { ($0.key, $0.value) }
            .sorted { $0.0.rank > $1.0.rank }
        expected = verification.expected
        converged = verification.counts[.converged, default: 0]
    }

    /// For example `3 of 5 converged, 1 pending, 1 unreachable`.
    var line: String {
        let others = counts.filter { $0.label != .converged }.map { "\($0.count) \($0.label.rawValue)" }
        return (["\(converged) of \(expected) converged"] + others).joined(separator: ", ")
    }

    func count(_ label: HostStatus) -> Int { counts.first { $0.label == label }?.count ?? 0 }
}

extension HostStatus {
    /// Whether a person should hear of it while the verification still runs.
    var needsAttention: Bool {
        switch self {
        case .conflict, .failed, .rolledBack, .unreachable, .agentError, .unverifiable, .missing, .mixed, .straggler,
            .stalled, .ahead, .flapping:
            true
        case .pending, .starting, .soaking, .converged: false
        }
    }
}
