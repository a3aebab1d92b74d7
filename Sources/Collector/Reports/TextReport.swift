import CollectorSupport
import FoundationEssentials
import Shared
import Verdict

/// The report as text: a table with what needs attention last, then the verdict.
package struct TextReport {
    package let report: Report
    /// Converged hosts beyond this number are only counted.
    var maximumConverged = 20
    /// Hosts that need attention beyond this number are only counted.
    var maximumOthers = 100

    package init(report: Report, maximumConverged: Int = 20, maximumOthers: Int = 100) {
        self.report = report
        self.maximumConverged = maximumConverged
        self.maximumOthers = maximumOthers
    }

    package func render() -> String {
        (header + table + [""] + footer).joined(separator: "\n") + "\n"
    }

    private var header: [String] {
        let target = report.target
        let build = [target.gitSHA?.short, target.digest?.short].compactMap { $0 }.joined(separator: "  ")
        let generation = target.generation.map { "  generation \($0)" } ?? ""
        return ["\(Sanitizer.singleLine(target.service, limit: 128))  \(build)\(generation)", ""]
    }

    private var table: [String] {
        if let sweep = report.sweep, sweep.onTarget == nil { return plainTable }
        let converged = report.hosts.filter { $0.status == .converged }
        let others = report.hosts.filter { $0.status != .converged }
        guard !report.hosts.isEmpty else { return ["no hosts"] }
        let shownConverged = converged.prefix(maximumConverged)
        let shownOthers = others.suffix(maximumOthers)
        let rows = (Array(shownConverged) + Array(shownOthers)).map(row)
        let heading = ["HOST", "LABEL", "SERVES", "AFTER", "WHAT TO KNOW"]
        let widths = heading.indices.dropLast().map { column in
            min(40, ([heading] + rows).map { $0[column].count }.max() ?? 0)
        }
        var lines = [Self.line(heading, widths)]
        lines += rows.prefix(shownConverged.count).map { Self.line($0, widths) }
        if converged.count > shownConverged.count {
            lines.append("… and \(converged.count - shownConverged.count) more hosts converged")
        }
        if others.count > shownOthers.count {
            lines.append("… and \(others.count - shownOthers.count) more hosts like those below (see the JSON report)")
        }
        return lines + rows.suffix(shownOthers.count).map { Self.line($0, widths) }
    }

    private func row(_ host: Report.Host) -> [String] {
        [
            host.name, host.status.rawValue, host.gitSHA?.short ?? host.digest?.short ?? "-",
            host.secondsToConverge.map { Duration(clampingSeconds: $0).brief } ?? "-", Self.remarks(host),
        ]
    }

    private static func remarks(_ host: Report.Host) -> String {
        let waived = host.waived.map { $0.expired ? " (waiver expired)" : " (waived until \($0.until): \($0.reason))" }
        let remarks = (host.reason.isEmpty ? [] : [host.reason + (waived ?? "")]) + host.notes
        return remarks.joined(separator: "; ")
    }

    /// What each host serves, where there is nothing to compare it with.
    private var plainTable: [String] {
        guard !report.hosts.isEmpty else { return ["no hosts"] }
        let end = Date(rfc3339: report.verification.finishedAt) ?? .now
        var table = TextTable(["HOST", "SERVES", "DIGEST", "STATE", "FOR", "WHAT TO KNOW"])
        for host in report.hosts.suffix(maximumOthers) {
            let isKnown = host.facts.reach == .ok && host.facts.runtime != .unknown
            table.add([
                host.name, host.gitSHA?.short ?? "-", host.digest?.short ?? "-",
                isKnown ? host.facts.runtime.rawValue : host.status.rawValue,
                host.runningSince.flatMap { Drift.age($0, now: end) } ?? "-", Self.remarks(host),
            ])
        }
        let hidden = report.hosts.count - maximumOthers
        return table.lines() + (hidden > 0 ? ["… and \(hidden) more hosts (see the JSON report)"] : [])
    }

    private var promotion: [String] {
        guard let story = report.promotion else { return [] }
        return [story.summary]
    }

    /// Ages are those at the end of the run.
    private var drift: [String] {
        guard let drift = report.drift else { return [] }
        return drift.lines(now: Date(rfc3339: report.verification.finishedAt) ?? .now) + [""]
    }

    private static func line(_ cells: [String], _ widths: [Int]) -> String {
        zip(cells, widths).map { cell, width in
            let text = cell.count > width ? cell.prefix(width - 1) + "…" : cell[...]
            return text + String(repeating: " ", count: width - text.count)
        }.joined(separator: "  ") + "  " + (cells.last ?? "")
    }

    private var footer: [String] {
        if let sweep = report.sweep { return sweepFooter(sweep) }
        let summary = report.summary
        let waived = summary.waived > 0 ? ", \(summary.waived) waived" : ""
        let times = summary.secondsToConverge.map { times in
            let text = [("p50", times.p50), ("p95", times.p95), ("max", times.max)]
                .map { "\($0.0) \(Duration(clampingSeconds: $0.1).brief)" }.joined(separator: ", ")
            return "; time to converge: \(text)"
        }
        return promotion + drift + report.warnings.map { "warning: \($0)" }
            + ["\(summary.proven) of \(summary.expected) hosts proven\(waived)\(times ?? "")"]
            + report.reasons.dropFirst().reversed().map { "also \($0.verdict.rawValue): \($0.message)" }
            + [conclusion] + advice
    }

    private var advice: [String] { report.warningAdvice.map { ["what to do: \($0)"] } ?? [] }

    private var conclusion: String {
        "\(report.verdict.rawValue) (exit \(report.exitCode)): \(report.reasons.first?.message ?? "")"
    }

    /// One look is no verification: its words are not a verdict's, unless the exit code is.
    private func sweepFooter(_ sweep: Report.Sweep) -> [String] {
        let warnings = report.warnings.map { "warning: \($0)" }
        let counts = sweep.hosts > 0 ? [sweep.line] : []
        return drift + warnings + counts + [sweep.advice].compactMap { $0 }
            + (report.exitCode == 0 ? [] : [conclusion]) + advice
    }
}
