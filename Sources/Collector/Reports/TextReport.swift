package import CollectorSupport
import FoundationEssentials
import Shared
import Verdict

/// The report as text: the headline, a table whose last rows need attention most, then the verdict.
package struct TextReport {
    private let report: Report
    private let headline: Headline
    /// Further converged hosts are only counted.
    private let maximumConverged: Int
    /// Further hosts that are not converged are only counted.
    private let maximumOthers: Int

    private let layout: TextLayout

    package init(report: Report, layout: TextLayout = .file) {
        self.init(report: report, maximumConverged: 20, maximumOthers: 100, layout: layout)
    }

    init(report: Report, maximumConverged: Int, maximumOthers: Int, layout: TextLayout = .file) {
        self.report = report
        headline = report.headline
        self.maximumConverged = maximumConverged
        self.maximumOthers = maximumOthers
        self.layout = layout
    }

    package func render() -> String {
        (header + table + [""] + actions + footer).flatMap(layout.wrapped).joined(separator: "\n") + "\n"
    }

    private var header: [String] {
        let target = report.target
        let build = [target.gitSHA?.short, target.digest?.short].compactMap { $0 }.joined(separator: "  ")
        let number = target.generation.map { "  promotion no. \($0)" } ?? ""
        let environment = target.environment.isStandard ? "" : " (\(target.environment))"
        let subject = "\(Sanitizer.singleLine(target.service, limit: 128))\(environment)  \(build)\(number)"
        guard report.sweep == nil else { return [subject, ""] }
        let links = (report.origin?.links ?? []).map { "\($0.name): \($0.url)" }
        return [headline.text, "Next: \(headline.next)", "", subject, report.circumstance] + links + [""]
            + (headline.note.map { [$0, ""] } ?? [])
    }

    /// A larger table separates the headline from the end, which is read first on a terminal.
    private static let screen = 12

    private var table: [String] {
        guard !report.hosts.isEmpty else { return ["no hosts"] }
        if let sweep = report.sweep, sweep.onTarget == nil { return uncomparedTable }
        let converged = report.hosts.indices.filter { report.hosts[$0].status == .converged }
        let others = report.hosts.indices.filter { report.hosts[$0].status != .converged }
        let shownConverged = converged.prefix(maximumConverged)
        let shownOthers = others.suffix(maximumOthers)
        var table = TextTable(["HOST", "STATUS", "SERVES", report.sweep == nil ? "AFTER" : "FOR", "WHAT TO KNOW"])
        for index in shownConverged + shownOthers {
            let host = report.hosts[index]
            table.add([
                host.name, host.statusText, host.shortBuild ?? "-",
                (report.sweep == nil ? host.secondsToConverge.map(ReportText.duration) : uptime(host)) ?? "-",
                Self.remarks(host),
            ])
        }
        var counts: [String] = []
        if converged.count > shownConverged.count {
            counts.append("… and \(converged.count - shownConverged.count) more hosts converged")
        }
        if others.count > shownOthers.count {
            counts.append("… and \(others.count - shownOthers.count) more hosts like those below (see the JSON report)")
        }
        let rows = table.rowLines(layout, maximumWidth: Self.maximumNameWidth)
        return (rows.dropLast(shownOthers.count) + [counts] + rows.suffix(shownOthers.count)).flatMap(\.self)
    }

    /// One long name must not widen the column for all hosts.
    private static let maximumNameWidth = 40
    // MARK: - What to do

    /// Longer lists of hosts end with the number of the others.
    private static let maximumNames = 40
    private static let width = 80

    /// One line for each action, then its hosts.
    private var actions: [String] {
        guard let actions = report.actions else { return [] }
        let lines = actions.flatMap { action in
            wrapped("\(report.word(of: action).text), \(ReportText.hosts(action.hosts.count)): \(action.sentence)")
                + Self.names(action.hosts)
        }
        return ["What to do:"] + lines + [""]
    }

    /// An action's sentence. The lines that follow are indented more than the hosts.
    private func wrapped(_ sentence: String) -> [String] {
        let text = layout.encoded(sentence)
        guard let columns = layout.columns else { return ["  \(text)"] }
        return text.wrapped(toColumns: max(10, columns - 6)).enumerated().map { index, line in
            "\(index == 0 ? "  " : "      ")\(line)"
        }
    }

    private static func names(_ hosts: [String]) -> [String] {
        var words = hosts.prefix(maximumNames).map { Report.Action.line([$0]) }
        if hosts.count > words.count { words.append("and \(ReportText.count(hosts.count - words.count)) more") }
        var lines: [String] = []
        for word in words {
            if let last = lines.last, last.count + word.count < width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append("    \(word)")
            }
        }
        return lines
    }

    private static func remarks(_ host: Report.Host) -> String {
        let waived = host.waived.map { $0.expired ? " (waiver expired)" : " (waived until \($0.until): \($0.reason))" }
        let remarks = (host.reason.isEmpty ? [] : [host.reason + (waived ?? "")]) + host.notes
        return remarks.joined(separator: "; ")
    }

    /// The hosts and what they serve, if there is nothing to compare with.
    private var uncomparedTable: [String] {
        var table = TextTable(["HOST", "SERVES", "DIGEST", "STATE", "FOR", "WHAT TO KNOW"])
        for host in report.hosts.suffix(maximumOthers) {
            let isKnown = host.facts.reach == .ok && host.facts.runtime != .unknown
            table.add([
                host.name, host.gitSHA?.short ?? "-", host.digest?.short ?? "-",
                isKnown ? host.facts.runtime.rawValue : host.statusText,
                uptime(host) ?? "-", Self.remarks(host),
            ])
        }
        let hidden = report.hosts.count - maximumOthers
        return table.rowLines(layout, maximumWidth: Self.maximumNameWidth).flatMap(\.self)
            + (hidden > 0 ? ["… and \(hidden) more hosts (see the JSON report)"] : [])
    }

    /// The time since the start of the instance that decided the status.
    private func uptime(_ host: Report.Host) -> String? { host.runningSince.flatMap { Drift.age($0, now: end) } }

    /// Ages are relative to the end of the verification, so that a stored report does not change.
    private var end: Date { Date(rfc3339: report.verification.finishedAt) ?? .now }

    private var drift: [String] { report.drift.map { $0.lines(now: end) + [""] } ?? [] }

    private var footer: [String] {
        let warnings = report.warnings.map { "warning: \($0)" }
        if let sweep = report.sweep {
            return drift + warnings + lines(sweep) + (report.warningAdvice.map { ["Next: \($0)"] } ?? [])
        }
        let summary = report.summary
        let waived = summary.waived > 0 ? ", \(summary.waived) waived" : ""
        let convergence = [
            summary.secondsToConverge.map { "time to converge: \(ReportText.convergence($0))" },
            ReportText.servedFromStart(summary),
        ]
        let times = convergence.compactMap { $0.map { "; \($0)" } }.joined()
        let isBack = report.promotion?.rollback?.effect == .moved
        let repeated = report.hosts.count > Self.screen ? [headline.text, "Next: \(headline.next)"] : []
        let rollback = report.promotion?.rollback.map { "rollback: \($0.message)" }
        let history = [report.promotion?.summary, report.warnings.contains { $0 == rollback } ? nil : rollback]
        return history.compactMap { $0 } + drift + warnings
            + [
                "\(summary.proven) of \(summary.expected.hostCount) proven\(waived)\(isBack ? ", before the rollback" : "")\(times)"
            ]
            + report.reasons.dropFirst().reversed().map { "also \($0.verdict.rawValue): \($0.message)" }
            + repeated + [conclusion]
    }

    private var conclusion: String {
        "\(report.verdict.rawValue) (exit \(report.exitCode)): \(report.reasons.first?.message ?? "")"
    }

    /// A status proves nothing, so it has no verdict, only findings.
    private func lines(_ sweep: Report.Sweep) -> [String] {
        let counts = sweep.hosts > 0 ? [sweep.line] : []
        let finding =
            sweep.hosts > 0
            ? "exit \(report.exitCode): \(report.reasons.map(\.message).joined(separator: "; "))" : conclusion
        return counts + [sweep.advice].compactMap { $0 } + (report.exitCode == 0 ? [] : [finding])
    }
}
