import FoundationEssentials
import Shared

/// A verification at its start, as the ledger keeps it.
struct LedgerRun: Sendable {
    var id: String
    /// RFC 3339.
    var startedAt: String
    /// At least one of commit and digest. The generation is the ledger's to give; where there is one, the run is of that
    /// promotion, which must be known and have this target.
    var target: Report.PromotedTarget
    var policy: Report.PolicySummary
    var inventory: Report.InventorySummary
    /// The frozen inventory, in its order.
    var hosts: [ExpectedHost]
    var collectorVersion = BuildinfoVersion.current

    /// What ``Ledger/begin(_:process:)`` found.
    struct Start: Hashable, Sendable {
        /// The ledger's number of the verification, for what follows.
        var verification: Int64
        /// The target's number among the promotions of its service.
        var generation: Int
        /// The service's promotions, oldest first; at most the last 1,000. The target's is the last one, unless the run is
        /// of an earlier one.
        var promotions: [Promotion]
    }
}

extension LedgerRun {
    init(id: String, startedAt: Date, target: Target, policy: Policy, inventory: Inventory) {
        self.init(
            id: id, startedAt: startedAt.rfc3339,
            target: Report.PromotedTarget(
                service: target.service, gitSHA: target.gitSHA, digest: target.digest, image: target.image,
                generation: target.generation, equivalentDigests: []),
            policy: Report.PolicySummary(policy),
            inventory: Report.InventorySummary(
                source: Hygiene.line(inventory.source), hash: inventory.hash, expected: inventory.hosts.count,
                listed: inventory.listedWhereSelected, selected: inventory.selected),
            hosts: inventory.hosts)
    }
}
