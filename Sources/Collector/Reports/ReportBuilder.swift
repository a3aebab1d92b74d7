import CollectorSupport
package import FoundationEssentials
import Shared
package import Verdict

/// Makes the report of a verification that has ended.
package struct ReportBuilder {
    /// What the state machine does not know of its own run.
    package struct Context: Sendable {
        package var id: String
        package var startedAt: Date
        package var finishedAt: Date
        package var inventorySource: String
        package var inventoryHash: String
        /// The terms of the selection.
        package var selected: [String] = []
        /// Hosts that the inventory lists; nil where all of them were selected.
        package var listed: Int?
        /// What to tell besides what the fleet itself gives reason to.
        package var warnings: [String] = []
        /// The same, of what happened around the verification.
        package var notes: [String] = []
        /// Every host was asked once, for a status.
        package var isSweep = false

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

    package let verification: Verification
    package let context: Context

    package init(verification: Verification, context: Context) {
        self.verification = verification
        self.context = context
    }

    /// - Parameter conclusion: the verification's own, unless it never started.
    package func build(_ conclusion: Conclusion) -> Report {
        let hosts = verification.tracks.enumerated().sorted {
            ($1.element.status.rank, $0.offset) < ($0.element.status.rank, $1.offset)
        }
        let target = verification.target
        var report = Report(
            verification: Report.Run(
                id: context.id, startedAt: context.startedAt.rfc3339, finishedAt: context.finishedAt.rfc3339,
                durationSeconds: Self.rounded(conclusion.at),
                collector: .init(version: BuildinfoVersion.current)),
            target: Report.PromotedTarget(
                service: target.service, gitSHA: target.gitSHA, digest: target.digest, image: target.image,
                generation: target.generation, equivalentDigests: equivalents),
            inventory: Report.InventorySummary(
                source: Sanitizer.singleLine(context.inventorySource), hash: context.inventoryHash,
                expected: verification.tracks.count, listed: context.listed,
                selected: context.selected.isEmpty ? nil : context.selected),
            policy: Report.PolicySummary(verification.policy),
            successor: SupersedeProgress(verification).map(Report.Successor.init),
            verdict: conclusion.verdict, exitCode: conclusion.exitCode, reasons: conclusion.reasons,
            warnings: context.warnings + context.notes + FleetWarnings(verification, context).all,
            summary: summary(at: conclusion.at),
            hosts: hosts.map { host($0.element, at: conclusion.at) })
        if context.isSweep { report.sweep = Report.Sweep(verification) }
        report.settleAdvice()
        return report
    }

    private var equivalents: [Report.PromotedTarget.Equivalent] {
        (verification.target.content?.manifests ?? []).flatMap { manifest in
            let platform = manifest.platform?.description
            let isTarget = manifest.digest == verification.target.digest
            return (isTarget ? [] : [(manifest.digest, "manifest")]).map { ($0.0, $0.1) }
                .appending(manifest.config.map { ($0, "config") })
                .map { Report.PromotedTarget.Equivalent(digest: $0.0, kind: $0.1, platform: platform) }
        }
    }

    private func summary(at end: Duration) -> Report.Summary {
        let gated = verification.tracks.filter { !$0.host.isWaived }
        let times = gated.compactMap(\.convergedAt).map(Self.rounded).sorted()
        return Report.Summary(
            expected: gated.count, proven: verification.proven(at: end),
            waived: verification.tracks.count - gated.count,
            statuses: Dictionary(verification.tracks.map { ($0.status.rawValue, 1) }, uniquingKeysWith: +),
            secondsToConverge: Percentiles(times).map { .init(p50: $0.p50, p95: $0.p95, max: $0.max) })
    }

    private func host(_ track: HostTracker, at end: Duration) -> Report.Host {
        var host = Report.Host(
            name: Sanitizer.singleLine(track.host.name, limit: 255),
            url: Sanitizer.singleLine(track.host.url, limit: 2_048),
            labels: Dictionary(
                track.host.labels.map {
                    (Sanitizer.singleLine($0.key, limit: 128), Sanitizer.singleLine($0.value, limit: 255))
                },
                uniquingKeysWith: { first, _ in first }),
            status: track.status,
            waived: track.host.waiver.map {
                .init(
                    until: Sanitizer.singleLine($0.until, limit: 64), reason: Sanitizer.singleLine($0.reason),
                    by: $0.by.map { Sanitizer.singleLine($0, limit: 128) }, expired: $0.isExpired)
            },
            reason: "", gitSHA: track.evidence?.gitSHA.value, digest: track.evidence?.shownDigest, facts: track.facts,
            attempts: track.attempts, secondsToConverge: track.convergedAt.map(Self.rounded),
            lastAnswerAgeSeconds: track.lastAnswerAt.map { Self.rounded(end - $0) },
            clockOffsetSeconds: track.clockOffset(startedAt: context.startedAt),
            transitions: track.transitions.map {
                .init(
                    seconds: Self.rounded($0.at), status: $0.status,
                    reason: Sanitizer.singleLine($0.reason.text.finding), reasonCode: $0.reason.code)
            },
            warnings: track.restartWarning.map { [Sanitizer.singleLine($0)] }, project: track.lastAnswer.shownProject,
            instancesExpected: track.lastAnswer.instancesExpected,
            runningSince: context.isSweep
                ? track.lastAnswer.worst?.startedAt.map { Sanitizer.singleLine($0, limit: 64) } : nil,
            leftOut: track.lastAnswer.leftOut.isEmpty ? nil : track.lastAnswer.leftOut.map(Report.Host.LeftOut.init))
        // Where there is nothing to compare with, a host that answers well has no reason: it just shows what it serves.
        if context.isSweep, !verification.target.isComparable, let plain = track.plainReason {
            host.explain(ReasonText(plain))
        } else {
            let reason = track.reason(at: end, policy: verification.policy)
            host.reasonCode = reason.code
            host.explain(reason.text)
        }
        return host
    }

    /// Seconds to the millisecond.
    private static func rounded(_ duration: Duration) -> Double { (duration.seconds * 1_000).rounded() / 1_000 }
}

extension HostTracker {
    /// How far the host's wall clock is ahead of the collector's, in seconds; nil where it said no time.
    func clockOffset(startedAt: Date) -> Double? {
        guard let observedAt, let text = lastAnswer.observedAt, let theirs = Date(rfc3339: text) else {
            return nil
        }
        let ours = startedAt.addingTimeInterval(observedAt.seconds)
        return (theirs.timeIntervalSince(ours) * 10).rounded() / 10
    }
}

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

    /// nil for none.
    private static func texts(_ limits: [some CustomStringConvertible]) -> [String]? {
        limits.isEmpty ? nil : limits.map { Sanitizer.singleLine($0.description) }
    }
}

extension Report.Successor {
    package init(_ succession: SupersedeProgress) {
        let promotion = succession.promotion
        self.init(
            generation: promotion.generation, gitSHA: promotion.gitSHA, digest: promotion.digest,
            promotedAt: Sanitizer.singleLine(promotion.at, limit: 64), hostsServing: succession.serving,
            hostsOnTarget: succession.onTarget, hostsOnNeither: succession.neither)
    }
}

extension Array {
    fileprivate func appending(_ element: Element?) -> [Element] { element.map { self + [$0] } ?? self }
}
