import FoundationEssentials
package import Reports
import Shared
package import Verdict

/// A verification at its start, as the ledger keeps it.
package struct VerificationRecord: Sendable {
    package var id: String
    /// RFC 3339.
    package var startedAt: String
    /// At least one of commit and digest. The generation is the ledger's to give; where there is one, the run is of that
    /// promotion, which must be known and have this target.
    package var target: Report.PromotedTarget
    package var policy: Report.PolicySummary
    package var inventory: Report.InventorySummary
    /// The frozen inventory, in its order.
    package var hosts: [ExpectedHost]
    var collectorVersion = BuildinfoVersion.current

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

    /// What ``Ledger/begin(_:process:)`` found.
    package struct Start: Hashable, Sendable {
        /// The ledger's number of the verification, for what follows.
        package var verification: Int64
        /// The target's number among the promotions of its service.
        package var generation: Int
        /// The service's promotions, oldest first; at most the last 1,000. The target's is the last one, unless the run is
        /// of an earlier one.
        package var promotions: [Promotion]

        package init(verification: Int64, generation: Int, promotions: [Promotion]) {
            self.verification = verification
            self.generation = generation
            self.promotions = promotions
        }
    }
}
