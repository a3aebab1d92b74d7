import Shared
package import Verdict

/// What a report may advise for hosts that are not on its target.
///
/// A host's reason ends in what would bring it to the target. That is the right thing to do only while the target is worth
/// having: once hosts failed on it, once it was replaced, or while nobody can say what the tag is, a host that still serves
/// the former build must be left alone. This is the one rule for every format; see ``Report/settleAdvice()``.
package enum Remedy: Hashable, Sendable {
    /// Bring hosts to the target, as their reasons say.
    case reachTarget
    /// Leave every host on the build that it serves.
    case hold(Cause)
    /// The tag was put back, and every host is proven to serve the former build again, which is named in short.
    case done(former: String)

    /// Why nothing may be brought to the target.
    package enum Cause: Hashable, Sendable {
        /// Hosts failed on it, or went back from it.
        case failed
        /// A newer promotion took over.
        case superseded
        /// Somebody put the tag back, and nobody knows yet which build is meant.
        case putBack
        /// Tag, promotions and hosts differ, and nobody knows why.
        case drift
    }
}

extension Report {
    /// What may be advised, now that the verdict is known.
    package var remedy: Remedy {
        // Without a target, hosts are shown and not judged.
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

    /// Whether what replaced the target is an earlier build.
    private var isPutBack: Bool {
        successor == nil
            && reasons.contains { $0.verdict == .superseded && $0.message.contains(RetaggedImage.putBackWords) }
    }

    /// Whether hosts of the gate speak against the target, although the verdict does not.
    private var hasFailures: Bool {
        hosts.contains { host in
            guard !host.isWaived else { return false }
            if host.isDownOnTarget { return true }
            guard host.status == .failed || host.status == .rolledBack else { return false }
            // At the deadline, --max-failed has said that so many may fail. Before it, nothing was weighed.
            switch verdict {
            case .stragglers, .unreachable, .converged, .convergedTolerated: return false
            case .stalled, .failedDeploy, .rolledBack, .inconclusive, .superseded, .emptyInventory, .inventoryShrunk,
                .identityConflict, .interrupted:
                return true
            }
        }
    }

    /// What to do about the whole, in a sentence or two, where reasons alone could lead astray; nil where they cannot.
    package var warningAdvice: String? { remedy == .reachTarget ? nil : VerdictText(self).advice }

    /// Rewrites reasons that would spread a build which nobody should spread. Done again, it changes nothing.
    package mutating func settleAdvice() {
        let remedy = remedy
        guard remedy != .reachTarget else { return }
        for index in hosts.indices { hosts[index].heed(remedy, target: target) }
    }
}

extension Report.Host {
    /// Whether the host has the target's build, which does not run there, and did not fail often enough to be `failed`.
    fileprivate var isDownOnTarget: Bool {
        guard status != .failed, status != .converged, facts.reach == .ok, facts.build.isMatch else { return false }
        return facts.runtime.isDown
    }

    /// Whether the host serves something else than the target, as far as it said itself.
    private var isBehind: Bool {
        switch status {
        case .pending, .straggler, .stalled: facts.reach == .ok && [.behind, .foreign].contains(facts.build)
        case .conflict, .failed, .rolledBack, .unreachable, .agentError, .unverifiable, .missing, .mixed, .ahead,
            .starting, .flapping, .soaking, .converged:
            false
        }
    }

    fileprivate mutating func heed(_ remedy: Remedy, target: Report.PromotedTarget) {
        for index in transitions.indices {
            transitions[index].reason = Advice.withoutRollout(
                transitions[index].reason, status: transitions[index].status)
        }
        guard status != .converged else { return }
        switch remedy {
        case .reachTarget: break
        case .hold(let cause): hold(cause, target: target)
        case .done(let former): finish(former)
        }
    }

    private mutating func hold(_ cause: Remedy.Cause, target: Report.PromotedTarget) {
        guard !reason.hasPrefix(Advice.leave), !reason.hasSuffix(Advice.leaveAsItIs) else { return }
        let aside = Advice.aside(of: reason)
        let wasFetched = reason.hasPrefix("pulled, not recreated")
        reason = Advice.withoutRollout(reason, status: status)
        guard isBehind else { return }
        // The image is the target's, and only the process is the former one: restarting it would start the target.
        guard let build = shortBuild, gitSHA == nil || gitSHA != target.gitSHA else {
            reason = Sanitizer.singleLine("\(reason): \(Advice.leaveAsItIs)")
            return
        }
        let former = facts.build == .behind ? "the former build " : ""
        let served = aside.map { $0.dropFirst("serves ".count) } ?? build[...]
        let until =
            switch cause {
            case .drift: " until the drift is explained"
            case .putBack: " until it is known who put the tag back"
            case .failed, .superseded: ""
            }
        let fetched = wasFetched ? "; the target's image is on the host already" : ""
        let newer = cause == .superseded ? "; a newer promotion took over" : ""
        let still = facts.runtime == .serving ? "still serves" : "still on"
        reason = Sanitizer.singleLine("\(Advice.leave)\(until): \(still) \(former)\(served)\(fetched)\(newer)")
    }

