import Shared

/// The outcome of a verification; values as in the report's schema.
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

    /// True if the verification was refused before any host was queried.
    package var isRefusal: Bool { self == .emptyInventory || self == .inventoryShrunk }

    /// The process's exit code for the verdict, unless a flag or a signal changes it.
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
    /// The code for programs; nil in the records of older collectors.
    package var code: Code?
    /// The number of hosts that it concerns.
    package var hosts: Int
    /// One line for people.
    package var message: String

    package init(verdict: Verdict, code: Code? = nil, hosts: Int, message: String) {
        self.verdict = verdict
        self.code = code
        self.hosts = hosts
        self.message = message
    }

    /// The name of a cause, for programs. Values never change their meaning.
    package enum Code: String, Codable, Hashable, Sendable, CaseIterable {
        case allProven = "all_proven"
        case restTolerated = "rest_tolerated"
        case identityConflict = "identity_conflict"
        case deployFailed = "deploy_failed"
        case wentBack = "went_back"
        case lostTogether = "lost_together"
        case collectorSuspended = "collector_suspended"
        case collectorShort = "collector_short"
        case newerPromotion = "newer_promotion"
        case tagMoved = "tag_moved"
        case tagPutBack = "tag_put_back"
        case tagUncertain = "tag_uncertain"
        case hostsAhead = "hosts_ahead"
        case noUsableAnswer = "no_usable_answer"
        case nothingChanged = "nothing_changed"
        case notConverged = "not_converged"
        case interrupted
        case collectorKilled = "collector_killed"
        case evidenceCut = "evidence_cut"
        case nothingProven = "nothing_proven"
        case selectionMatchesNothing = "selection_matches_nothing"
        case allWaived = "all_waived"
        case inventoryEmpty = "inventory_empty"
        case requirementWithoutHosts = "requirement_without_hosts"
        case requirementTooLarge = "requirement_too_large"
        case tooFewHosts = "too_few_hosts"
        case inventoryShrunk = "inventory_shrunk"
        case hostsFailing = "hosts_failing"
        case hostsBehind = "hosts_behind"
        case singleObservation = "single_observation"
        case nothingToCompare = "nothing_to_compare"
        case drift
        /// Nothing is decided yet.
        case underWay = "under_way"
    }
}

/// The end of a verification.
package struct Conclusion: Hashable, Sendable {
    package var verdict: Verdict
    package var exitCode: Int32
    /// Every cause that applies, worst first; the first is the verdict's. Not empty.
    package var reasons: [Reason]
    /// Time since the start.
    package var at: Duration

    package init(verdict: Verdict, exitCode: Int32, reasons: [Reason], at: Duration) {
        self.verdict = verdict
        self.exitCode = exitCode
        self.reasons = reasons
        self.at = at
    }
}
