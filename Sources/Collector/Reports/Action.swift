import Shared
package import Verdict

extension Report {
    /// One thing to do, and every host that needs it.
    ///
    /// Hosts share an action if they have the same cause and the same remedy. Waived hosts and hosts without a remedy, for
    /// example those that only have to be waited for, are in none.
    package struct Action: Codable, Hashable, Sendable {
        /// The worst status among the hosts.
        package var status: HostStatus
        /// nil in the records of older collectors.
        package var reasonCode: HostReason.Code?
        /// What was found on all these hosts; empty if the remedy contains it.
        package var cause: String
        /// One sentence, with the command if there is one.
        package var remedy: String
        /// The command alone, on one line; nil without one.
        package var command: String?
        /// A remark that applies to all these hosts, for example the build that they serve.
        package var note: String?
        /// All their names, in the report's order.
        package var hosts: [String]

        private enum CodingKeys: String, CodingKey {
            case status, cause, remedy, command, note, hosts
            case reasonCode = "reason_code"
        }

        /// The cause and the remedy on one line: `cause: remedy (note)`.
        package var sentence: String { ReasonText(cause, remedy: remedy, note: note).sentence }

        /// Names of hosts for a command line: one line, separated by blanks, each name one word.
        static func line(_ names: some Sequence<String>) -> String {
            names.map(ShellWord.quoted).joined(separator: " ")
        }

        /// The actions of a report: first those for hosts that decide the verdict or fail, the worst status first, then the
        /// one for the most hosts. Empty if there is nothing to do.
        ///
        /// - Parameter remedy: the report's, if the caller has it already.
        static func all(of report: Report, _ remedy: Remedy? = nil) -> [Action] {
            if case .done = remedy ?? report.remedy { return [] }
            guard !report.isUnasked else { return [] }
            var groups = ActionGroups()
            for (index, outcome) in report.outcomes.enumerated()
            where report.hosts[index].status != .converged && outcome != .waived {
                groups.add(report.hosts[index].name, .init(report.hosts, index, isCause: outcome == .failing))
            }
            return groups.actions
        }
    }
}

/// Collects hosts with the same problem, in time and space proportional to their number.
private struct ActionGroups {
    private struct Key: Hashable {
        var code: HostReason.Code?
        var summary: String
        var remedy: String
        var command: String?
    }

    /// The part of a host that its action depends on. Most hosts have the same one as the host before, and to read it in place
    /// takes less time than a copy of the host.
    struct Problem: Equatable {
        let status: HostStatus
        let facts: HostFacts
        let sweep: SweepStatus?
        let code: HostReason.Code?
        private let parts: ReasonText?
        private let reason: String
        let isCause: Bool

        init(_ hosts: [Report.Host], _ index: Int, isCause: Bool) {
            status = hosts[index].status
            facts = hosts[index].facts
            sweep = hosts[index].sweep
            code = hosts[index].reasonCode
            parts = hosts[index].reasonParts
            reason = hosts[index].reason
            self.isCause = isCause
        }

        var text: ReasonText { parts ?? ReasonText(reason) }

        var isDownOnTarget: Bool { facts.isDownOnTarget(status) }

        var isFailing: Bool { facts.isFailing(status, sweep) }
    }

    /// The place of a host's action in the list; lower ones come first.
    struct Urgency: Comparable {
        private let isElsewhere: Int
        private let rank: Int

        init(_ problem: Problem) {
            isElsewhere = problem.isCause || problem.isFailing ? 0 : 1
            rank =
                problem.sweep.flatMap { SweepStatus.allCases.firstIndex(of: $0) }
                ?? (problem.isDownOnTarget ? 2 * HostStatus.failed.rank + 1 : 2 * problem.status.rank)
        }

        static func < (left: Urgency, right: Urgency) -> Bool {
            (left.isElsewhere, left.rank) < (right.isElsewhere, right.rank)
        }
    }

    private struct Group {
        var key: Key
        var code: HostReason.Code?
        var urgency: Urgency
        var status: HostStatus
        /// nil if the hosts differ.
        var cause: String?
        var note: String?
        var hosts: [String]

        /// Adds the problem of one more host.
        mutating func merge(_ other: Group) {
            urgency = min(urgency, other.urgency)
            if other.status.rank < status.rank { status = other.status }
            if other.cause != cause { cause = nil }
            if other.note != note { note = nil }
        }
    }

