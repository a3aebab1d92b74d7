/// The one word for a host, derived from its facts over time; values as in the report's schema.
///
/// The order of the cases is the order in which failing hosts are listed: worst first.
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

    /// What a status means for tolerance and exit code.
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

    /// How a host counts at the end; see the table of exit codes.
    package enum Category: Hashable, Sendable {
        case proven, conflict, failed, rolledBack, ahead
        /// Gave no usable answer: counts against `--max-unreachable`.
        case unproven
        /// Not there yet: counts against `--max-stragglers`.
        case behind
    }

    /// Position in a list of hosts, worst first.
    package var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
