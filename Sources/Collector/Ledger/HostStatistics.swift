import CollectorSupport
import Reports
import Verdict

/// What verifications found of hosts, counted: of one host in all of them, or of all hosts of one service.
struct HostStatistics {
    private(set) var converged = 0
    /// How often a host was not there at the end, or came much later than the others.
    private(set) var late = 0
    /// How often a host ended with a status that is neither converged nor merely behind.
    private(set) var failed = 0
    /// How often each other status stood at the end.
    private var others: [HostStatus: Int] = [:]
    /// Every time to converge, in seconds.
    private var times: [Double] = []

    var count: Int { others.values.reduce(converged, +) }

    /// How often each status stood at the end, by its name.
    var statuses: [String: Int] {
        let named =
            others.map { ($0.key.rawValue, $0.value) }
            + (converged > 0 ? [(HostStatus.converged.rawValue, converged)] : [])
        return Dictionary(uniqueKeysWithValues: named)
    }

    /// By the nearest-rank method over every convergence, so that each is a time that occurred.
    var percentiles: Report.Summary.Percentiles? {
        Percentiles(times.sorted()).map { .init(p50: $0.p50, p95: $0.p95, max: $0.max) }
    }

    /// Counts what a verification found of a host that its gate was about.
    mutating func add(_ status: HostStatus, seconds: Double?, of verification: VerificationSummary) {
        if status == .converged {
            converged += 1
            guard let seconds else { return }
            times.append(seconds)
            if verification.isLate(seconds) { late += 1 }
            return
        }
        // A host that had no time to get there is not late, and one that the collector itself lost has not failed.
        guard verification.gaveItsHostsTime else { return }
        others[status, default: 0] += 1
        switch status.category {
        case .behind: late += 1
        case .proven, .ahead: break
        case .conflict, .failed, .rolledBack, .unproven: failed += 1
        }
    }
}
