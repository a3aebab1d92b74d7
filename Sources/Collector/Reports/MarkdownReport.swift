import CollectorSupport
import FoundationEssentials
import Shared
import Verdict

/// The report as Markdown, for the step summaries of GitHub, Gitea and Forgejo: the verdict, then the hosts that need
/// attention, worst first, then everything else, folded.
package struct MarkdownReport {
    private let report: Report
    private let limit: Int

    /// - Parameter limit: the maximum size in bytes. GitHub rejects a whole step summary above 1 MiB.
    package init(report: Report, limit: Int = MarkdownReport.usualLimit) {
        self.report = report
        self.limit = limit
    }

    /// Half of GitHub's limit, so that other commands of the step can add to the summary.
    package static let usualLimit = 512 << 10
    /// An upper bound of the parts that are always shown, in bytes.
    static let necessary = 96 << 10

    /// The rows of a table or list that fit.
    private struct Rows {
        let lines: [String]
        /// The number of rows that did not fit.
        let dropped: Int
    }

    package func render() -> String {
        let head = self.head
        var room = limit - head.utf8.count - Self.reserve
        let outcomes = report.outcomes
        // The report lists the worst host last.
        let attention = outcomes.indices.reversed().filter { outcomes[$0] != .proven && outcomes[$0] != .waived }
        let proven = outcomes.indices.filter { outcomes[$0] == .proven }
        let waived = outcomes.indices.filter { outcomes[$0] == .waived }
        var parts = [head]
        parts += part(actions(room: room / 3), &room)
        parts += part(notConverged(attention, outcomes, room: room * 3 / 5), &room)
        parts += part(waivedHosts(waived, room: room / 4), &room)
        parts += part(details(attention, room: room / 2), &room)
        parts += part(converged(proven, room: room), &room)
        parts.append(circumstances)
        return parts.joined(separator: "\n\n") + "\n"
    }

    /// Room for the circumstances, and for the lines that count dropped rows.
    private static let reserve = 16 << 10

    private func part(_ lines: [String], _ room: inout Int) -> [String] {
        guard !lines.isEmpty else { return [] }
        let text = lines.joined(separator: "\n")
        room -= text.utf8.count
        return [text]
    }

    private func fitting<Item>(_ items: [Item], maximum: Int, room: Int, row: (Item) -> String) -> Rows {
        var lines: [String] = []
        var left = room
        for item in items.prefix(maximum) {
            let line = row(item)
            left -= line.utf8.count + 1
            guard left >= 0 else { break }
            lines.append(line)
        }
        return Rows(lines: lines, dropped: items.count - lines.count)
    }

    private func more(_ rows: Rows, _ what: String) -> [String] {
        guard rows.dropped > 0 else { return [] }
        return ["", "… and \(rows.dropped) more \(what): the JSON report (`--report json=PATH`) lists all hosts."]
    }

    // MARK: - Always shown

    private var head: String {
        var lines = headline
        lines += target.map { "- \($0): \($1)" }
        if report.reasons.count > 1 {
            lines += ["", "### Also", ""]
            lines += report.reasons.dropFirst().map { reason in
                let message = MarkdownText.code(reason.message, limit: 1_024)
                return report.sweep == nil
                    ? "- **\(reason.verdict.rawValue)**, \(reason.hosts.hostCount): \(message)" : "- \(message)"
            }
        }
        if let promotion = report.promotion {
            lines += ["", "### Promotion", ""]
            lines += promotion.steps.map { "- \($0.step): \(MarkdownText.code($0.message, limit: 600))" }
        }
        if let drift = report.drift {
            lines += ["", "### Drift", ""]
            lines += drift.findings.prefix(20).map { "- \(MarkdownText.code($0.message, limit: 600))" }
            if drift.findings.isEmpty { lines.append("- none") }
        }
        if !report.warnings.isEmpty {
            lines += ["", "### Warnings", ""]
            let rows = fitting(report.warnings, maximum: 20, room: 16 << 10) { "- ⚠️ \(MarkdownText.code($0))" }
            lines += rows.lines
            if rows.dropped > 0 { lines.append("- … and \(rows.dropped) more in the JSON report.") }
        }
        return (lines + statuses).joined(separator: "\n")
    }

    /// The headline, then the verdict for those who know its words.
    private var headline: [String] {
        let headline = report.headline
        let word = report.sweep == nil ? report.verdict.rawValue : "status"
        let cause = MarkdownText.code(report.reasons.first?.message ?? "", limit: 1_024)
        let verdict = "**\(word)** (exit \(report.exitCode)): \(cause)"
        guard report.sweep == nil else {
            let waived = report.summary.waived > 0 ? ", \(report.summary.waived) waived" : ""
            return ["## \(symbol) \(word): \(headline.event)\(waived)", "", verdict, ""]
                + (report.warningAdvice.map { [$0, ""] } ?? [])
        }
        let links = (report.origin?.links ?? []).map { MarkdownText.link($0.name, to: $0.url) }
        let actor = report.promotion.map { ["by \(MarkdownText.code($0.actor, limit: 200))"] } ?? []
        return ["## \(symbol) \(MarkdownText.escaped(headline.event))", ""]
            + (headline.state.map { [MarkdownText.escaped($0), ""] } ?? [])
            + ["**Next:** \(MarkdownText.escaped(headline.next))", "", verdict, ""]
            + [([report.endedAt] + actor + links).joined(separator: " · "), ""]
            + (headline.note.map { ["_\($0)_", ""] } ?? [])
    }

    private var symbol: String {
        switch (report.exitCode, report.verdict) {
        case (0, .converged): "✅"
        case (0, _): "⚠️"
        default: "❌"
        }
    }

    private var target: [(String, String)] {
        let target = report.target
        let lines: [(String, String?)] = [
            ("Service", MarkdownText.code(target.service, limit: 128)),
            ("Environment", target.environment.isStandard ? nil : MarkdownText.code("\(target.environment)")),
            ("Promotion", target.generation.map { "no. \($0) of this service" }),
            ("Commit", target.gitSHA.map { MarkdownText.code("\($0)") }),
            ("Digest", target.digest.map { MarkdownText.code("\($0)") }),
            ("Hosts", report.headline.numbers),
            ("Duration", ReportText.duration(report.verification.durationSeconds)),
            ("Time to converge", report.summary.secondsToConverge.map(ReportText.convergence)),
            ("Unchanged", ReportText.servedFromStart(report.summary)),
            ("Evidence", report.evidence.map { MarkdownText.code($0.hash) }),
        ]
        return lines.compactMap { name, value in value.map { (name, $0) } }
    }

    private var statuses: [String] {
        let counts = report.statusCounts.filter { $0.hosts > 0 }
        guard !counts.isEmpty else { return ["", "No hosts."] }
        return ["", "### Hosts by status", ""] + MarkdownText.heading(["Status", "Hosts", "Meaning"])
            + counts.map { MarkdownText.row([$0.text, "\($0.hosts)", $0.meaning]) }
    }

    // MARK: - What to do

    private func actions(room: Int) -> [String] {
        guard let actions = report.actions else { return [] }
        // Every action is shown before any of them lists many hosts.
        let share = max(256, room / 2 / actions.count)
        let rows = fitting(actions, maximum: 500, room: room) {
            MarkdownAction(action: $0, word: report.word(of: $0).text).text(room: share)
        }
        return ["### What to do", ""] + rows.lines + more(rows, "things to do")
    }

    // MARK: - Hosts

    private func notConverged(_ hosts: [Int], _ outcomes: [HostOutcome], room: Int) -> [String] {
        guard !hosts.isEmpty else { return [] }
        let rows = fitting(hosts, maximum: 500, room: room) { index in
            let host = report.hosts[index]
            let note =
                switch outcomes[index] {
                case .tolerated: " (tolerated)"
                case .undecided: report.sweep == nil ? " (not decided)" : ""
                case .failing, .proven, .waived: ""
                }
            return MarkdownText.row([
                MarkdownText.code(host.name, limit: 255), host.statusText + note,
                MarkdownText.code(([host.reason] + host.notes).joined(separator: "; "), limit: 2_048),
                MarkdownText.code(host.shortBuild ?? ""), report.sweep == nil ? host.sinceText : uptime(host),
            ])
        }
        return ["### \(report.sweep == nil ? "Not converged" : "Hosts") (\(hosts.count))", ""]
            + MarkdownText.heading(
                ["Host", "Status", "What to know", "Serves", report.sweep == nil ? "Since" : "For"])
            + rows.lines + more(rows, report.sweep == nil ? "that are not converged" : "hosts")
    }

    /// The time since the start of the instance that decided the status.
    private func uptime(_ host: Report.Host) -> String {
        guard let end = Date(rfc3339: report.verification.finishedAt) else { return "" }
        return host.runningSince.flatMap { Drift.age($0, now: end) } ?? ""
    }

    private func waivedHosts(_ hosts: [Int], room: Int) -> [String] {
        guard !hosts.isEmpty else { return [] }
        let rows = fitting(hosts, maximum: 200, room: room) { index in
            let host = report.hosts[index]
            return MarkdownText.row([
                MarkdownText.code(host.name, limit: 255), host.statusText,
                MarkdownText.code(host.waived?.until ?? "", limit: 64), MarkdownText.code(host.waived?.reason ?? ""),
                MarkdownText.code(host.waived?.by ?? "", limit: 128),
            ])
        }
        return ["### Waived, outside the gate (\(hosts.count))", ""]
            + MarkdownText.heading(["Host", "Status", "Until", "Reason", "By"])
            + rows.lines + more(rows, "that are waived")
    }

    private func details(_ hosts: [Int], room: Int) -> [String] {
        guard !hosts.isEmpty else { return [] }
        let rows = fitting(hosts, maximum: 100, room: room) {
            MarkdownHost(host: report.hosts[$0]).lines.joined(separator: "\n")
        }
        let title = report.sweep == nil ? "Details of hosts that are not converged" : "Details"
        return folded(title, rows.lines + more(rows, "with details"))
    }

    private func converged(_ hosts: [Int], room: Int) -> [String] {
        guard !hosts.isEmpty else { return [] }
        let rows = fitting(hosts, maximum: 2_000, room: room) { index in
            let host = report.hosts[index]
            return MarkdownText.row([
                MarkdownText.code(host.name, limit: 255), MarkdownText.code(host.shortBuild ?? ""),
                host.secondsToConverge.map(ReportText.duration) ?? "–",
                MarkdownText.code(([host.reason] + host.notes).joined(separator: "; ")),
            ])
        }
        return folded(
            "Converged (\(hosts.count))",
            MarkdownText.heading(["Host", "Serves", "After", "What to know"]) + rows.lines
                + more(rows, "that converged"))
    }

    /// - Parameter summary: HTML, not Markdown.
    private func folded(_ summary: String, _ lines: [String]) -> [String] {
        ["<details><summary>\(summary)</summary>", ""] + lines + ["", "</details>"]
    }

    // MARK: - Policy and target

    private var circumstances: String {
        let run = report.verification
        let target = report.target
        let equivalents = target.equivalentDigests.prefix(32).map { equivalent in
            ("Also proves the target (\(equivalent.kind))", MarkdownText.code("\(equivalent.digest)"))
        }
        let rows: [(String, String?)] =
            [
                ("Verification", MarkdownText.code(run.id, limit: 64)), ("Started", MarkdownText.code(run.startedAt)),
                ("Finished", MarkdownText.code(run.finishedAt)),
                ("Collector", MarkdownText.code(run.collector.version)),
                ("Image", target.image.map { MarkdownText.code($0) }),
            ] + equivalents + [
                ("Inventory", MarkdownText.code(report.inventory.source)),
                ("Inventory hash", MarkdownText.code(report.inventory.hash)),
                ("Inventory hosts", MarkdownText.code(report.inventory.extent)),
            ]
            + (report.sweep == nil ? report.policy.settings : []).map { ("`\($0.flag)`", MarkdownText.code($0.value)) }
        let lines = rows.compactMap { name, value in value.map { MarkdownText.row([name, $0]) } }
        return folded("Policy and target", MarkdownText.heading(["Setting", "Value"]) + lines).joined(separator: "\n")
    }
}

