import Shared
import Verdict

/// The head of the page: the headline, the verdict and its causes, the counts, and the remedies.
struct HTMLVerdict {
    let report: Report
    let anchors: HTMLAnchors
    let plan: HTMLHostPlan

    private static let maximumNames = 8
    /// The names of one action to copy, on a page of a large fleet.
    private static let maximumCopied = 200

    var section: Markup {
        let text = VerdictText(report)
        let headline = report.headline
        let state: Markup = headline.state.map { "<p class=\"state\">\($0)</p>\n" } ?? ""
        let note: Markup = headline.note.map { "<p class=\"when\">\($0)</p>\n" } ?? ""
        return """
            <header class="panel verdict" id="verdict" data-tone="\(text.tone.rawValue)">
            <p class="what"><bdi>\(report.target.service, limit: 128)</bdi> \(build)</p>
            <div class="headline">\(symbol(text.tone))<h1>\(headline.event)</h1>\
            <p class="codes"><code>\(text.word)</code> exit code <b>\(Int(report.exitCode))</b></p></div>
            \(state)\(circumstance)<p class="reason">\(report.reasons.first?.message ?? "No cause was recorded.")</p>
            \(note)\(alsoCauses)\(figures)\(fleetBar)\(todo(text))\(warnings)</header>

            """
    }

    private var build: Markup {
        let target = report.target
        let parts: [Markup?] = [
            target.environment.isStandard ? nil : "(\(target.environment.description, limit: 128))",
            target.gitSHA.map { "<code>\($0.short)</code>" }, target.digest.map { "<code>\($0.short)</code>" },
            target.generation.map { "promotion no. \($0)" },
        ]
        return parts.compactMap { $0 }.joined(by: " ")
    }

    /// The end of the run, which the script adds in the reader's zone, the requester, and the pipeline's pages.
    private var circumstance: Markup {
        guard report.sweep == nil else { return "" }
        let end = report.verification.finishedAt
        var parts: [Markup] = ["<time datetime=\"\(end, limit: 64)\">\(report.endedAt)</time>"]
        if let promotion = report.promotion { parts.append("by \(promotion.shownActor)") }
        parts += (report.origin?.links ?? []).map { "<a href=\"\($0.url, limit: 2_048)\">\($0.name)</a>" }
        return "<p class=\"when\">\(parts.joined(by: " · "))</p>\n"
    }

    /// A shape for each tone, so that tones differ by more than colour.
    private func symbol(_ tone: VerdictText.Tone) -> Markup {
        let shape: Markup =
            switch tone {
            case .good: "<circle cx=\"16\" cy=\"16\" r=\"15\"/><path d=\"M9 16.5l5 5 9-10.5\"/>"
            case .tolerated: "<circle class=\"hollow\" cx=\"16\" cy=\"16\" r=\"14\"/><path d=\"M9 16.5l5 5 9-10.5\"/>"
            case .neutral: "<circle cx=\"16\" cy=\"16\" r=\"15\"/><path d=\"M9 16h14\"/>"
            case .bad:
                "<path class=\"solid\" d=\"M10 1h12l9 9v12l-9 9H10l-9-9V10z\"/><path d=\"M10 10l12 12M22 10L10 22\"/>"
            }
        return "<svg class=\"symbol\" viewBox=\"0 0 32 32\" aria-hidden=\"true\">\(shape)</svg>"
    }

    private var alsoCauses: Markup {
        guard report.reasons.count > 1 else { return "" }
        let items: [Markup] = report.reasons.dropFirst().map {
            report.sweep == nil
                ? "<li><code>\($0.verdict.rawValue)</code> \($0.message)</li>" : "<li>\($0.message)</li>"
        }
        return "<ul class=\"also\" aria-label=\"Other causes\">\(items.joined())</ul>\n"
    }

    // MARK: - Numbers

    private var figures: Markup {
        let summary = report.summary
        let of: Markup = "<small> of \(ReportText.hosts(summary.expected))</small>"
        var items: [Markup] = [
            report.sweep.map { sweep in
                figure(sweep.onTarget == nil ? "answered" : "on target", "\(ReportText.count(sweep.wellCount))\(of)")
            } ?? figure("proven", "\(ReportText.count(summary.proven))\(of)")
        ]
        if summary.waived > 0 { items.append(figure("waived", "\(ReportText.count(summary.waived))")) }
        if let times = summary.secondsToConverge {
            items.append(
                figure(
                    "converged within (half, 95 %, all)",
                    """
                    \(ReportText.duration(times.p50))<small>, </small>\(ReportText.duration(times.p95))\
                    <small>, </small>\(ReportText.duration(times.max))
                    """))
        }
        if summary.servedFromStart > 0 {
            items.append(figure("served it from the start", "\(ReportText.count(summary.servedFromStart))"))
        }
        guard !report.isUnasked else { return "<dl class=\"figures\">\(items.joined())</dl>\n" }
        items.append(
            figure(
                report.sweep == nil ? "verification took" : "took",
                "\(ReportText.duration(report.verification.durationSeconds))"))
        return "<dl class=\"figures\">\(items.joined())</dl>\n"
    }

