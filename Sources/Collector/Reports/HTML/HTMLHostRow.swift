import CollectorSupport
import FoundationEssentials
import Shared
import Verdict

/// One host's row: its name, status, timeline, reason and build, with folded details.
struct HTMLHostRow {
    let host: Report.Host
    let anchor: String
    let target: Report.PromotedTarget
    /// The duration of the verification in seconds.
    let duration: Double
    /// The number of transitions that are shown. Further ones, in the middle, are counted.
    let maximumTransitions: Int
    /// The end of the verification, if its time is valid.
    var end: Date?

    private static let maximumName = 120
    private static let shownLabels = 6

    var markup: Markup {
        let labels = host.sortedLabels
        return """
            <tr id="\(anchor)" class="\(host.styleStatus.rawValue)">\
            <th scope="row"><a href="#\(anchor)"\(fullName)>\(host.name, limit: Self.maximumName)</a>\
            \(Self.chips(labels.prefix(Self.shownLabels)))\(moreLabels(labels.count - Self.shownLabels))</th>\
            <td><b>\(host.statusText)</b></td>\
            <td>\(timeline)</td>\
            <td><span>\(reason)</span>\(warnings)\(waiver)\(details(labels.dropFirst(Self.shownLabels)))</td>\
            <td>\(serves)</td>\
            <td>\(after ?? "")</td>\
            <td>\(host.attempts)</td>\
            <td>\(host.lastAnswerAgeSeconds.map(ReportText.duration) ?? "")</td></tr>

            """
    }

    /// The row's details show them.
    private func moreLabels(_ hidden: Int) -> Markup {
        hidden > 0 ? " <small>and \(ReportText.counted(hidden, "more label", "more labels"))</small>" : ""
    }

    private func details(_ labels: ArraySlice<String>) -> Markup {
        HTMLHostDetails(host: host, target: target, labels: labels, maximumTransitions: maximumTransitions).markup
    }

    // MARK: - Cells

    /// The tooltip of a truncated name, unless even that would be too long.
    private var fullName: Markup {
        let count = host.name.unicodeScalars.prefix(513).count
        return count > Self.maximumName && count <= 512 ? " title=\"\(host.name)\"" : ""
    }

    /// Inventory labels, exactly as the filter compares them.
    static func chips(_ labels: ArraySlice<String>) -> Markup {
        labels.map { "<i>\($0, limit: chipLimit)</i>" }.joined()
    }

    static let chipLimit = 160

    private var timeline: Markup {
        let timeline = StatusTimeline(host.shownTransitions, duration: host.sweep == nil ? duration : 0)
        guard !timeline.runs.isEmpty else { return "" }
        return """
            <svg viewBox="0 0 214 10" preserveAspectRatio="none" aria-hidden="true">\(timeline.markup)</svg>
            """
    }

    /// The time to converge; in a status, the time since the start of the instance that decided it.
    private var after: String? {
        guard host.sweep != nil else { return host.secondsToConverge.map(ReportText.duration) }
        guard let end, let since = host.runningSince else { return nil }
        return Drift.age(since, now: end)
    }

    private var reason: Markup {
        let text = host.explanation
        guard host.status != .converged, let remedy = text.remedy, !text.cause.isEmpty else {
            return "\(host.reason, limit: 1_536)"
        }
        let note: Markup = text.note.map { " (\($0))" } ?? ""
        return "<em>\(text.cause):</em> \(remedy, limit: 1_024)\(note)"
    }

    private var warnings: Markup {
        (host.warnings ?? []).map { "<p class=\"waiver\"><strong>warning</strong> \($0)</p>" }.joined()
    }

    private var waiver: Markup {
        guard let waived = host.waived else { return "" }
        let by: Markup = waived.by.map { " by \($0)" } ?? ""
        if waived.expired {
            return
                "<p class=\"waiver\"><strong>waiver expired</strong> \(waived.until)\(by), so the host counts: \(waived.reason)</p>"
        }
        return "<p class=\"waiver\"><strong>waived</strong> until \(waived.until)\(by): \(waived.reason)</p>"
    }

    private var serves: Markup {
        guard let short = host.shortBuild else { return "" }
        // For the right commit in another image, only the digest shows the difference.
        if let digest = host.digest, host.gitSHA != nil, host.gitSHA == target.gitSHA, digest != target.digest,
            !host.facts.build.isMatch
        {
            return "<code>\(short)</code> <code>\(digest.short)</code>"
        }
        return "<code>\(short)</code>"
    }
}

/// The folded part of a host's row: its URL, the facts at the end, and its changes of status.
private struct HTMLHostDetails {
    let host: Report.Host
    let target: Report.PromotedTarget
    /// Inventory labels for which the row has no room.
    let labels: ArraySlice<String>
    let maximumTransitions: Int

    private static let maximumLabels = 64

    var markup: Markup {
        """
        <details><summary>\(title)</summary>\
        \(host.status == .converged ? lines : list)\(moreLabels)</details>
        """
    }

    private var title: String {
        switch host.shownTransitions.count {
        case 0: "details"
        case let count: "\(ReportText.counted(count, "change", "changes"))"
        }
    }

    /// One element for a converged host: there are many of them, and browsers are slow with many elements.
    private var lines: Markup {
        "<p>\((facts + changes(text, hidden: { $0 })).joined(by: "\n"))</p>"
    }

