package import Reports
import Verdict

/// What a report says of a verification's end beyond the columns that are asked for.
struct StoredOutcome: Codable, Hashable, Sendable {
    var reasons: [Reason]
    var warnings: [String]
    package var summary: Report.Summary
    var durationSeconds: Double
    /// nil where none took over, as in what older collectors recorded.
    var successor: Report.Successor?
    /// nil where nothing was promoted, as in what older collectors recorded.
    var promotion: PromotionRecord?
}

extension VerificationRecord {
    /// The start of a verification that is known by its report only.
    package init(_ report: Report) {
        self.init(
            id: report.verification.id, startedAt: report.verification.startedAt, target: report.target,
            policy: report.policy, inventory: report.inventory, hosts: [],
            collectorVersion: report.verification.collector.version)
    }
}