/// One action: its cause and remedy, and its hosts in a block that can be copied.
private struct MarkdownAction {
    let action: Report.Action
    /// The word for its hosts.
    let word: String

    /// - Parameter room: the maximum size of the names in bytes.
    func text(room: Int) -> String {
        var names: [String] = []
        var left = room
        for host in action.hosts {
            let name = Report.Action.line([host])
            left -= name.utf8.count + 1
            guard left >= 0 || names.isEmpty else { break }
            names.append(name)
        }
        let line = names.joined(separator: " ")
        let fence = MarkdownText.fence(for: line)
        let rest = action.hosts.count - names.count
        return
            ([
                "- **\(word)**, \(ReportText.hosts(action.hosts.count)): "
                    + MarkdownText.code(action.sentence, limit: 1_536),
                "", "  \(fence)text", "  \(line)", "  \(fence)",
            ] + (rest > 0 ? ["", "  and \(ReportText.count(rest)) more: the JSON report has all names"] : []) + [""])
            .joined(separator: "\n")
    }
}

/// One host that is not converged: its facts and its transitions, as a nested list.
private struct MarkdownHost {
    let host: Report.Host

    private static let maximumTransitions = 12

    var lines: [String] {
        let facts = host.facts
        let labels = host.sortedLabels.prefix(8).map { MarkdownText.code($0, limit: 128) }.joined(separator: " ")
        let answer = host.lastAnswerAgeSeconds.map { ", last answer \(ReportText.duration($0)) before the end" }
        let waiver = host.waived.map { waived in
            "waiver expired, until \(MarkdownText.code(waived.until, limit: 64)): \(MarkdownText.code(waived.reason))"
        }
        let shown = host.shownTransitions.suffix(Self.maximumTransitions)
        let hidden = host.shownTransitions.count - shown.count
        let entries: [String?] = [
            "reach \(facts.reach.rawValue), identity \(facts.identity.rawValue), build \(facts.build.rawValue), "
                + "runtime \(facts.runtime.rawValue)",
            "\(ReportText.counted(host.attempts, "request", "requests")) to \(MarkdownText.code(host.url, limit: 255))"
                + (answer ?? ""),
            host.gitSHA.map { "commit \(MarkdownText.code("\($0)"))" },
            host.digest.map { "digest \(MarkdownText.code("\($0)"))" },
            host.project.map { "project \(MarkdownText.code($0))" }, host.declaredInstances,
            host.leftOutText.map { MarkdownText.code($0) }, labels.isEmpty ? nil : labels, waiver,
            hidden > 0 ? "… \(ReportText.counted(hidden, "earlier change", "earlier changes"))" : nil,
        ]
        let transitions = shown.map { transition in
            "+\(ReportText.duration(transition.seconds)) \(transition.status.rawValue): "
                + MarkdownText.code(transition.reason)
        }
        return ["- \(MarkdownText.code(host.name, limit: 255)) **\(host.statusText)**"]
            + (entries.compactMap { $0 } + transitions).map { "  - \($0)" }
    }
}

extension Report.Host {
    /// The time at which the host came into its condition: `+5.0s`, or the whole verification.
    fileprivate var sinceText: String {
        /// A straggler is a pending host after the deadline; the host itself has not changed.
        func condition(_ status: HostStatus) -> HostStatus {
            status == .straggler ? .pending : status
        }
        let current = condition(status)
        guard let last = transitions.lastIndex(where: { condition($0.status) != current }) else {
            return current == .pending && (facts.build == .behind || facts.build == .foreign)
                ? "behind the whole time" : "the whole time"
        }
        return last + 1 < transitions.count ? "+\(ReportText.duration(transitions[last + 1].seconds))" : "the end"
    }
}
