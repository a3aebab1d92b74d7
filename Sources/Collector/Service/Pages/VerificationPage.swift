import CollectorSupport
import Foundation
import Hummingbird
import Ledger
import Operations
import Reports
import Shared
import Verdict

/// `GET /verifications/{id}`: a verification under way, or its end with the files that `verify` writes.
struct VerificationPage {
    let model: ServiceModel
    let verifications: Verifications

    /// The most hosts; the report has all.
    private static let hosts = 100

    func page(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let id = try context.parameter("id")
        let query = try PageQuery(request)
        guard let running = verifications.running(id) else { return try await finished(id, query) }
        _ = await running.monitor.firstMoment()
        let moment = PageMoment(model)
        guard let seen = running.monitor.moment else { return begun(id, query, moment) }
        return page(running.report(at: seen), isRunning: true, asOf: seen.at, moment).response(query, moment)
    }

    private func finished(_ id: String, _ query: PageQuery) async throws -> Response {
        let moment = PageMoment(model)
        guard let report = try await verifications.recorded(id, now: moment.wall) else {
            return begun(id, query, moment)
        }
        let age = Date(rfc3339: report.verification.finishedAt).map { moment.wall.timeIntervalSince($0) } ?? 0
        let end = moment.now - Duration(clampingSeconds: max(0, age))
        return page(report, isRunning: false, asOf: end, moment).response(query, moment)
    }

    /// A verification that nothing is known of yet, or that another process runs.
    private func begun(_ id: String, _ query: PageQuery, _ moment: PageMoment) -> Response {
        var page = Page(title: "Verification \(Sanitizer.singleLine(id, limit: 80)) is under way", tone: .work)
        page.topics = [PagePath.verification(id)]
        page.content = """
            <section class="panel verdict" data-tone="work">
            <p class="what">Verification <bdi>\(id, limit: 80)</bdi></p>
            <div class="headline" role="status">\(Tone.work.symbol)<h1>The verification is under way</h1></div>
            <p class="state">It proves nothing until it ends.</p></section>

            """
        return page.response(query, moment)
    }

    private func page(
        _ report: Report, isRunning: Bool, asOf: ContinuousClock.Instant, _ moment: PageMoment
    ) -> Page {
        let tone = isRunning ? Tone.work : Self.tone(report)
        let summary = report.summary
        let event =
            isRunning
            ? "\(ReportText.count(summary.proven)) of \(ReportText.hosts(summary.expected)) proven"
            : report.headline.event
        let target = report.target
        var page = Page(title: "\(target.service) \(target.environment): \(event)", tone: tone)
        page.asOf = asOf
        page.topics = [PagePath.verification(report.verification.id)]
        let path = PagePath.fleet(target.service, target.environment.description)
        page.content = """
            <section class="panel verdict" data-tone="\(tone.rawValue)">
            <p class="what"><a href="\(path, limit: .max)"><bdi>\(target.service, limit: 128)</bdi> \
            \(target.environment.description, limit: 128)</a> · \(Markup.target(target.gitSHA, target.digest, target.generation))</p>
            <div class="headline" role="status">\(tone.symbol)<h1>\(event)</h1></div>
            \(state(report, isRunning))\(figures(report, isRunning, moment))\(statuses(report))</section>
            \(HTMLCurve(report, isRunning: isRunning).section)\(table(report))\(files(report, isRunning))\
            \(isRunning ? "" : HTMLRunDetails(report: report).section)
            """
        return page
    }

    /// Green means proof, never an exit code alone.
    private static func tone(_ report: Report) -> Tone {
        guard report.exitCode == 0 else { return .bad }
        return report.verdict == .converged || report.verdict == .convergedTolerated ? .good : .unknown
    }

    private func state(_ report: Report, _ isRunning: Bool) -> Markup {
        guard !isRunning else {
            return "<p class=\"state\">The verification is under way. It proves nothing until it ends.</p>\n"
        }
        let headline = report.headline
        let state: Markup = headline.state.map { "<p class=\"state\">\($0, limit: 1_024)</p>\n" } ?? ""
        return "\(state)<p>\(headline.next, limit: 1_024)</p>\n"
    }

