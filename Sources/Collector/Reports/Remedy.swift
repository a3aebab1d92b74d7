package import Shared
package import Verdict

/// The advice of a report for hosts that are not on its target.
///
/// A host's reason ends with a remedy that brings it to the target. That is right only while the target is wanted. Once
/// hosts failed on it, it was replaced, or the tag's state is unexplained, hosts that still serve the former build must be
/// left alone. This one rule applies to every format; see ``Report/settleAdvice()``.
package enum Remedy: Hashable, Sendable {
    /// Bring hosts to the target, by the remedies in their reasons.
    case reachTarget
    /// Leave every host on the build that it serves.
    case hold(Cause)
    /// The tag was put back, and every host is proven to serve the former build again. `former` is its short name.
    case done(former: String)

    /// The cause of a hold.
    package enum Cause: Hashable, Sendable {
        /// Hosts failed on the target, or were rolled back from it.
        case failed
        /// A newer promotion took over.
        case superseded
        /// The tag was put back, and it is not known yet which build is intended.
        case putBack
        /// Tag, promotions and hosts differ for an unknown reason.
        case drift
    }
}

extension Report {
    /// The advice that fits the verdict.
    package var remedy: Remedy {
        // Without a target, hosts are shown but not judged.
        if let sweep, sweep.onTarget == nil { return .reachTarget }
        let rollback = promotion?.rollback
        if let rollback, let digest = rollback.digest, rollback.verdict == .converged {
            return .done(former: rollback.gitSHA?.short ?? digest.short)
        }
        let causes = Set([verdict] + reasons.map(\.verdict))
        if causes.contains(.failedDeploy) || causes.contains(.rolledBack) || rollback?.digest != nil || hasFailures {
            return .hold(.failed)
        }
        if causes.contains(.superseded) { return .hold(isPutBack ? .putBack : .superseded) }
        if let drift, !drift.isExplained { return .hold(.drift) }
        return .reachTarget
    }

    /// True if the target was replaced by an earlier build.
    private var isPutBack: Bool {
        successor == nil && reasons.contains { $0.code == .tagPutBack }
    }

    /// True if hosts in the gate failed on the target or went back from it, whatever the verdict, and whether or not they are
    /// tolerated. A host that has converged since does not count.
    private var hasFailures: Bool {
        // By index, and stored properties alone: a copy of a host costs more than what is read of it.
        hosts.indices.contains { index in
            let status = hosts[index].status
            guard status != .converged, !hosts[index].isWaived else { return false }
            return hosts[index].facts.isDownOnTarget(status) || status == .failed || status == .rolledBack
                || hosts[index].reasonCode == .leftTarget
                || hosts[index].transitions.contains { $0.status == .failed || $0.status == .rolledBack }
        }
    }

    /// Advice for the whole fleet if the reasons alone could mislead; nil otherwise.
    package var warningAdvice: String? { remedy == .reachTarget ? nil : VerdictText(self).advice }

    /// Rewords reasons that would spread an unwanted build, then groups what is left to do. Idempotent.
    package mutating func settleAdvice() {
        let remedy = remedy
        if remedy != .reachTarget {
            for index in hosts.indices where hosts[index].status != .converged {
                hosts[index].heed(remedy, target: target)
            }
        }
        let all = Action.all(of: self, remedy)
        actions = all.isEmpty ? nil : all
    }
}

extension Report.Host {
    /// The reason in parts.
    package var explanation: ReasonText { reasonParts ?? ReasonText(reason) }

    mutating func explain(_ text: ReasonText) { explain(ReasonTexts.Explanation(text)) }

    mutating func explain(_ explanation: ReasonTexts.Explanation) {
        reason = explanation.sentence
        reasonParts = explanation.parts
    }

    /// True if the host serves another build than the target, by its own answer.
    private var isBehind: Bool {
        (status == .pending || status == .straggler) && facts.reach == .ok && facts.build.isOther
    }

