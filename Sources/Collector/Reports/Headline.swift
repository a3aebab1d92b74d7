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
    /// The effect on the tag; nil if the run could not move one.
    package let effect: PromotionRecord.Outcome?
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
            return
        }
        let promotion = report.promotion
        let rollback = promotion?.rollback
        event = Self.event(report)
        effect = promotion?.effect
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
        isJoined = tag?.isKnown == true && found?.groups.first?.hosts == found?.hosts && found?.unknown == 0
    }

    private enum CodingKeys: String, CodingKey {
        case text, serving, tag, next, numbers, build
        case event = "happened"
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(text, forKey: .text)
        try fields.encode(event, forKey: .event)
        try fields.encodeIfPresent(serving, forKey: .serving)
        try fields.encodeIfPresent(tag, forKey: .tag)
        try fields.encode(next, forKey: .next)
        try fields.encodeIfPresent(numbers, forKey: .numbers)
        try fields.encode(build, forKey: .build)
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
        case (.unchanged, _): return "\(subject) and was not rolled back"
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
        case nil: return "Verification of \(build)\(environment.map { " in \($0)" } ?? "")"
        }
    }

    private static func outcome(_ report: Report) -> String {
        let isGreen = report.exitCode == 0
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
        case .unreachable: return "could not be proven"
        case .inconclusive: return "could not be proven: the collector lost most hosts at once"
        case .superseded: return superseded(report)
        case .emptyInventory: return "could not be proven: there was no host to ask"
        case .inventoryShrunk: return "could not be proven: the inventory was refused"
        case .identityConflict: return "could not be proven: another host answered"
        case .interrupted: return "was interrupted"
        }
    }

    private static func superseded(_ report: Report) -> String {
        let codes = report.reasons.map(\.code)
        if let successor = report.successor {
            let build = successor.gitSHA?.short ?? successor.digest?.short ?? "another build"
            return "was superseded by \(build), promotion no. \(successor.generation)"
        }
        if codes.contains(.tagPutBack) { return "was undone: the tag was put back to an earlier build" }
        if codes.contains(.tagMoved) { return "was superseded: the tag was moved to another build" }
        return "was superseded by a newer promotion"
    }

    private static func numbers(_ report: Report) -> String {
        let summary = report.summary
        let waived = summary.waived > 0 ? ", \(ReportText.count(summary.waived)) waived" : ""
        let time = report.isUnasked ? "" : " after \(ReportText.duration(report.verification.durationSeconds))"
        return "\(ReportText.count(summary.proven)) of \(ReportText.hosts(summary.expected)) proven\(time)\(waived)"
    }

    // MARK: - The tag

    private struct Tag {
        let text: String
        /// True if the tag's build is known.
        let isKnown: Bool
    }

    /// The tag at the end; nil if no tag is involved.
    private static func tag(_ report: Report) -> Tag? {
        let codes = report.reasons.map(\.code)
        guard let promotion = report.promotion else {
            guard let image = report.target.image, let tag = ImageReference(parsing: image)?.tag else { return nil }
            return seen(":\(tag)", codes)
        }
        let tag = promotion.tag ?? "the tag"
        let target = promotion.kind == .rollback ? report.target.gitSHA?.short ?? promotion.digest?.short : nil
        let build = target ?? report.target.gitSHA?.short ?? promotion.digest?.short ?? "the requested build"
        if let rollback = promotion.rollback {
            switch rollback.effect {
            case .moved where rollback.verdict == .superseded:
                return Tag(text: "\(tag) was changed again after it was put back", isKnown: false)
            case .moved: return Tag(text: "\(tag) is \(rollback.build ?? "the former build")", isKnown: true)
            case .unchanged: break
            case .unknown: return Tag(text: "what \(tag) is now is unknown", isKnown: false)
            }
        }
        if let seen = seen(tag, codes) { return seen }
        switch promotion.effect {
        case .unchanged where promotion.isAlready:
            return Tag(text: "\(tag) already was \(build)", isKnown: true)
        case .unchanged:
            let former = promotion.formerBuild
            return Tag(text: former.map { "\(tag) is still \($0)" } ?? "\(tag) was not moved", isKnown: former != nil)
        case .unknown: return Tag(text: "whether \(tag) was moved is unknown", isKnown: false)
        case .moved where codes.contains(.newerPromotion):
            return Tag(text: "\(tag) was moved to \(build), and may have been moved since", isKnown: false)
        case .moved:
            let isStill = promotion.rollback == nil ? "is" : "is still"
            return Tag(
                text: "\(tag) \(isStill) \(build)\(promotion.kind == .rollback ? " (put back)" : "")", isKnown: true)
        }
    }

    /// Another writer's change of the tag that the verification saw; nil if it saw none.
    private static func seen(_ tag: String, _ codes: [Reason.Code?]) -> Tag? {
        if codes.contains(.tagPutBack) { return Tag(text: "\(tag) was put back to an earlier build", isKnown: false) }
        if codes.contains(.tagMoved) { return Tag(text: "\(tag) was moved to another build", isKnown: false) }
        if codes.contains(.tagUncertain) { return Tag(text: "what \(tag) is now is unknown", isKnown: false) }
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
}

/// A report's JSON: its own fields and its headline.
struct JSONReport: Encodable {
    let report: Report

    private enum CodingKeys: String, CodingKey { case headline }

    func encode(to encoder: any Encoder) throws {
        try report.encode(to: encoder)
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(report.headline, forKey: .headline)
    }
}
