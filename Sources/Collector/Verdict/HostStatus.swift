/// The status of a host, derived from its facts over time; values as in the report's schema.
///
/// Failing hosts are listed in the order of the cases, worst first.
package enum HostStatus: String, Codable, Hashable, Sendable, CaseIterable {
    case conflict
    case failed
    case rolledBack = "rolled_back"
    case unreachable
    case agentError = "agent_error"
    case unverifiable
    case missing
    case mixed
    case straggler
    case ahead
    case pending
    case starting
    case flapping
    case soaking
    case converged

    /// The effect of a status on tolerance and exit code.
    package var category: Category {
        switch self {
        case .converged: .proven
        case .conflict: .conflict
        case .failed: .failed
        case .rolledBack: .rolledBack
        case .ahead: .ahead
        case .unreachable, .agentError, .unverifiable, .missing: .unproven
        case .straggler, .pending, .starting, .soaking, .flapping, .mixed: .behind
        }
    }

    /// The category in which a host counts at the end. The README's table of exit codes lists the results.
    package enum Category: Hashable, Sendable {
        case proven, conflict, failed, rolledBack, ahead
        /// No usable answer; counts against `--max-unreachable`.
        case unproven
        /// Not on the target yet; counts against `--max-stragglers`.
        case behind
    }

    /// Position in a list of hosts, worst first.
    package var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
