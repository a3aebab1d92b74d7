import Shared
import Verdict

/// The report as Markdown, for the step summaries of GitHub, Gitea and GitLab: the verdict first, then what needs attention,
/// worst first, the rest folded.
package struct MarkdownReport {
    package let report: Report
    /// The most that may come out, in bytes. GitHub refuses a step's summary above 1 MiB, and shows none of it.
    package var limit = MarkdownReport.usualLimit

    package init(report: Report, limit: Int = MarkdownReport.usualLimit) {
        self.report = report
        self.limit = limit
    }

    /// Half of what GitHub takes, so that other commands of the step can add to it.
    package static let usualLimit = 512 << 10
    /// What the parts that are always shown may need, however hostile their contents.
    static let necessary = 96 << 10

    /// A table or list whose rows are dropped where there is no room for them.
    private struct Rows {
        var lines: [String]
        /// How many were left out.
        var dropped: Int
    }

    package func render() -> String {
        let head = self.head
        var room = limit - head.utf8.count - Self.reserve
        let outcomes = zip(report.hosts, report.outcomes)
        // The report has the worst at its end.
        let attention = outcomes.filter { $1 != .proven && $1 != .waived }.reversed()
        let proven = outcomes.filter { $1 == .proven }.map(\.0)
        let waived = outcomes.filter { $1 == .waived }.map(\.0)
        var parts = [head]
        parts += part(notConverged(attention.map { ($0, $1) }, room: room * 3 / 5), &room)
        parts += part(waivedHosts(waived, room: room / 4), &room)
        parts += part(details(attention.map(\.0), room: room / 2), &room)
        parts += part(converged(proven, room: room), &room)
        parts.append(circumstances)
        return parts.joined(separator: "\n\n") + "\n"
    }

    /// For the circumstances, and the lines that say what was left out.
    private static let reserve = 16 << 10

    private func part(_ lines: [String], _ room: inout Int) -> [String] {
        guard !lines.isEmpty else { return [] }
        let text = lines.joined(separator: "\n")
        room -= text.utf8.count
        return [text]
    }

    /// As many rows as fit, and how many do not.
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
        return ["", "… and \(rows.dropped) more \(what): the JSON report (`--report json=PATH`) has all hosts."]
    }

    // MARK: - What is always there

    private var head: String {
        let summary = report.summary
        let waived = summary.waived > 0 ? ", \(summary.waived) waived" : ""
        let word = report.sweep == nil ? report.verdict.rawValue : "status"
        let found = report.sweep?.line ?? "\(summary.proven) of \(summary.expected) hosts proven"
        var lines = [
            "## \(symbol) \(word): \(found)\(waived)", "",
            "**\(word)** (exit \(report.exitCode)): \(MarkdownText.code(report.reasons.first?.message ?? "", limit: 1_024))",
            "",
        ]
        if let advice = report.warningAdvice { lines += [advice, ""] }
        lines += target.map { "- \($0): \($1)" }
        if report.reasons.count > 1 {
            lines += ["", "### Also", ""]
            lines += report.reasons.dropFirst().map { reason in
                let hosts = reason.hosts == 1 ? "1 host" : "\(reason.hosts) hosts"
                return "- **\(reason.verdict.rawValue)**, \(hosts): \(MarkdownText.code(reason.message, limit: 1_024))"
            }
        }
        if let story = report.promotion {
            lines += ["", "### Promotion", ""]
            lines += story.steps.map { "- \($0.step): \(MarkdownText.code($0.said, limit: 600))" }
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
            if rows.dropped > 0 { lines.append("- … and \(rows.dropped) more: see the JSON report.") }
        }
        return (lines + statuses).joined(separator: "\n")
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
        let generation = target.generation.map { ", generation \($0)" } ?? ""
        let times = report.summary.secondsToConverge.map { times in
            [("p50", times.p50), ("p95", times.p95), ("max", times.max)]
                .map { "\($0.0) \(Duration(clampingSeconds: $0.1).brief)" }.joined(separator: ", ")
        }
        let lines: [(String, String?)] = [
            ("Service", MarkdownText.code(target.service, limit: 128) + generation),
            ("Commit", target.gitSHA.map { MarkdownText.code("\($0)") }),
            ("Digest", target.digest.map { MarkdownText.code("\($0)") }),
            ("Took", Duration(clampingSeconds: report.verification.durationSeconds).brief),
            ("Time to converge", times),
            ("Evidence", report.evidence.map { MarkdownText.code($0.hash) }),
        ]
        return lines.compactMap { name, value in value.map { (name, $0) } }
    }

    private var statuses: [String] {
        let counts = HostStatus.allCases.compactMap { status in
            report.summary.statuses[status.rawValue].map { (status.rawValue, $0) }
        }
        guard !counts.isEmpty else { return ["", "No hosts."] }
        return ["", "### Hosts by status", ""] + MarkdownText.heading(["Status", "Hosts"])
            + counts.map { MarkdownText.row([$0, "\($1)"]) }
    }

    // MARK: - Hosts

    private func notConverged(_ hosts: [(Report.Host, HostOutcome)], room: Int) -> [String] {
        guard !hosts.isEmpty else { return [] }
        let rows = fitting(hosts, maximum: 500, room: room) { host, outcome in
            let note =
                switch outcome {
                case .tolerated: " (tolerated)"
                case .undecided: " (not decided)"
                case .failing, .proven, .waived: ""
                }
            return MarkdownText.row([
                MarkdownText.code(host.name, limit: 255), host.status.rawValue + note,
                MarkdownText.code(([host.reason] + host.notes).joined(separator: "; ")),
                MarkdownText.code(host.shortBuild ?? ""), host.labelledAt.map { "+\($0.brief)" } ?? "start",
            ])
        }
        return ["### Not converged (\(hosts.count))", ""]
            + MarkdownText.heading(["Host", "Status", "What to know", "Serves", "Since"])
            + rows.lines + more(rows, "that are not converged")
    }

    private func waivedHosts(_ hosts: [Report.Host], room: Int) -> [String] {
        guard !hosts.isEmpty else { return [] }
        let rows = fitting(hosts, maximum: 200, room: room) { host in
            MarkdownText.row([
                MarkdownText.code(host.name, limit: 255), host.status.rawValue,
                MarkdownText.code(host.waived?.until ?? "", limit: 64), MarkdownText.code(host.waived?.reason ?? ""),
                MarkdownText.code(host.waived?.by ?? "", limit: 128),
            ])
        }
        return ["### Waived, and left out of the gate (\(hosts.count))", ""]
            + MarkdownText.heading(["Host", "Status", "Until", "Reason", "By"])
            + rows.lines + more(rows, "that are waived")
    }

    private func details(_ hosts: [Report.Host], room: Int) -> [String] {
        guard !hosts.isEmpty else { return [] }
        let rows = fitting(hosts, maximum: 100, room: room) { MarkdownHost(host: $0).lines.joined(separator: "\n") }
        return folded("Details of hosts that are not converged", rows.lines + more(rows, "with details"))
    }

    private func converged(_ hosts: [Report.Host], room: Int) -> [String] {
        guard !hosts.isEmpty else { return [] }
        let rows = fitting(hosts, maximum: 2_000, room: room) { host in
            MarkdownText.row([
                MarkdownText.code(host.name, limit: 255), MarkdownText.code(host.shortBuild ?? ""),
                host.secondsToConverge.map { Duration(clampingSeconds: $0).brief } ?? "–",
                MarkdownText.code(([host.reason] + host.notes).joined(separator: "; ")),
            ])
        }
        return folded(
            "Converged (\(hosts.count))",
            MarkdownText.heading(["Host", "Serves", "After", "What to know"]) + rows.lines
                + more(rows, "that converged"))
    }

    /// - Parameter summary: Markdown is not read in it, and HTML is.
    private func folded(_ summary: String, _ lines: [String]) -> [String] {
        ["<details><summary>\(summary)</summary>", ""] + lines + ["", "</details>"]
    }

    // MARK: - Policy and target

    private var circumstances: String {
        let run = report.verification
        let target = report.target
        let equivalents = target.equivalentDigests.prefix(32).map { equivalent in
            ("Also proves it (\(equivalent.kind))", MarkdownText.code("\(equivalent.digest)"))
        }
        let rows: [(String, String?)] =
            [
                ("Verification", MarkdownText.code(run.id, limit: 64)), ("Started", MarkdownText.code(run.startedAt)),
                ("Finished", MarkdownText.code(run.finishedAt)),
                ("Collector", MarkdownText.code(run.collector.version)),
                ("Image", target.image.map { MarkdownText.code($0) }),
            ] + equivalents + [
                ("Inventory", MarkdownText.code(report.inventory.source)),
                ("Inventory's hash", MarkdownText.code(report.inventory.hash)),
                ("Hosts in it", MarkdownText.code(report.inventory.extent)),
            ] + report.policy.settings.map { ("`\($0.flag)`", MarkdownText.code($0.value)) }
        let lines = rows.compactMap { name, value in value.map { MarkdownText.row([name, $0]) } }
        return folded("Policy and target", MarkdownText.heading(["What", "Value"]) + lines).joined(separator: "\n")
    }
}
