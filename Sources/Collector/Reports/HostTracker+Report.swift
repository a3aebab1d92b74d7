import Shared
import Verdict

/// What a report shows of a host beside its status.
extension HostTracker {
    /// What a reader should know of a host that converged although its container was restarted meanwhile; nil for any other.
    var restartWarning: String? { status == .converged ? restarts?.text : nil }

    /// What to say of an answer that there is nothing to compare with: nothing, where the service is up; nil where the host
    /// gave no usable answer.
    var plainReason: String? {
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
}

extension LastAnswerDetails {
    /// At most a few deployments in one text; nil for none.
    var shownProject: String? {
        guard !projects.isEmpty else { return nil }
        let shown = projects.prefix(4).joined(separator: ", ")
        return Sanitizer.singleLine(
            projects.count > 4 ? "\(shown) and \(projects.count - 4) more" : shown, limit: 1_024)
    }
}

extension Report.Host.LeftOut {
    init(_ container: LeftOutContainer) {
        self.init(
            name: Sanitizer.singleLine(container.name, limit: 255),
            project: container.project.map { Sanitizer.singleLine($0, limit: 255) },
            reason: container.reason, state: container.state)
    }
}

extension Report.Host {
    private static let shownLeftOut = 4

    /// One line, for example `2 containers left out: canvas-old (replaced), migrate (task)`; nil for none.
    var leftOutText: String? {
        guard let leftOut, !leftOut.isEmpty else { return nil }
        let shown = leftOut.prefix(Self.shownLeftOut).map { container in
            let whose = container.project.map { $0 == project ? "" : ", of \($0)" } ?? ""
            return "\(container.name) (\(container.reason.words)\(whose))"
        }.joined(separator: ", ")
        let more = leftOut.count > Self.shownLeftOut ? " and \(leftOut.count - Self.shownLeftOut) more" : ""
        return "\(leftOut.count) container\(leftOut.count == 1 ? "" : "s") left out: \(shown)\(more)"
    }

    /// What a person should know beside the reason, in parts of a sentence.
    package var notes: [String] { (warnings ?? []).map { "warning: \($0)" } + [leftOutText].compactMap { $0 } }
}

extension LeftOutContainer.Reason {
    fileprivate var words: String {
        switch self {
        case .replaced: "replaced"
        case .oneOff: "one-off"
        case .task: "task"
        case .infrastructure: "infrastructure"
        case .other: "other"
        }
    }
}

extension Report.Sweep {
    init(_ verification: Verification) {
        let rules = StatusRules(verification, at: .zero)
        let isCompared = verification.target.isComparable
        self.init(
            onTarget: isCompared ? rules.count(.well) : nil, answered: isCompared ? nil : rules.count(.well),
            behind: rules.count(.behind), failing: rules.count(.failing), unanswered: rules.count(.unanswered),
            conflicting: rules.count(.conflicting))
    }

    /// Hosts of the gate.
    package var hosts: Int { (onTarget ?? answered ?? 0) + behind + failing + unanswered + conflicting }

    /// One line for a person.
    package var line: String {
        var parts: [String] = []
        if let onTarget {
            parts.append("\(onTarget) of \(hosts.hostCount) on target (one look; run verify to prove it)")
        } else {
            parts.append("\(hosts - unanswered - conflicting) of \(hosts.hostCount) answered")
        }
        let others = [
            (failing, "failing"), (behind, "serving something else"), (unanswered, "without a usable answer"),
            (conflicting, "another host answered"),
        ]
        parts += others.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return parts.joined(separator: ", ")
    }

    /// What is missing for a comparison; nil where there was one.
    package var advice: String? {
        onTarget == nil ? "nothing to compare with: give --sha, --digest or --image" : nil
    }
}