    private var positions: [Key: Int] = [:]
    private var groups: [Group] = []
    /// The problem of the last host, and the position of its group.
    private var latest: (problem: Problem, position: Int?)?

    /// Beyond this number of lines for one reason, the smaller ones share a line: containers have other names on each host.
    private static let maximumPerReason = 8

    mutating func add(_ name: String, _ problem: Problem) {
        if let latest, latest.problem == problem {
            if let position = latest.position { groups[position].hosts.append(name) }
            return
        }
        let position = position(of: problem)
        latest = (problem, position)
        if let position { groups[position].hosts.append(name) }
    }

    /// The group of a problem, which is added or widened; nil if there is nothing to do about it.
    private mutating func position(of problem: Problem) -> Int? {
        let text = problem.text
        guard let remedy = text.remedy else { return nil }
        // Hosts that stay as they are differ in nothing else.
        let key = Key(
            code: text.cause.isEmpty ? nil : problem.code, summary: text.summary ?? text.cause, remedy: remedy,
            command: text.command)
        // What a host serves is in the table of hosts.
        let note = text.served == nil ? text.note : nil
        let group = Group(
            key: key, code: problem.code, urgency: Urgency(problem), status: problem.status, cause: text.cause,
            note: note, hosts: [])
        if let position = positions[key] {
            groups[position].merge(group)
            return position
        }
        positions[key] = groups.count
        groups.append(group)
        return groups.count - 1
    }

    var actions: [Report.Action] {
        // The order of the first host breaks ties, so that equal reports have equal actions.
        let sorted = groups.enumerated().sorted {
            (-$0.element.hosts.count, $0.offset) < (-$1.element.hosts.count, $1.offset)
        }.map(\.element)
        var kept: [HostReason.Code?: Int] = [:]
        var rest: [HostReason.Code?: [Group]] = [:]
        var actions: [(urgency: Urgency, isShared: Int, action: Report.Action)] = []
        for group in sorted {
            kept[group.key.code, default: 0] += 1
            if kept[group.key.code, default: 0] <= Self.maximumPerReason {
                actions.append((group.urgency, 0, Self.action(group)))
            } else {
                rest[group.key.code, default: []].append(group)
            }
        }
        for groups in rest.values {
            guard let urgency = groups.map(\.urgency).min(), let action = Self.shared(groups) else { continue }
            actions.append((urgency, groups.count > 1 ? 1 : 0, action))
        }
        return actions.sorted { left, right in
            guard left.urgency == right.urgency else { return left.urgency < right.urgency }
            return (left.isShared, -left.action.hosts.count, left.action.sentence) < (
                right.isShared, -right.action.hosts.count, right.action.sentence
            )
        }.map(\.action)
    }

    private static func action(_ group: Group) -> Report.Action {
        Report.Action(
            status: group.status, reasonCode: group.code, cause: group.cause ?? group.key.summary,
            remedy: group.key.remedy, command: group.key.command, note: group.note, hosts: group.hosts)
    }

    /// One action for groups of the same reason.
    private static func shared(_ groups: [Group]) -> Report.Action? {
        guard let first = groups.first else { return nil }
        guard groups.count > 1 else { return action(first) }
        let worst = groups.map(\.status).min { $0.rank < $1.rank } ?? first.status
        let isSame = groups.allSatisfy { $0.key.summary == first.key.summary }
        let code = first.key.code?.rawValue.replacing("_", with: " ") ?? "other reasons"
        let beginning = commonWords(groups.map(\.key.remedy))
        let each = "each host's reason has the remedy"
        return Report.Action(
            status: worst, reasonCode: first.code, cause: isSame ? first.key.summary : code,
            remedy: beginning.isEmpty ? each : "\(beginning) … (\(each))", command: nil, note: nil,
            hosts: groups.flatMap(\.hosts))
    }

    /// The words with which all texts begin; empty if fewer than two.
    private static func commonWords(_ texts: [String]) -> String {
        guard var common = texts.first?.split(separator: " ") else { return "" }
        for text in texts.dropFirst() {
            let words = text.split(separator: " ", maxSplits: common.count)
            common = Array(zip(common, words).prefix { $0 == $1 }.map(\.0))
        }
        return common.count < 2 ? "" : common.joined(separator: " ")
    }
}
