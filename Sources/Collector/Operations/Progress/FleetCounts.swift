import Verdict

/// How many hosts have each status, for one line.
struct FleetCounts {
    private let counts: [(status: HostStatus, count: Int)]
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
        let others = counts.filter { $0.status != .converged }.map { "\($0.count) \($0.status.rawValue)" }
        return (["\(converged) of \(expected) converged"] + others).joined(separator: ", ")
    }

    func count(_ status: HostStatus) -> Int { counts.first { $0.status == status }?.count ?? 0 }
}

extension HostStatus {
    /// Whether a person should hear of it while the verification still runs.
    var needsAttention: Bool {
        switch self {
        case .conflict, .failed, .rolledBack, .unreachable, .agentError, .unverifiable, .missing, .mixed, .straggler,
            .ahead, .flapping:
            true
        case .pending, .starting, .soaking, .converged: false
        }
    }
}