    private mutating func finish(_ former: String) {
        guard !reason.contains(Advice.nothing) else { return }
        guard !isBehind, !reason.hasPrefix(Advice.leave) else {
            reason = "\(Advice.nothing): serves the former build \(former)"
            return
        }
        let seen = Advice.split(reason).map { String($0.seen.dropLast()) } ?? reason
        reason = Sanitizer.singleLine("\(seen); \(Advice.nothing): back on the former build \(former)")
    }
}

/// How a reason's text divides into what was seen and what to do.
package enum Advice {
    static let leave = "leave it"
    static let leaveAsItIs = "leave it as it is"
    package static let nothing = "nothing to do"

    /// What was seen comes before the last colon, what to do after it; nil where a reason says only the one.
    package static func split(_ reason: String) -> (seen: Substring, todo: Substring)? {
        // What holds a host back says why behind its colon.
        if reason.hasPrefix(leave) { return (reason.prefix(0), reason[...]) }
        var rest = reason[...]
        while let space = rest.lastIndex(of: " ") {
            let seen = reason[..<space]
            if seen.count > 1, seen.hasSuffix(":") { return (seen, reason[reason.index(after: space)...]) }
            rest = seen
        }
        return nil
    }

    /// The last remark in parentheses, if it says what the host serves: `serves 51a5…, generation 7`.
    static func aside(of reason: String) -> Substring? {
        guard reason.hasSuffix(")"), let open = reason.range(of: " (serves ", isLast: true) else { return nil }
        return reason[reason.index(open.lowerBound, offsetBy: 2)...].dropLast()
    }

    /// A reason without the clauses that would bring a build to a host, and with everything that was seen.
    ///
    /// Works on the words, because reasons are recorded as they were given, and older ones cannot be asked what they mean.
    package static func withoutRollout(_ reason: String, status: HostStatus) -> String {
        switch status {
        // What such hosts are told is about reaching them, and may quote others.
        case .conflict, .unreachable, .agentError, .missing, .ahead, .converged: return reason
        case .failed, .rolledBack, .unverifiable, .mixed, .straggler, .stalled, .pending, .starting, .flapping,
            .soaking:
            break
        }
        guard !reason.hasPrefix(leave) else { return reason }
        let clauses = clauses(of: reason)
        guard clauses.dropFirst().contains(where: { bringsBuild($0.text) }) else { return reason }
        var result = ""
        for (position, clause) in clauses.enumerated() {
            if position > 0, bringsBuild(clause.text) {
                result += remark(behind: clause.text)
            } else {
                result += clause.separator + clause.text
            }
        }
        return result
    }

    /// Parts at colons and semicolons that are followed by a blank and stand in no parentheses.
    private static func clauses(of reason: String) -> [(separator: String, text: String)] {
        var result: [(separator: String, text: String)] = [("", "")]
        var depth = 0
        var previous: Character?
        for character in reason {
            switch character {
            case "(": depth += 1
            case ")": depth = max(0, depth - 1)
            default: break
            }
            if character == " ", depth == 0, let previous, previous == ":" || previous == ";" {
                result[result.count - 1].text.removeLast()
                result.append(("\(previous) ", ""))
            } else {
                result[result.count - 1].text.append(character)
            }
            previous = character
        }
        return result
    }

    /// Verbs of commands that bring an image to a host, or start the one that is there.
    private static let verbs: Set<Substring> = ["pull", "deploy", "redeploy", "recreate", "restart", "up"]

    private static func bringsBuild(_ clause: String) -> Bool {
        clause.dropLast(remark(behind: clause).count).split { !$0.isLetter }.contains { verbs.contains($0) }
    }

    /// ` (…)` at a clause's end, or nothing.
    private static func remark(behind clause: String) -> Substring {
        guard clause.hasSuffix(")"), let open = clause.range(of: " (", isLast: false) else { return "" }
        return clause[open.lowerBound...]
    }
}

extension String {
    /// Foundation's, without Foundation.
    fileprivate func range(of text: String, isLast: Bool) -> Range<Index>? {
        isLast ? ranges(of: text).last : firstRange(of: text)
    }
}
