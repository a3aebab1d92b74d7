import CollectorSupport
import FoundationEssentials
import Verdict

/// Every host exactly once: the hosts that are not converged, then the waived hosts, then the converged hosts.
struct HTMLHosts {
    let report: Report
    let anchors: HTMLAnchors
    let plan: HTMLHostPlan

    /// The number of unfolded rows of hosts that are not converged.
    private static let openRows = 200
    /// The maximum number of converged hosts whose table is not folded.
    private static let fewRows = 25
    /// The rows of one folded table, which a browser lays out quickly when it is opened.
    private static let tableRows = 1_000
    /// The number of hosts above which the browser skips the layout of invisible rows.
    private static let many = 500
    /// The number of inventory labels in the filter.
    private static let maximumChoices = 200

    var section: Markup {
        guard !report.hosts.isEmpty else {
            return """
                <section class="panel" id="hosts"><h2>Hosts</h2><p>The inventory is empty.</p></section>

                """
        }
        // A status proves nothing, so "Not converged" would be misleading.
        let name: StaticString =
            report.isUnasked ? "Not asked" : report.sweep == nil ? "Not converged" : "Asked"
        let size: StaticString = report.hosts.count > Self.many ? "panel large" : "panel"
        let fleet = plan.isLarge ? HTMLFleet(report, others: plan.others) : nil
        return """
            <section class="\(size)" id="hosts"><h2>Hosts</h2>
            \(filter(fleet?.labelCounts ?? LabelSets(report).counts))\(legend)
            \(group(name, plan.unproven, opens: report.isUnasked ? Self.fewRows : Self.openRows))\
            \(group("Waived", plan.waived, opens: Self.openRows))\
            \(group("Converged", plan.converged, opens: plan.converged.count > Self.fewRows ? 0 : Self.fewRows))\
            \(fleet.map(others) ?? "")\
            <p class="nothing" id="nothing" hidden>No host matches the filter.</p>
            </section>

            """
    }

    // MARK: - Groups

    /// The hosts without a row: the search finds them, and the JSON report has them for readers without a script.
    private func others(_ fleet: HTMLFleet) -> Markup {
        let shortened: Markup =
            fleet.isShortened
            ? " Their labels and reasons differ too much for this page and are in the JSON report." : ""
        return """
            <section class="others" id="others"><h3>\(plan.unproven.isEmpty ? "Hosts" : "Other hosts") \
            <small>\(ReportText.count(plan.others.count))</small></h3>
            <p class="hint"><span id="searchable" hidden>The search above finds each of these hosts by its name, status, \
            reason, label or build. </span>This fleet is too large for a row for each host: the JSON report \
            (<code>--report json=PATH</code>) lists all \(ReportText.count(report.hosts.count)) with their details.\(shortened)</p>
            <ul class="matches" id="matches" aria-label="Hosts found"></ul>
            <p class="hint" id="more"></p>
            \(fleet.element)</section>

            """
    }

    /// - Parameter opens: the number of unfolded rows.
    private func group(_ name: StaticString, _ hosts: [Int], opens: Int) -> Markup {
        guard !hosts.isEmpty else { return "" }
        var result: Markup = """
            <section class="group"><h3>\(name) <small>\(ReportText.count(hosts.count))</small></h3>

            """
        let open = hosts.prefix(opens)
        if !open.isEmpty { result += table(name, open) }
        var start = open.endIndex
        while start < hosts.count {
            let rows = hosts[start..<min(start + Self.tableRows, hosts.count)]
            result += """
                <details class="fold"><summary>\(range(rows, of: hosts.count))</summary>
                \(table(name, rows))</details>

                """
            start = rows.endIndex
        }
        result += "</section>\n"
        return result
    }

    /// The summary of a folded table: the number of hosts, and the first and the last of them.
    private func range(_ rows: ArraySlice<Int>, of all: Int) -> Markup {
        guard let first = rows.first, let last = rows.last else { return "" }
        let which: Markup =
            rows.count == all
            ? "\(ReportText.hosts(all))"
            : "\(ReportText.count(rows.startIndex + 1)) to \(ReportText.count(rows.endIndex)) of \(ReportText.hosts(all))"
        return """
            \(which): <bdi>\(report.hosts[first].name, limit: 40)</bdi> to \
            <bdi>\(report.hosts[last].name, limit: 40)</bdi><span class="unprinted"> (folded, not printed)</span>
            """
    }

    private func table(_ name: StaticString, _ hosts: ArraySlice<Int>) -> Markup {
        let duration = report.verification.durationSeconds
        let after: StaticString = report.sweep == nil ? "converged after" : "running for"
        let time: Markup =
            report.sweep != nil
            ? "now" : duration > 0 ? "over \(ReportText.duration(duration)), and the end" : "over time"
        var result: Markup = """
            <table class="hosts" aria-label="\(name)"><thead><tr><th scope="col">host</th><th scope="col">status</th>\
            <th scope="col">\(time)</th>\
            <th scope="col">what to know</th><th scope="col">serves</th>\
            <th scope="col">\(after)</th><th scope="col">requests</th><th scope="col">last answer</th></tr></thead><tbody>

            """
        result.reserve(1_100 * hosts.count)
        // Bounds the number of transitions on the page, however often hosts change their status.
        let maximum = min(60, max(8, 200_000 / report.hosts.count))
        for index in hosts {
            result +=
                HTMLHostRow(
                    host: report.hosts[index], anchor: anchors[index], target: report.target,
                    duration: duration, maximumTransitions: maximum, end: Date(rfc3339: report.verification.finishedAt)
                ).markup
        }
        result += "</tbody></table>\n"
        return result
    }

    // MARK: - Legend and filter

    private var legend: Markup {
        let items: [Markup] = report.statusCounts.map { status in
            let count = status.hosts
            let style = status.style.rawValue
            // A status that hosts only passed through is explained, but no host can be filtered by it.
            let disabled: Markup = count == 0 ? " disabled" : ""
            return """
                <li class="\(style)"><label><input type="checkbox" value="\(style)"\(disabled) hidden>\
                <svg viewBox="0 0 60 10" preserveAspectRatio="none" aria-hidden="true">\
                <path class="\(style)" d="M0 5h60"/></svg> <b>\(status.text)</b> \
                <span class="count">\(ReportText.count(count))</span></label> <span>\(status.meaning)</span></li>

                """
        }
        return "<ul class=\"legend\" id=\"statuses\">\n\(items.joined())</ul>"
    }

    /// Hidden until the script runs, because it does nothing without it.
    private func filter(_ labelCounts: [String: Int]) -> Markup {
        """
        <div class="filter" id="filter" role="search" hidden><label>Find \
        <input type="search" id="text" placeholder="name, status or reason" autocomplete="off" spellcheck="false"></label>\
        \(choices(labelCounts)) <button type="button" id="clear">Show all</button> <output id="found" aria-live="polite"></output></div>

        """
    }

    /// The most frequent inventory labels.
    private func choices(_ counts: [String: Int]) -> Markup {
        guard !counts.isEmpty else { return "" }
        let shown = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.maximumChoices)
            .map(\.key).sorted()
        let options: [Markup] = shown.map { "<option>\($0, limit: HTMLHostRow.chipLimit)</option>" }
        return """
             <label>Inventory label <select id="inventory"><option value="">any</option>\(options.joined())</select></label>
            """
    }
}