    private func figures(_ report: Report, _ isRunning: Bool, _ moment: PageMoment) -> Markup {
        let summary = report.summary
        var items: [Markup] = [
            """
            <div><dt>proven\(isRunning ? "" : " at the end")</dt><dd>\(ReportText.count(summary.proven))\
            <small> of \(ReportText.hosts(summary.expected))</small></dd></div>
            """
        ]
        if summary.waived > 0 {
            items.append("<div><dt>waived</dt><dd>\(ReportText.count(summary.waived))</dd></div>")
        }
        let most: Markup =
            isRunning ? "<small> of at most \(ReportText.duration(report.policy.timeoutSeconds))</small>" : ""
        items.append(
            """
            <div><dt>\(isRunning ? "running for" : "took")</dt><dd>\(ReportText.duration(report.verification.durationSeconds))\
            \(most)</dd></div><div><dt>started</dt><dd>\(moment.element(report.verification.startedAt))<small> UTC</small></dd></div>
            """)
        return "<dl class=\"figures\">\(items.joined())</dl>\n"
    }

    private func statuses(_ report: Report) -> Markup {
        var hosts: [ShownStatus: Int] = [:]
        for host in report.hosts { hosts[Self.status(of: host), default: 0] += 1 }
        let counts = StatusCounts(hosts)
        return "\(counts.bar)\n\(counts.list(path: nil))"
    }

    private static func status(of host: Report.Host) -> ShownStatus {
        host.isWaived ? .waived : .known(host.status)
    }

    private func table(_ report: Report) -> Markup {
        guard !report.hosts.isEmpty else { return "" }
        let sorted = report.hosts.map { (rank: Self.status(of: $0).rank, host: $0) }
            .sorted { ($0.rank, $0.host.name) < ($1.rank, $1.host.name) }
        let rows: [Markup] = sorted.prefix(Self.hosts).map { _, host in
            let status = Self.status(of: host)
            let build: Markup = host.gitSHA.map { "<code>\($0.short)</code>" } ?? ""
            return """
                <tr class="\(status.name)"><th scope="row"><a href="\(PagePath.host(host.name), limit: .max)">\
                \(host.name, limit: 120)</a></th><td>\(status.badge)</td>\
                <td class="why"><span>\(host.explanation.markup())</span></td>\
                <td>\(build)</td></tr>

                """
        }
        let rest: Markup =
            report.hosts.count > rows.count
            ? "<p class=\"next\">\(ReportText.count(rows.count)) of \(ReportText.hosts(report.hosts.count)), the worst first</p>\n"
            : ""
        return """
            <section class="panel"><h2>Hosts <small>\(ReportText.count(report.hosts.count))</small></h2>
            <table class="rows" aria-label="Hosts"><thead><tr><th scope="col">host</th><th scope="col">status</th>\
            <th scope="col">what to know</th><th scope="col">serves</th></tr></thead><tbody>
            \(rows.joined())</tbody></table>
            \(rest)</section>

            """
    }

    private static let files: [(name: Markup, file: String)] = [
        ("HTML", "report.html"), ("Markdown", "report.md"), ("JSON", "report.json"), ("JUnit", "report.xml"),
        ("text", "report.txt"), ("evidence", "evidence.ndjson"),
    ]

    private func files(_ report: Report, _ isRunning: Bool) -> Markup {
        guard !isRunning else { return "" }
        let path = "/api/v1/verifications/\(report.verification.id.percentEncoded)"
        let items: [Markup] = Self.files.map { name, file in
            "<li><a href=\"\(path, limit: .max)/\(file)\">\(name)</a></li>"
        }
        return "<section class=\"panel\"><h2>Files</h2><ul class=\"counts\">\(items.joined())</ul></section>\n"
    }
}
