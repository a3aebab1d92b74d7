import CollectorSupport
package import Foundation
package import Inventory
import Ledger
import Reports
import Shared
package import Verdict

extension VerificationRecord {
    package init(id: String, startedAt: Date, target: Target, policy: Policy, inventory: Inventory) {
        self.init(
            id: id, startedAt: startedAt.rfc3339,
            target: Report.PromotedTarget(
                service: target.service, gitSHA: target.gitSHA, digest: target.digest, image: target.image,
                generation: target.generation, equivalentDigests: []),
            policy: Report.PolicySummary(policy),
            inventory: Report.InventorySummary(
                source: Sanitizer.singleLine(inventory.source), hash: inventory.hash, expected: inventory.hosts.count,
                listed: inventory.listedWhereSelected, selected: inventory.selected),
            hosts: inventory.hosts)
    }
}
