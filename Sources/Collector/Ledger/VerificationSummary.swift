import Verdict

/// What has to be known of a verification to judge its hosts' times by.
struct VerificationSummary: Hashable, Sendable {
    /// The ledger's.
    var number: Int64
    var service: String
    var verdict: Verdict
    /// nil where the collector was killed.
    var exitCode: Int32?
    /// The median of its hosts' times to converge, in seconds.
    var median: Double?

    /// Whether the verification ran until it could say something against a host.
    ///
    /// Not where it was cut short, where the collector doubted itself, and where no host was ever asked.
    var gaveItsHostsTime: Bool {
        switch verdict {
        case .superseded, .interrupted, .inconclusive, .emptyInventory, .inventoryShrunk: false
        case .converged, .convergedTolerated, .stragglers, .stalled, .failedDeploy, .rolledBack, .unreachable,
            .identityConflict:
            true
        }
    }

    /// Whether a host that converged then came much later than the others: after more than twice the median, and more than a
    /// second after it, since below that hosts differ by when they were asked.
    func isLate(_ seconds: Double) -> Bool {
        guard let median else { return false }
        return seconds > 2 * median && seconds > median + 1
    }
}