    private var list: Markup {
        let items: [Markup] = changes(
            { "<li class=\"\($0.status.rawValue)\">\(text($0))</li>" }, hidden: { "<li>\($0)</li>" })
        return "<p>\(facts.joined(by: "\n"))</p>\(items.isEmpty ? Markup() : "<ol>\(items.joined())</ol>")"
    }

    private var facts: [Markup] {
        let facts = host.facts
        var lines: [Markup] = [
            "\(host.url)",
            """
            reach \(facts.reach.rawValue), identity \(facts.identity.rawValue), build \(facts.build.rawValue), \
            runtime \(facts.runtime.rawValue)
            """,
        ]
        // The page already shows the target in full.
        if let gitSHA = host.gitSHA, gitSHA != target.gitSHA { lines.append("commit \(gitSHA.hex)") }
        if let digest = host.digest {
            if digest != target.digest {
                lines.append("digest \(digest.description)")
            } else if host.gitSHA == target.gitSHA {
                lines.append("the promoted commit and digest")
            }
        }
        if let version = host.agentVersion { lines.append("agent \(version)") }
        if let project = host.project { lines.append("project \(project)") }
        if let declared = host.declaredInstances { lines.append("\(declared)") }
        if let leftOut = host.leftOutText { lines.append("\(leftOut)") }
        if let offset = host.clockOffsetSeconds, offset.magnitude >= 1 {
            let side: StaticString = offset < 0 ? "behind" : "ahead of"
            lines.append("its clock is \(ReportText.duration(offset.magnitude)) \(side) the collector's")
        }
        return lines
    }

    /// - Parameter hidden: wraps the line that counts the transitions in the middle.
    private func changes(
        _ line: (Report.Host.Transition) -> Markup, hidden: (Markup) -> Markup
    ) -> [Markup] {
        let all = host.shownTransitions
        guard all.count > maximumTransitions else { return all.map(line) }
        let half = maximumTransitions / 2
        let count: Markup = """
            … \(ReportText.count(all.count - 2 * half)) changes are left out here; the JSON report lists them
            """
        return all.prefix(half).map(line) + [hidden(count)] + all.suffix(half).map(line)
    }

    private func text(_ transition: Report.Host.Transition) -> Markup {
        """
        \(ReportText.duration(transition.seconds)) \(transition.status.rawValue): \(transition.reason)
        """
    }

    private var moreLabels: Markup {
        guard !labels.isEmpty else { return "" }
        let hidden = labels.count - Self.maximumLabels
        let rest: Markup = hidden > 0 ? "<p>and \(ReportText.count(hidden)) more labels in the JSON report</p>" : ""
        return "\(HTMLHostRow.chips(labels.prefix(Self.maximumLabels)))\(rest)"
    }
}

/// A host's statuses over the duration of a verification, in a fixed number of columns.
///
/// A column shows the worst status of its time, so that a short failure remains visible. The size of the drawing does not
/// depend on the number of changes.
struct StatusTimeline: Hashable, Sendable {
    /// Consecutive columns of one status.
    struct Run: Hashable, Sendable {
        var status: HostStatus
        var columns: Range<Int>
    }

    static let columns = 200

    /// From left to right; empty if the verification took no time.
    let runs: [Run]
    /// The status at the end, which a last change at the deadline leaves no column for; nil if there are no runs.
    let end: HostStatus?

    /// - Parameter duration: the duration of the verification in seconds.
    init(_ transitions: [Report.Host.Transition], duration: Double) {
        guard duration > 0 else {
            (runs, end) = ([], nil)
            return
        }
        var worst = [HostStatus?](repeating: nil, count: Self.columns)
        func note(_ status: HostStatus, from start: Double, to end: Double) {
            let first = min(Int(start * Double(Self.columns) / duration), Self.columns - 1)
            let last = min(Int((end * Double(Self.columns) / duration).rounded(.up)), Self.columns) - 1
            for column in first...max(first, last) where worst[column].map({ status.rank < $0.rank }) ?? true {
                worst[column] = status
            }
        }
        // A host is pending until its first change.
        var status = HostStatus.pending
        var since = 0.0
        for transition in transitions {
            let moment = min(max(since, transition.seconds), duration)
            if moment > since { note(status, from: since, to: moment) }
            (status, since) = (transition.status, moment)
        }
        note(status, from: since, to: duration)
        end = status

        var runs: [Run] = []
        for (column, status) in worst.enumerated() {
            guard let status else { continue }
            if let last = runs.last, last.status == status {
                runs[runs.count - 1].columns = last.columns.lowerBound..<column + 1
            } else {
                runs.append(Run(status: status, columns: column..<column + 1))
            }
        }
        self.runs = runs
    }

    /// One path per status, whose class decides colour, height and dashes. The last status is drawn apart, at the right.
    var markup: Markup {
        var order: [HostStatus] = []
        var lines: [HostStatus: Markup] = [:]
        func add(_ status: HostStatus, _ line: Markup) {
            if lines[status] == nil { order.append(status) }
            lines[status, default: ""] += line
        }
        for run in runs { add(run.status, "M\(run.columns.lowerBound) 5h\(run.columns.count)") }
        if let end { add(end, "M\(Self.columns + 4) 5h10") }
        return order.map { "<path class=\"\($0.rawValue)\" d=\"\(lines[$0] ?? "")\"/>" }.joined()
    }
}
