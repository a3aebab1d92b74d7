package import Reports
import Shared
package import Verdict

/// The start of a verification, as the ledger keeps it.
package struct VerificationRecord: Sendable {
    package var id: String
    /// RFC 3339.
    package var startedAt: String
    /// The target, with at least one of commit and digest. The ledger assigns the generation; if one is given, the verification
    /// is of that promotion, which must exist and have this target.
    package var target: Report.PromotedTarget
    var policy: Report.PolicySummary
    var inventory: Report.InventorySummary
    /// The frozen inventory, in its order.
    var hosts: [ExpectedHost]
    var collectorVersion: String

    package init(
        id: String, startedAt: String, target: Report.PromotedTarget, policy: Report.PolicySummary,
        inventory: Report.InventorySummary, hosts: [ExpectedHost], collectorVersion: String = BuildinfoVersion.current
    ) {
        self.id = id
        self.startedAt = startedAt
        self.target = target
        self.policy = policy
        self.inventory = inventory
        self.hosts = hosts
        self.collectorVersion = collectorVersion
    }

    /// The start of a verification, derived from its report.
    init(_ report: Report) {
        self.init(
            id: report.verification.id, startedAt: report.verification.startedAt, target: report.target,
            policy: report.policy, inventory: report.inventory, hosts: [],
            collectorVersion: report.verification.collector.version)
    }

    /// The result of ``Ledger/begin(_:process:)``.
    package struct Start: Hashable, Sendable {
        /// The ledger's number of the verification, for later calls.
        package var verification: Int64
        /// The target's number among the promotions of its service.
        package var generation: Int
        /// The service's promotions, oldest first; at most the last 1,000. The target is the last one, unless the verification
        /// is of an earlier promotion.
        package var promotions: [Promotion]
    }
}

/// A host's change of status, as the ledger keeps it.
struct RecordedTransition: Hashable, Sendable {
    /// Index in the frozen inventory.
    var host: Int
    /// The number of the host's earlier transitions.
    var number: Int
    var transition: Report.Host.Transition
}

/// The parts of a verification's end that are in the report and have no column of their own.
struct StoredOutcome: Codable, Hashable, Sendable {
    var reasons: [Reason]
    var warnings: [String]
    var summary: Report.Summary
    var durationSeconds: Double
    /// nil if no promotion took over, and in records of older collectors.
    var successor: Report.Successor?
    /// nil if nothing was promoted, and in records of older collectors.
    var promotion: PromotionRecord?
    /// nil in records of older collectors.
    var origin: ReportOrigin?
}