    fileprivate mutating func heed(_ remedy: Remedy, target: Report.PromotedTarget) {
        guard status != .converged else { return }
        switch remedy {
        case .reachTarget: break
        case .hold(let cause): hold(cause, target: target)
        case .done(let former): finish(former)
        }
    }

    private mutating func hold(_ cause: Remedy.Cause, target: Report.PromotedTarget) {
        var text = explanation.withoutRollout(reasonCode)
        guard isBehind else {
            if facts.isFailing(status, sweep), text.remedy == nil {
                text.settle("find out why before you deploy it elsewhere")
            }
            return explain(text)
        }
        // The image is the target's, and only the process is the former one: a restart would start the target.
        guard let build = shortBuild, gitSHA == nil || gitSHA != target.gitSHA else {
            text.settle("leave it as it is")
            return explain(text)
        }
        explain(.leaving(on: build, text, code: reasonCode, runtime: facts.runtime, cause))
    }

    private mutating func finish(_ former: String) {
        guard !isBehind else {
            return explain(ReasonText("", remedy: "nothing to do: serves the former build \(former)"))
        }
        var text = explanation
        text.settle("nothing to do, back on the former build \(former)")
        explain(text)
    }
}

extension HostFacts {
    /// True if the host has the target's build but it does not run, and it has not failed often enough to be `failed`.
    func isDownOnTarget(_ status: HostStatus) -> Bool {
        status != .failed && status != .converged && reach == .ok && build.isMatch && runtime.isDown
    }

    /// True if the host does not run what it was given: it fails, runs a wrong image, or went back.
    func isFailing(_ status: HostStatus, _ sweep: SweepStatus?) -> Bool {
        status == .failed || status == .rolledBack || sweep == .failing || isDownOnTarget(status)
    }
}

extension ReasonText {
    /// Drops a remedy that would bring a build to the host. Without a code (older collectors), any remedy might.
    package func withoutRollout(_ code: HostReason.Code?) -> ReasonText {
        guard code?.bringsBuild ?? true else { return self }
        var text = self
        text.settle(code == .wrongImage ? "find out where this image comes from" : nil)
        return text
    }

    /// The text for a host that stays on its build while the target is not wanted. Idempotent.
    package static func leaving(
        on build: String, _ text: ReasonText, code: HostReason.Code?, runtime: ServiceState, _ cause: Remedy.Cause
    ) -> ReasonText {
        let until =
            switch cause {
            case .drift: " until the drift is explained"
            case .putBack: " until it is known who put the tag back"
            case .failed, .superseded: ""
            }
        let newer = cause == .superseded ? "; a newer promotion took over" : ""
        // Details of one host are in its note, so that all hosts on one build share an action.
        let rest = text.served.flatMap { $0.hasPrefix("\(build), ") ? String($0.dropFirst(build.count + 2)) : nil }
        let fetched = code == .pulledNotRecreated ? "the target's image is on the host already" : nil
        let notes = [rest, fetched].compactMap { $0 }
        return ReasonText(
            "", remedy: "leave it\(until): \(runtime == .serving ? "serves" : "on") \(build)\(newer)",
            note: notes.isEmpty ? nil : notes.joined(separator: "; "), served: text.served ?? build)
    }

    /// Replaces the remedy by words.
    fileprivate mutating func settle(_ remedy: String?) {
        self.remedy = remedy
        command = nil
    }

    /// Parses a sentence that an older collector recorded without parts: the remedy follows the last colon, and a note in
    /// parentheses can follow it.
    package init(recorded sentence: String) {
        var rest = sentence[...]
        var note: Substring?
        if rest.hasSuffix(")"), let open = rest.ranges(of: " (").last {
            note = rest[open.upperBound...].dropLast()
            rest = rest[..<open.lowerBound]
        }
        let colon = rest.ranges(of: ": ").last
        let serves = "serves "
        self.init(
            String(colon.map { rest[..<$0.lowerBound] } ?? rest), remedy: colon.map { String(rest[$0.upperBound...]) },
            note: note.map(String.init),
            served: note.flatMap { $0.hasPrefix(serves) ? String($0.dropFirst(serves.count)) : nil })
    }
}
