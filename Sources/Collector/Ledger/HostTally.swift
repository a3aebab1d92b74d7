/// What verifications found of hosts, counted: of one host in all of them, or of all hosts of one service.
struct HostTally {
    /// How often each label stood at the end.
    private(set) var labels: [HostLabel: Int] = [:]
    /// How often a host was not there at the end, or came much later than the others.
    private(set) var late = 0
    /// How often a host ended with a label that is neither converged nor merely behind.
    private(set) var failed = 0
    /// Every time to converge, in seconds.
    private var times: [Double] = []

    var count: Int { labels.values.reduce(0, +) }
    var converged: Int { labels[.converged, default: 0] }

    /// By the nearest-rank method over every convergence, so that each is a time that occurred.
    var percentiles: Report.Summary.Percentiles? {
        Percentiles(times.sorted()).map { .init(p50: $0.p50, p95: $0.p95, max: $0.max) }
    }

    /// Labels other than converged, the most frequent first.
    var troubles: [(label: HostLabel, count: Int)] {
        labels.filter { $0.key != .converged }.map { (label: $0.key, count: $0.value) }
            .sorted { ($1.count, $0.label.rank) < ($0.count, $1.label.rank) }
    }

    /// Counts what a verification found of a host that its gate was about.
    mutating func add(_ label: HostLabel, seconds: Double?, of verification: TalliedVerification) {
        // A host that had no time to get there is not late, and one that the collector itself lost has not failed.
        guard label == .converged || verification.gaveItsHostsTime else { return }
        labels[label, default: 0] += 1
        switch label.standing {
        case .proven:
            guard let seconds else { return }
            times.append(seconds)
            if verification.isLate(seconds) { late += 1 }
        case .behind: late += 1
        case .ahead: break
        case .conflict, .failed, .rolledBack, .unproven: failed += 1
        }
    }
}
