import Shared
import Verdict

/// The head of the page: the headline, the verdict and its causes, the counts, and the remedies.
struct HTMLVerdict {
    let report: Report
    let anchors: HTMLAnchors

    /// The maximum number of listed remedies. The rows of the hosts contain the others.
    private static let maximumRemedies = 6
    private static let maximumNames = 3

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
            "<li><code>\($0.verdict.rawValue)</code> \($0.message)</li>"
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
        let counts = HostStatus.allCases.map { status in
            (status, max(0, report.summary.statuses[status.rawValue] ?? 0))
        }.filter { $0.1 > 0 }
        let total = counts.reduce(0) { $0 + $1.1 }
        guard total > 0 else { return "" }
        var before = 0
        var lines: [Markup] = []
        var chips: [Markup] = []
        for (status, count) in counts {
            let (start, end) = (before * 1_000 / total, (before + count) * 1_000 / total)
            before += count
            // A single host among many stays visible.
            lines.append("<path class=\"\(status.rawValue)\" d=\"M\(min(start, 996)) 5h\(max(4, end - start))\"/>")
            chips.append("<li class=\"\(status.rawValue)\"><b>\(status.rawValue)</b> \(ReportText.count(count))</li>")
        }
        return """
            <svg class="fleet" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">\(lines.joined())</svg>
            <ul class="counts" aria-label="Hosts by status">\(chips.joined())</ul>

            """
    }

    // MARK: - Remedies

    private func todo(_ text: VerdictText) -> Markup {
        let groups = report.isUnasked ? [] : HTMLRemedies(report).groups
        var items: [Markup] = groups.prefix(Self.maximumRemedies).map { group in
            """
            <li class="\(group.status.rawValue)"><b>\(group.status.rawValue)</b> \(ReportText.hosts(group.hosts.count)): \
            <span class="todo">\(group.todo)</span> <span class="who">\(names(group.hosts))</span></li>
            """
        }
        if groups.count > Self.maximumRemedies {
            let rest = groups.dropFirst(Self.maximumRemedies)
            let hosts = rest.reduce(0) { $0 + $1.hosts.count }
            items.append(
                "<li>and more for \(ReportText.hosts(hosts)): <a href=\"#hosts\">see the hosts below</a></li>")
        }
        let list: Markup = items.isEmpty ? "" : "<ul class=\"remedies\">\(items.joined())</ul>\n"
        return """
            <h2>What to do</h2>
            <p>\(text.advice)</p>
            \(list)
            """
    }

    private func names(_ hosts: [Int]) -> Markup {
        let shown: [Markup] = hosts.prefix(Self.maximumNames).map { index in
            "<a href=\"#\(anchors[index])\"><bdi>\(report.hosts[index].name, limit: 64)</bdi></a>"
        }
        let more: Markup = hosts.count > shown.count ? " and \(ReportText.count(hosts.count - shown.count)) more" : ""
        return "\(shown.joined(by: ", "))\(more)"
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
        verification.durationSeconds <= 0 && hosts.allSatisfy { $0.attempts == 0 && $0.transitions.isEmpty }
    }
}

/// The remedies for the hosts, each once for all hosts that need it.
struct HTMLRemedies {
    /// Hosts with the same status and the same remedy.
    struct Group: Hashable, Sendable {
        var status: HostStatus
        /// One line.
        var todo: String
        /// Indices into the report's hosts, in their order.
        var hosts: [Int]
    }

    /// The worst status first, then the remedy for the most hosts.
    let groups: [Group]

    /// Groups the hosts in the gate that are not converged and whose reason has a remedy.
    init(_ report: Report) {
        if case .done = report.remedy {
            groups = []
            return
        }
        var positions: [Key: Int] = [:]
        var groups: [Group] = []
        for (index, host) in report.hosts.enumerated() {
            guard host.status != .converged, !host.isWaived,
                let todo = host.explanation.remedy
            else { continue }
            let key = Key(status: host.status, todo: todo)
            if let position = positions[key] {
                groups[position].hosts.append(index)
            } else {
                positions[key] = groups.count
                groups.append(Group(status: key.status, todo: key.todo, hosts: [index]))
            }
        }
        self.groups = groups.sorted { left, right in
            (left.status.rank, -left.hosts.count, left.hosts[0]) < (
                right.status.rank, -right.hosts.count, right.hosts[0]
            )
        }
    }

    private struct Key: Hashable {
        var status: HostStatus
        var todo: String
    }
}
