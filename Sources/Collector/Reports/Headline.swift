import CollectorSupport
import Shared
import Verdict

/// The answer to "what now?", which every format shows first: what happened, what production serves, what the tag is, and
/// what to do next.
///
/// It is derived from the report alone, so a stored report has the same one.
package struct Headline: Encodable, Hashable, Sendable {
    /// What happened, without a full stop, for example `Deploy of 2d72aa… failed and was rolled back`.
    package let event: String
    /// What the hosts serve, by their answers, without a full stop; nil for a status.
    package let serving: String?
    /// What the tag is, without a full stop; nil if no tag is involved.
    package let tag: String?
    /// What to do next, one sentence with its full stop.
    package let next: String
    /// For example `2 of 3 hosts proven after 12s, 1 waived`; nil for a status.
    package let numbers: String?
    /// ``Serving/value``; empty for a status.
    package let build: String
    /// The full commit, or else the digest, that the tag is; empty if it is unknown, or if no tag is involved.
    package let tagBuild: String
    /// The effect on the tag, of the promotion and of its rollback together; nil if the run could not move one.
    package let effect: PromotionRecord.Outcome?
    /// The time that the rest of the report describes, if it is not the end of the run.
    package let note: String?
    /// True if one build serves everywhere and the tag is known, so that both fit into one sentence.
    private let isJoined: Bool

    /// Event, serving and tag, for example `Deploy of 2d72 failed and was rolled back. All 3 hosts serve 51a5 again, and
    /// :latest is 51a5.`
    package var text: String { ([event + "."] + [state].compactMap { $0 }).joined(separator: " ") }

    /// Serving and tag.
    package var state: String? {
        guard let serving else { return tag.map { $0 + "." } }
        guard let tag else { return serving + "." }
        return isJoined ? "\(serving), and \(tag)." : "\(serving). \(tag.capitalizedFirst)."
    }

    package init(_ report: Report) {
        let words = VerdictText(report)
        next = words.advice
        if let sweep = report.sweep {
            event = Self.event(sweep, report.verdict)
            (serving, tag, numbers, build, effect, isJoined) = (nil, nil, nil, "", nil, false)
            (tagBuild, note) = ("", nil)
            return
        }
        let promotion = report.promotion
        let rollback = promotion?.rollback
        event = Self.event(report)
        effect =
            switch (promotion?.effect, rollback?.effect) {
            case (.moved, _), (_, .moved): .moved
            case (.unknown, _), (_, .unknown): .unknown
            default: promotion?.effect
            }
        note =
            rollback?.effect == .moved
            ? "The hosts below are shown as they were before the rollback, when this build failed." : nil
        numbers = Self.numbers(report)
        let tag = Self.tag(report)
        self.tag = tag?.text
        let found: Serving?
        let isBack: Bool
        if let rollback, rollback.effect == .moved {
            isBack = true
            // Hosts have moved since the verification of the promotion.
            found = rollback.serving ?? Self.assumed(rollback, report)
        } else {
            isBack = promotion?.kind == .rollback
            found = Serving(report)
        }
        serving =
            found?.sentence(isBack: isBack)
            ?? "What production serves is unknown: the hosts were not verified after \(promotion?.tag ?? "the tag") was put back"
        build = found?.value ?? ""
        isJoined = tag?.build?.short != nil && tag?.build?.short == found?.onlyBuild
        tagBuild = tag?.build?.full ?? ""
    }

    private enum CodingKeys: String, CodingKey {
        case text, serving, tag, next, numbers, note, build
        case event = "happened"
        case tagBuild = "tag_build"
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(text, forKey: .text)
        try fields.encode(event, forKey: .event)
        try fields.encodeIfPresent(serving, forKey: .serving)
        try fields.encodeIfPresent(tag, forKey: .tag)
        try fields.encode(next, forKey: .next)
        try fields.encodeIfPresent(numbers, forKey: .numbers)
        try fields.encodeIfPresent(note, forKey: .note)
        try fields.encode(build, forKey: .build)
        try fields.encode(tagBuild, forKey: .tagBuild)
    }

    // MARK: - Parts

    private static func event(_ sweep: Report.Sweep, _ verdict: Verdict) -> String {
        switch verdict {
        case .interrupted: "The status was interrupted"
        default: sweep.hosts > 0 ? sweep.line : "There was no host to ask"
        }
    }

    private static func event(_ report: Report) -> String {
        let subject = "\(subject(report)) \(outcome(report))"
        guard let rollback = report.promotion?.rollback else { return subject }
        switch (rollback.effect, rollback.verdict) {
        case (.moved, .converged): return "\(subject) and was rolled back"
        case (.moved, _): return "\(subject); the tag was put back, but not every host is proven to follow"
        case (.unchanged, _) where rollback.isImpossible == true:
            return "\(subject), and there is no build to roll back to"
        case (.unchanged, _):
            return "\(subject) and was not rolled back\(rollback.obstacle.map { ": \($0.clause)" } ?? "")"
        case (.unknown, _): return "\(subject), and it is unknown whether the tag was put back"
        }
    }

    /// For example `Deploy of 2d72aa… to production`.
    private static func subject(_ report: Report) -> String {
        let target = report.target
        let build = target.gitSHA?.short ?? target.digest?.short ?? "an unnamed build"
        let environment = target.environment.isStandard ? nil : "\(target.environment)"
        switch report.promotion?.kind {
        case .rollback: return "Rollback\(environment.map { " of \($0)" } ?? "") to \(build)"
        case .promotion: return "Deploy of \(build)\(environment.map { " to \($0)" } ?? "")"
        case nil where report.promotion != nil: return "Deploy of \(build)\(environment.map { " to \($0)" } ?? "")"
        case nil:
            // What a verification finds out is about the deploy.
            switch report.verdict {
            case .stragglers, .stalled, .failedDeploy, .rolledBack, .superseded:
                return "Deploy of \(build)\(environment.map { " to \($0)" } ?? "")"
            case .converged, .convergedTolerated, .unreachable, .inconclusive, .emptyInventory, .inventoryShrunk,
                .identityConflict, .interrupted:
                return "Verification of \(build)\(environment.map { " in \($0)" } ?? "")"
            }
        }
    }

    private static func outcome(_ report: Report) -> String {
        let isGreen = report.exitCode == 0
        let unproven = report.promotion == nil ? "ended without a proof" : "could not be proven"
        switch report.verdict {
        case .converged, .convergedTolerated:
            guard isGreen else { return "ended with exit code \(report.exitCode)" }
            return report.verdict == .converged ? "succeeded" : "succeeded, with tolerated exceptions"
        case .stragglers: return "did not complete in time"
        case .stalled: return "stalled"
        case .failedDeploy: return "failed"
        case .rolledBack:
            let hosts = report.reasons.first { $0.verdict == .rolledBack }?.hosts ?? 0
            return "was undone on \(hosts > 0 ? ReportText.hosts(hosts) : "some hosts")"
        case .unreachable: return unproven
        case .inconclusive where report.reasons.first?.code == .underWay: return "is under way"
        case .inconclusive: return "\(unproven): \(doubt(report.reasons.first?.code))"
        case .superseded: return superseded(report)
        case .emptyInventory: return "\(unproven): there was no host to ask"
        case .inventoryShrunk: return "\(unproven): the inventory was refused"
        case .identityConflict: return "\(unproven): another host answered"
        case .interrupted: return "was interrupted"
        }
    }

    /// Why the collector doubts itself.
    private static func doubt(_ code: Reason.Code?) -> String {
        switch code {
        case .collectorSuspended: "the collector was suspended"
        case .collectorShort: "the collector could not query all hosts"
        default: "the collector lost most hosts at once"
        }
    }

    private static func superseded(_ report: Report) -> String {
        let codes = report.reasons.map(\.code)
        if let successor = report.successor {
            let build = successor.gitSHA?.short ?? successor.digest?.short ?? "another build"
            return "was superseded by \(build), promotion no. \(successor.generation)"
        }
        if codes.contains(.tagPutBack) { return "was undone by a change of the tag" }
        if codes.contains(.tagMoved) { return "was superseded by a change of the tag" }
        return "was superseded by a newer promotion"
    }

    private static func numbers(_ report: Report) -> String {
        let summary = report.summary
        let waived = summary.waived > 0 ? ", \(ReportText.count(summary.waived)) waived" : ""
        let time = report.isUnasked ? "" : " after \(ReportText.duration(report.verification.durationSeconds))"
        let isBack = report.promotion?.rollback?.effect == .moved
        let proven = "\(ReportText.count(summary.proven)) of \(ReportText.hosts(summary.expected)) proven"
        return "\(proven)\(time)\(waived)\(isBack ? ", before the rollback" : "")"
    }

    // MARK: - The tag

    private struct Tag {
        let text: String
        /// nil if it is unknown.
        var build: Build?
    }

    private struct Build {
        let short: String
        let full: String

        /// nil without a commit and a digest.
        init?(_ gitSHA: GitSHA?, _ digest: Digest?) {
            guard let short = gitSHA?.short ?? digest?.short, let full = gitSHA?.hex ?? digest?.description else {
                return nil
            }
            (self.short, self.full) = (short, full)
        }
    }

    /// The tag at the end; nil if no tag is involved.
    private static func tag(_ report: Report) -> Tag? {
        let codes = report.reasons.map(\.code)
        guard let promotion = report.promotion else {
            guard let image = report.target.image, let tag = ImageReference(parsing: image)?.tag else { return nil }
            return seen(":\(tag)", codes)
        }
        let tag = promotion.tag ?? "the tag"
        let target = Build(report.target.gitSHA, promotion.digest ?? report.target.digest)
        let build = target?.short ?? "the requested build"
        if let rollback = promotion.rollback {
            switch rollback.effect {
            case .moved where rollback.verdict == .superseded:
                return Tag(text: "\(tag) was changed again after it was put back")
            case .moved:
                return Tag(
                    text: "\(tag) is \(rollback.build ?? "the former build")",
                    build: Build(rollback.gitSHA, rollback.digest))
            case .unchanged: break
            case .unknown: return Tag(text: "what \(tag) is now is unknown")
            }
        }
        if let seen = seen(tag, codes) { return seen }
        switch promotion.effect {
        case .unchanged where promotion.isAlready:
            return Tag(text: "\(tag) already was \(build)", build: target)
        case .unchanged:
            let former = promotion.formerBuild
            return Tag(
                text: former.map { "\(tag) is still \($0)" } ?? "\(tag) was not moved",
                build: Build(promotion.formerGitSHA, promotion.formerDigest))
        case .unknown: return Tag(text: "whether \(tag) was moved is unknown")
        case .moved where codes.contains(.newerPromotion):
            return Tag(text: "\(tag) was moved to \(build), and may have been moved since")
        case .moved:
            let isStill = promotion.rollback == nil ? "is" : "is still"
            return Tag(
                text: "\(tag) \(isStill) \(build)\(promotion.kind == .rollback ? " (put back)" : "")", build: target)
        }
    }

    /// Another writer's change of the tag that the verification saw; nil if it saw none.
    private static func seen(_ tag: String, _ codes: [Reason.Code?]) -> Tag? {
        if codes.contains(.tagPutBack) { return Tag(text: "\(tag) was put back to an earlier build") }
        if codes.contains(.tagMoved) { return Tag(text: "\(tag) was moved to another build") }
        if codes.contains(.tagUncertain) { return Tag(text: "what \(tag) is now is unknown") }
        return nil
    }

    /// The hosts after a rollback that an older collector recorded: a proven one is of all hosts.
    private static func assumed(_ rollback: PromotionRecord.Rollback, _ report: Report) -> Serving? {
        guard rollback.verdict == .converged, report.summary.expected > 0 else { return nil }
        return Serving(
            hosts: report.summary.expected,
            groups: [
                .init(kind: .target, hosts: report.summary.expected, gitSHA: rollback.gitSHA, digest: rollback.digest)
            ])
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}

extension Report {
    package var headline: Headline { Headline(self) }

    /// The line to pin the build; nil unless the tag is known to be this build at the end. A build that was rolled back or
    /// replaced must not be pinned.
    package var pin: String? {
        guard let promotion, !promotion.pin.isEmpty, promotion.rollback.map({ $0.effect == .unchanged }) ?? true,
            let build = target.gitSHA?.hex ?? (promotion.digest ?? target.digest)?.description,
            headline.tagBuild == build
        else { return nil }
        // The former image of the same commit is another one.
        return promotion.effect == .moved || promotion.isAlready ? promotion.pin : nil
    }
}
