import CollectorSupport
package import FoundationEssentials
import Shared
package import Verdict

/// Builds the report of a verification that has ended.
package struct ReportBuilder {
    /// Facts about the run that the state machine does not know.
    package struct Context: Sendable {
        var id: String
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

    /// - Parameter conclusion: the verification's own, unless it never started.
    package func build(_ conclusion: Conclusion) -> Report {
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
            warnings: context.warnings + context.notes + FleetWarnings(verification, context).all
                + context.closingNotes,
            summary: summary(at: conclusion.at),
            hosts: hosts(at: conclusion.at), evidence: context.evidence,
            promotion: context.promotion, drift: context.drift, origin: context.origin)
        if context.isSweep { report.sweep = Report.Sweep(verification, at: conclusion.at) }
        report.settleAdvice()
        return report
    }

    /// The indices of the hosts, the best status first, and in the inventory's order within a status.
    private var order: [Int] {
        var groups: [HostStatus: [Int]] = [:]
        for index in verification.tracks.indices {
            groups[verification.tracks[index].status, default: []].append(index)
        }
        return HostStatus.allCases.reversed().flatMap { groups[$0] ?? [] }
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

    private func summary(at end: Duration) -> Report.Summary {
        var summary = Report.Summary(
            expected: 0, proven: verification.proven(at: end), waived: 0, statuses: [:])
        var statuses: [HostStatus: Int] = [:]
        var times: [Double] = []
        // By index, because a copy of a tracker costs more than what is read of it.
        for index in verification.tracks.indices {
            statuses[verification.tracks[index].status, default: 0] += 1
            guard !verification.tracks[index].host.isWaived else {
                summary.waived += 1
                continue
            }
            summary.expected += 1
            if let moment = verification.tracks[index].convergedAt { times.append(moment.roundedSeconds) }
            if verification.tracks[index].servedFromStart { summary.servedFromStart += 1 }
        }
        summary.statuses = Dictionary(uniqueKeysWithValues: statuses.map { ($0.key.rawValue, $0.value) })
        summary.secondsToConverge = Percentiles(times.sorted()).map { .init(p50: $0.p50, p95: $0.p95, max: $0.max) }
        return summary
    }

    private func hosts(at end: Duration) -> [Report.Host] {
        var texts = ReasonTexts()
        return order.map { host(verification.tracks[$0], at: end, &texts) }
    }

    private func host(_ track: HostTracker, at end: Duration, _ texts: inout ReasonTexts) -> Report.Host {
        let answer = track.lastAnswer
        let evidence = track.evidence
        var host = Report.Host(
            name: Sanitizer.singleLine(track.host.name, limit: 255),
            url: Sanitizer.singleLine(track.host.url, limit: 2_048),
            labels: Self.clean(track.host.labels),
            status: track.status,
            waived: track.host.waiver.map {
                .init(
                    until: Sanitizer.singleLine($0.until, limit: 64), reason: Sanitizer.singleLine($0.reason),
                    by: $0.by.map { Sanitizer.singleLine($0, limit: 128) }, expired: $0.isExpired)
            },
            reason: "", gitSHA: evidence?.gitSHA.value, digest: evidence?.shownDigest, facts: track.facts,
            attempts: track.attempts, secondsToConverge: track.convergedAt?.roundedSeconds,
            lastAnswerAgeSeconds: track.lastAnswerAt.map { (end - $0).roundedSeconds },
            clockOffsetSeconds: track.clockOffset(startedAt: context.startedAt),
            transitions: track.transitions.map {
                .init(
                    seconds: $0.at.roundedSeconds, status: $0.status, reason: texts.finding($0.reason),
                    reasonCode: $0.reason.code)
            },
            warnings: (context.isSweep ? track.restartNote : track.restartWarning).map { [Sanitizer.singleLine($0)] },
            project: answer.shownProject, instancesExpected: answer.instancesExpected,
            leftOut: answer.leftOut.isEmpty ? nil : answer.leftOut.map(Report.Host.LeftOut.init))
        if context.isSweep {
            host.sweep = SweepStatus(
                track, isCompared: verification.target.isComparable,
                isStale: track.isStale(at: end, policy: verification.timing))
            host.runningSince = answer.worst?.startedAt.map { Sanitizer.singleLine($0, limit: 64) }
        }
        if context.isSweep, !verification.target.isComparable, let reason = track.uncomparedReason {
            host.explain(ReasonText(reason))
        } else {
            let reason = track.reason(at: end, policy: verification.timing)
            host.reasonCode = reason.code
            host.explain(texts.explanation(reason))
        }
        return host
    }

    /// Labels that are clean already stay the inventory's own, which takes no memory.
    private static func clean(_ labels: [String: String]) -> [String: String] {
        func key(_ text: String) -> String { Sanitizer.singleLine(text, limit: 128) }
        func value(_ text: String) -> String { Sanitizer.singleLine(text, limit: 255) }
        guard labels.contains(where: { key($0.key) != $0.key || value($0.value) != $0.value }) else { return labels }
        return Dictionary(labels.map { (key($0.key), value($0.value)) }, uniquingKeysWith: { first, _ in first })
    }
}

// MARK: - From the state machine to the report

extension HostTracker {
    /// A warning if the host converged although its container restarted meanwhile.
    var restartWarning: String? { status == .converged ? restarts?.text : nil }

    /// A note for a status, which sees a crash loop in its good moments, too: the engine's count of restarts.
    fileprivate var restartNote: String? {
        guard facts.reach == .ok, facts.runtime == .serving, let worst = lastAnswer.worst,
            let count = worst.restartCount, count > 0
        else { return nil }
        let exit = worst.exitCode.flatMap { $0 == 0 ? nil : ", last exit \($0)" } ?? ""
        return "its container restarted \(ReportText.counted(count, "time", "times"))\(exit)"
    }

    /// The reason if there was nothing to compare with: empty if the service is up, nil if there was no usable answer.
    fileprivate var uncomparedReason: String? {
        guard facts.reach == .ok, evidence != nil, facts.build == .unidentified || facts.build == .mixed else {
            return nil
        }
        if facts.runtime == .absent { return "no instance of the service on the host" }
        var parts: [String] = []
        if facts.build == .mixed { parts.append("its instances run different builds") }
        if facts.runtime.isDown, let worst = lastAnswer.worst {
            let code = worst.exitCode.map { ", exit code \($0)" } ?? ""
            parts.append("\(Sanitizer.singleLine(worst.name, limit: 64)) is \(worst.state.rawValue)\(code)")
        }
        return parts.joined(separator: "; ")
    }

    /// How far the host's wall clock is ahead of the collector's, in seconds; nil if the host reported no time.
    fileprivate func clockOffset(startedAt: Date) -> Double? {
        guard let observedAt, let text = lastAnswer.observedAt, let theirs = Date(rfc3339: text) else {
            return nil
        }
        let ours = startedAt.addingTimeInterval(observedAt.seconds)
        return (theirs.timeIntervalSince(ours) * 10).rounded() / 10
    }
}

extension LastAnswerDetails {
    /// The first few deployments; nil if unnamed.
    fileprivate var shownProject: String? {
        projects.isEmpty ? nil : Sanitizer.singleLine(projects.listed(limit: 4), limit: 1_024)
    }
}

extension Report.Host.LeftOut {
    fileprivate init(_ container: LeftOutContainer) {
        self.init(
            name: Sanitizer.singleLine(container.name, limit: 255),
            project: container.project.map { Sanitizer.singleLine($0, limit: 255) },
            reason: container.reason, state: container.state)
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

// MARK: - Warnings

/// Facts about a whole fleet that do not change the verdict but that readers should know.
private struct FleetWarnings {
    private let hosts: Int
    private let target: Target
    private let promotions: [Promotion]
    private let context: ReportBuilder.Context

    private var served: [Digest?: Int] = [:]
    private var clocksOff: [String] = []
    private var withoutHealthCheck = 0
    private var restarted: [String] = []
    private var expired: [String] = []

    init(_ verification: Verification, _ context: ReportBuilder.Context) {
        hosts = verification.tracks.count
        target = verification.target
        promotions = verification.promotions
        self.context = context
        for index in verification.tracks.indices { note(verification.tracks[index]) }
    }

    private mutating func note(_ track: HostTracker) {
        if target.digest == nil, track.facts.build.isMatch { served[track.evidence?.shownDigest, default: 0] += 1 }
        if let offset = track.clockOffset(startedAt: context.startedAt), abs(offset) > 60 {
            clocksOff.append("\(Self.name(track)) by \(ReportText.duration(offset))")
        }
        if track.host.waiver?.isExpired == true { expired.append(Self.name(track)) }
        guard track.status == .converged else { return }
        if track.lastAnswer.hostID != nil, !track.lastAnswer.hasHealthCheck { withoutHealthCheck += 1 }
        if track.restartWarning != nil { restarted.append(Self.name(track)) }
    }

    var all: [String] {
        [leftOut, promotedAgain, differingDigests, clocks, healthChecks, restarts, expiredWaivers].compactMap { $0 }
    }

    /// A green report on a part of the fleet must not be mistaken for one on the whole fleet.
    private var leftOut: String? {
        guard let listed = context.listed, listed > hosts else { return nil }
        let terms = context.selected.joined(separator: ", ")
        return "only hosts with \(terms) were asked: \(listed - hosts) of \(listed.hostCount) left out"
    }

    /// Without a journal entry by `promote`, an intended rollback looks exactly like a late older job.
    private var promotedAgain: String? {
        // A status promotes nothing.
        guard !context.isSweep else { return nil }
        let rule = PromotionRule(gitSHA: target.gitSHA, digest: target.digest)
        guard let generation = target.generation, let last = promotions.last,
            generation == last.generation, last.change == nil,
            let earlier = promotions.last(where: { $0.generation < generation && rule.isSame(as: $0) })
        else { return nil }
        return
            "promotion no. \(earlier.generation) was already this build; this run counts as promoting it again, as no. "
            + "\(generation). If it is a late job, give --generation \(earlier.generation)"
    }

    /// With a commit alone, hosts can serve different images built from it.
    private var differingDigests: String? {
        guard served.keys.compactMap({ $0 }).count > 1 else { return nil }
        let list = served.sorted { ($1.value, $0.key?.hex ?? "") < ($0.value, $1.key?.hex ?? "") }
            .map { "\($0.key?.short ?? "no digest") on \($0.value.hostCount)" }
        return "hosts serve different images of the commit: \(list.joined(separator: ", "))"
    }

    private var clocks: String? {
        guard !clocksOff.isEmpty else { return nil }
        return "clocks are off (no verdict depends on them): \(clocksOff.listed(limit: 3))"
    }

    private var healthChecks: String? {
        guard withoutHealthCheck > 0 else { return nil }
        return "\(withoutHealthCheck.hostCount) converged without a health check: only that the container runs is known"
    }

    private var restarts: String? {
        guard !restarted.isEmpty else { return nil }
        return
            "\(restarted.count.hostCount) converged after restarts of the container: \(restarted.listed(limit: 5))"
    }

    private var expiredWaivers: String? {
        guard !expired.isEmpty else { return nil }
        return "waivers that expire before the deadline do not apply: \(expired.listed(limit: 5))"
    }

    private static func name(_ track: HostTracker) -> String { Sanitizer.singleLine(track.host.name, limit: 64) }
}