    private func figure(_ name: Markup, _ value: Markup) -> Markup { "<div><dt>\(name)</dt><dd>\(value)</dd></div>" }

    /// All hosts by their status at the end, worst first, with the number of each.
    private var fleetBar: Markup {
        let counts = report.statusCounts.filter { $0.hosts > 0 }
        let total = counts.reduce(0) { $0 + $1.hosts }
        guard total > 0 else { return "" }
        var before = 0
        var lines: [Markup] = []
        var chips: [Markup] = []
        for status in counts {
            let count = status.hosts
            let (start, end) = (before * 1_000 / total, (before + count) * 1_000 / total)
            before += count
            // A single host among many stays visible.
            lines.append(
                "<path class=\"\(status.style.rawValue)\" d=\"M\(min(start, 996)) 5h\(max(4, end - start))\"/>")
            chips.append("<li class=\"\(status.style.rawValue)\"><b>\(status.text)</b> \(ReportText.count(count))</li>")
        }
        return """
            <svg class="fleet" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">\(lines.joined())</svg>
            <ul class="counts" aria-label="Hosts by status">\(chips.joined())</ul>

            """
    }

    // MARK: - Remedies

    private func todo(_ text: VerdictText) -> Markup {
        let rows = rows
        let items: [Markup] = (report.actions ?? []).map { action in
            let word = report.word(of: action)
            let cause: Markup = action.cause.isEmpty ? "" : "<em>\(action.cause):</em> "
            let note: Markup = action.note.map { " (\($0))" } ?? ""
            return """
                <li class="\(word.style.rawValue)"><b>\(word.text)</b> \
                \(ReportText.hosts(action.hosts.count)): \(names(action.hosts, rows))\
                <p>\(cause)<span class="todo">\(remedy(action))</span>\(note)</p></li>
                """
        }
        let list: Markup = items.isEmpty ? "" : "<ul class=\"remedies\">\(items.joined())</ul>\n"
        return """
            <h2>What to do</h2>
            <p>\(text.advice)</p>
            \(list)
            """
    }

    /// The remedy, with its command on a line of its own: a click selects it.
    private func remedy(_ action: Report.Action) -> Markup {
        guard let command = action.command, let range = action.remedy.firstRange(of: command) else {
            return "\(action.remedy, limit: 1_024)"
        }
        // Sanitised text has no blank at its ends, so the ones beside the command are written here.
        let (before, after) = (action.remedy[..<range.lowerBound], action.remedy[range.upperBound...])
        let (left, right): (Markup, Markup) = (before.hasSuffix(" ") ? " " : "", after.hasPrefix(" ") ? " " : "")
        return
            "\(String(before.dropLast(before.hasSuffix(" ") ? 1 : 0)))\(left)<code class=\"copy command\">\(command)</code>\(right)\(String(after.drop { $0 == " " }))"
    }

    /// The index of each host that needs something and has a row, by its name.
    private var rows: [String: Int] {
        Dictionary(
            report.hosts.indices.lazy.filter { plan.hasRow($0) && report.hosts[$0].status != .converged }.map {
                (report.hosts[$0].name, $0)
            },
            uniquingKeysWith: { first, _ in first })
    }

    /// Links to the first hosts; beyond them, the names in one line to copy.
    private func names(_ hosts: [String], _ rows: [String: Int]) -> Markup {
        let shown: [Markup] = hosts.prefix(Self.maximumNames).map { name in
            let label: Markup = "<bdi>\(name, limit: 64)</bdi>"
            guard let index = rows[name] else { return label }
            return "<a href=\"#\(anchors[index])\">\(label)</a>"
        }
        let links: Markup = "<span class=\"who\">\(shown.joined(by: " "))"
        guard hosts.count > shown.count else { return "\(links)</span>" }
        let copied = plan.isLarge ? hosts.prefix(Self.maximumCopied) : hosts[...]
        let title: Markup =
            copied.count == hosts.count
            ? "all \(ReportText.count(hosts.count)) names"
            : "\(ReportText.count(copied.count)) of \(ReportText.count(hosts.count)) names, all in the JSON report"
        return """
            \(links) and \(ReportText.count(hosts.count - shown.count)) more</span>\
            <details><summary>\(title)</summary>\
            <code class="copy">\(Report.Action.line(copied), limit: .max)</code></details>
            """
    }

    private var warnings: Markup {
        guard !report.warnings.isEmpty else { return "" }
        let items: [Markup] = report.warnings.map { "<li>\($0)</li>" }
        let shown = 10
        let rest: Markup =
            items.count > shown
            ? """
            <details><summary>\(ReportText.count(items.count - shown)) more warnings</summary>\
            <ul>\(Array(items.dropFirst(shown)).joined())</ul></details>
            """ : ""
        return """
            <h2>Warnings</h2>
            <p class="hint">Warnings do not change the verdict.</p>
            <ul class="warnings">\(Array(items.prefix(shown)).joined())</ul>\(rest)

            """
    }
}

extension Report {
    /// True if the verification was refused before any host was queried.
    var isUnasked: Bool {
        verification.durationSeconds <= 0
            && hosts.indices.allSatisfy { hosts[$0].attempts == 0 && hosts[$0].transitions.isEmpty }
    }
}
