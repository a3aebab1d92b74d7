import Shared

/// How a verification ended; values as in the report's schema.
package enum Verdict: String, Codable, Hashable, Sendable, CaseIterable {
    case converged
    case convergedTolerated = "converged_tolerated"
    case stragglers
    case stalled
    case failedDeploy = "failed_deploy"
    case rolledBack = "rolled_back"
    case unreachable
    case inconclusive
    case superseded
    case emptyInventory = "empty_inventory"
    case inventoryShrunk = "inventory_shrunk"
    case identityConflict = "identity_conflict"
    case interrupted

    /// Whether the verification was refused before it asked anybody.
    package var isRefusal: Bool { self == .emptyInventory || self == .inventoryShrunk }

    /// The process's exit code for the verdict, where no flag and no signal says otherwise.
    package var exitCode: Int32 { exitStatus.rawValue }

    private var exitStatus: ExitStatus {
        switch self {
        case .converged, .convergedTolerated: .success
        case .stragglers: .stragglers
        case .stalled: .stalled
        case .failedDeploy: .failedDeploy
        case .rolledBack: .rolledBack
        case .unreachable: .unreachable
        case .inconclusive: .inconclusive
        case .superseded: .superseded
        case .emptyInventory, .inventoryShrunk: .inventory
        case .identityConflict: .identityConflict
        case .interrupted: .interrupt
        }
    }
}

/// One cause of a verdict.
package struct Reason: Codable, Hashable, Sendable {
    package var verdict: Verdict
    /// How many hosts it is about.
    package var hosts: Int
    /// One line.
    package var message: String

    package init(verdict: Verdict, hosts: Int, message: String) {
        self.verdict = verdict
        self.hosts = hosts
        self.message = message
    }
}

/// The end of a verification.
package struct Conclusion: Hashable, Sendable {
    package var verdict: Verdict
    package var exitCode: Int32
    /// Every cause that applies, worst first; the first one is the verdict's. Not empty.
    package var reasons: [Reason]
    /// Since the start.
    package var at: Duration

    package init(verdict: Verdict, exitCode: Int32, reasons: [Reason], at: Duration) {
        self.verdict = verdict
        self.exitCode = exitCode
        self.reasons = reasons
        self.at = at
    }
}
