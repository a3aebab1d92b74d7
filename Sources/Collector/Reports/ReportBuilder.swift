import CollectorSupport
package import FoundationEssentials
import Shared
package import Verdict

/// Builds the report of a verification that has ended.
package struct ReportBuilder: Sendable {
    /// Facts about the run that the state machine does not know.
    package struct Context: Sendable {
        package var id: String
        package var startedAt: Date
        package var finishedAt: Date
        var inventorySource: String
        var inventoryHash: String
        /// The terms of the selection.
        var selected: [String]
        /// The number of hosts in the inventory; nil if every host was selected.
        var listed: Int?
        /// Warnings about the inputs.
        var warnings: [String]
        /// Warnings about events during the verification.
        package var notes: [String]
        /// True for a status: every host was queried once.
        var isSweep: Bool
        /// nil if no evidence was written.
        package var evidence: Report.EvidenceFile?
        /// nil unless the verification belongs to a promotion or rollback.
        package var promotion: PromotionRecord?
        /// nil unless this is a status of a tag.
        package var drift: Drift?
        /// Warnings about events after the verdict.
        package var closingNotes: [String] = []
        /// nil if nothing is known of the place of the run.
        package var origin: ReportOrigin?

        package init(
            id: String, startedAt: Date, finishedAt: Date, inventorySource: String, inventoryHash: String,
            selected: [String] = [], listed: Int? = nil, warnings: [String] = [], notes: [String] = [],
            isSweep: Bool = false
        ) {
            self.id = id
            self.startedAt = startedAt
            self.finishedAt = finishedAt
            self.inventorySource = inventorySource
            self.inventoryHash = inventoryHash
            self.selected = selected
            self.listed = listed
            self.warnings = warnings
            self.notes = notes
            self.isSweep = isSweep
        }
    }

    private let verification: Verification
    private let context: Context

    package init(verification: Verification, context: Context) {
        self.verification = verification
        self.context = context
    }

    /// The hosts of the report. They depend on nothing in the context but its start and kind, so they can be made early.
    package func rows(at end: Duration) async -> ReportRows { await maker(at: end).rowsOnEveryCore() }

    /// - Parameters:
    ///   - conclusion: the verification's own, unless it never started.
    ///   - prepared: from ``rows(at:)``; nil to make them now.
    package func build(_ conclusion: Conclusion, _ prepared: consuming ReportRows? = nil) -> Report {
        let rows = prepared ?? maker(at: conclusion.at).rows()
        let target = verification.target
        var report = Report(
            verification: Report.Run(
                id: context.id, startedAt: context.startedAt.rfc3339, finishedAt: context.finishedAt.rfc3339,
                durationSeconds: conclusion.at.roundedSeconds,
                collector: .init(version: BuildinfoVersion.current)),
            target: Report.PromotedTarget(
                service: target.service, environment: target.environment, gitSHA: target.gitSHA, digest: target.digest,
                image: target.image, generation: target.generation, equivalentDigests: equivalents),
            inventory: Report.InventorySummary(
                source: Sanitizer.singleLine(context.inventorySource), hash: context.inventoryHash,
                expected: verification.tracks.count, listed: context.listed,
                selected: context.selected.isEmpty ? nil : context.selected),
            policy: Report.PolicySummary(verification.policy),
            successor: SupersedeProgress(verification).map(Report.Successor.init),
            verdict: conclusion.verdict, exitCode: conclusion.exitCode, reasons: conclusion.reasons,
            warnings: context.warnings + context.notes + rows.warnings.all(of: verification, context)
                + context.closingNotes,
            summary: rows.summary, hosts: rows.hosts, evidence: context.evidence,
            promotion: context.promotion, drift: context.drift, origin: context.origin)
        if context.isSweep { report.sweep = Report.Sweep(verification, at: conclusion.at) }
        report.settleAdvice()
        return report
    }

    private func maker(at end: Duration) -> ReportRowMaker {
        ReportRowMaker(verification, startedAt: context.startedAt, isSweep: context.isSweep, at: end)
    }

    private var equivalents: [Report.PromotedTarget.Equivalent] {
        (verification.target.content?.manifests ?? []).flatMap { manifest in
            var digests: [(Digest, String)] = []
            if manifest.digest != verification.target.digest { digests.append((manifest.digest, "manifest")) }
            if let config = manifest.config { digests.append((config, "config")) }
            return digests.map { digest, kind in
                Report.PromotedTarget.Equivalent(
                    digest: digest, kind: kind, platform: manifest.platform?.description)
            }
        }
    }
}

// MARK: - From the state machine to the report

extension Report.PolicySummary {
    package init(_ policy: Policy) {
        self.init(
            timeoutSeconds: policy.timeout.seconds, intervalSeconds: policy.interval.seconds,
            requestTimeoutSeconds: policy.requestTimeout.seconds, soakSeconds: policy.soak.seconds,
            stallSeconds: policy.stall.seconds, failAfter: policy.failAfter,
            maxStragglers: "\(policy.maxStragglers)", maxUnreachable: "\(policy.maxUnreachable)",
            maxFailed: "\(policy.maxFailed)", minProven: "\(policy.minProven)", supersededOK: policy.supersededOK,
            maxStragglersByLabel: Self.texts(policy.maxStragglersByLabel),
            maxUnreachableByLabel: Self.texts(policy.maxUnreachableByLabel),
            maxFailedByLabel: Self.texts(policy.maxFailedByLabel), require: Self.texts(policy.require))
    }

    /// nil if empty.
    private static func texts(_ limits: [some CustomStringConvertible]) -> [String]? {
        limits.isEmpty ? nil : limits.map { Sanitizer.singleLine($0.description) }
    }
}

extension Report.Successor {
    fileprivate init(_ progress: SupersedeProgress) {
        let promotion = progress.promotion
        self.init(
            generation: promotion.generation, gitSHA: promotion.gitSHA, digest: promotion.digest,
            promotedAt: Sanitizer.singleLine(promotion.at, limit: 64), hostsServing: progress.serving,
            hostsOnTarget: progress.onTarget, hostsOnNeither: progress.neither)
    }
}

extension Report.Sweep {
    fileprivate init(_ verification: Verification, at now: Duration) {
        let rules = SweepRules(verification, at: now)
        let isCompared = verification.target.isComparable
        self.init(
            onTarget: isCompared ? rules.count(.well) : nil, answered: isCompared ? nil : rules.count(.well),
            behind: rules.count(.behind), failing: rules.count(.failing), unanswered: rules.count(.unanswered),
            conflicting: rules.count(.conflicting))
    }
}
