import Foundation
import Hummingbird
import Ledger
import Operations
import Reports
import Shared
import Verdict

/// `GET /fleets/{service}/{environment}`: one fleet's hosts, with the filters and the paging of the API.
struct FleetPage {
    let model: ServiceModel

    private static let parameters = ["status", "select", "q", "limit", "cursor"]
    private static let names = 8
    private static let groups = 10
    /// The most labels to choose from.
    private static let labels = 60
    private static let verifications = 5

    func page(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let entry = try model.entry(
            service: try context.parameter("service"), environment: try context.parameter("environment"))
        let query = try PageQuery(request, Self.parameters, fields: ["q", "select"])
        let moment = PageMoment(model)
        let fleet = FleetView(entry.board.snapshot, tag: entry.tag?.snapshot, at: moment)
        let selection = try HostSelection(query.query, by: .attention)
        let (hosts, next) = selection.page(of: fleet.snapshot, at: moment.now)
        let past = try await model.ledger.history(
            HistoryFilter(service: fleet.service, environment: fleet.snapshot.deployed.environment),
            limit: Self.verifications, now: moment.wall)
        let headline = FleetHeadline(fleet)
        var page = Page(title: "\(fleet.service) \(fleet.environment): \(headline.event)", tone: fleet.tone)
        page.asOf = fleet.asOf
        page.topics = [fleet.path]
        page.content = """
            <section class="panel verdict" data-tone="\(fleet.tone.rawValue)">
            <p class="what"><bdi>\(fleet.service, limit: 128)</bdi> \(fleet.environment, limit: 128) · \(target(fleet))</p>
            <div class="headline" role="status">\(fleet.tone.symbol)<h1>\(headline.event)</h1></div>
            <p class="state">\(headline.state)</p>
            \(figures(fleet))\(fleet.statuses.bar)
            \(fleet.statuses.list(path: fleet.path))\(tag(fleet))\(todo(fleet))</section>
            \(table(fleet, selection, hosts, next, query))\(HistoryTable(entries: past, moment: moment).section)
            """
        return page.response(query, moment)
    }

    // MARK: - Head

    private func target(_ fleet: FleetView) -> Markup {
        guard let target = fleet.snapshot.target else { return "nothing promoted" }
        return .target(target.gitSHA, target.digest, target.generation)
    }

    private func figures(_ fleet: FleetView) -> Markup {
        let counts = fleet.counts
        let proven = fleet.isFresh ? ReportText.count(counts.proven) : "?"
        var items: [Markup] = [
            "<div><dt>proven now</dt><dd>\(proven)<small> of \(ReportText.hosts(counts.expected))</small></dd></div>"
        ]
        if counts.waived > 0 {
            items.append("<div><dt>waived</dt><dd>\(ReportText.count(counts.waived))</dd></div>")
        }
        if let at = fleet.snapshot.promotedAt, let ago = fleet.moment.ago(at) {
            items.append("<div><dt>promoted</dt><dd>\(ago)<small> \(fleet.moment.element(at)) UTC</small></dd></div>")
        }
        return "<dl class=\"figures\">\(items.joined())</dl>\n"
    }

    private func tag(_ fleet: FleetView) -> Markup {
        fleet.tag.map { "<ul class=\"brief\">\n\($0.line())</ul>\n" } ?? ""
    }

    private func todo(_ fleet: FleetView) -> Markup {
        let groups = fleet.groups
        guard !groups.isEmpty else { return "" }
        let items: [Markup] = groups.prefix(Self.groups).map { group in
            """
            <li class="\(group.status.name)">\(group.status.badge) \(ReportText.hosts(group.hosts.count)): \
            \(group.hosts.names(limit: Self.names))<p>\(group.text.markup())</p></li>

            """
        }
        let more = groups.count - items.count
        let rest: Markup =
            more > 0
            ? "<p class=\"hint\">and \(ReportText.counted(more, "more cause", "more causes")), below</p>\n" : ""
        return "<h2>What to do</h2>\n<ul class=\"todo\">\n\(items.joined())</ul>\n\(rest)"
    }

    // MARK: - Hosts

    private func table(
        _ fleet: FleetView, _ selection: HostSelection, _ hosts: [HostView], _ next: Cursor?, _ query: PageQuery
    ) -> Markup {
        let rows: [Markup] = hosts.map { HostRow(host: $0, fleet: fleet, heading: HostRow.heading($0)).markup }
        let table: Markup =
            rows.isEmpty
            ? "<p class=\"hint\">No host matches: <a href=\"\(fleet.path, limit: .max)\">show all</a>.</p>\n"
            : """
            <table class="rows" aria-label="Hosts"><thead><tr><th scope="col">host</th><th scope="col">status</th>\
            <th scope="col">what to know</th><th scope="col">serves</th><th scope="col">since (UTC)</th></tr></thead><tbody>
            \(rows.joined())</tbody></table>

            """
        return """
            <section class="panel"><h2>Hosts <small>\(ReportText.count(fleet.snapshot.hosts.count))</small></h2>
            \(filter(fleet, selection, query))\(table)\(paging(hosts, next, query))</section>

            """
    }

    private func paging(_ hosts: [HostView], _ next: Cursor?, _ query: PageQuery) -> Markup {
        let isFirst = query.query.all("cursor").isEmpty
        guard next != nil || !isFirst, let first = hosts.first, let last = hosts.last else { return "" }
        let start: Markup = isFirst ? "" : " <a href=\"\(query.link(["cursor": []]), limit: .max)\">First</a>"
        let link: Markup =
            next.map {
                " <a rel=\"next\" href=\"\(query.link(["cursor": [$0.text]]), limit: .max)\">Next</a>"
            } ?? ""
        return """
            <p class="next"><span>\(ReportText.hosts(hosts.count)), from <bdi>\(first.name, limit: 80)</bdi> \
            to <bdi>\(last.name, limit: 80)</bdi></span>\(start)\(link)</p>

            """
    }

    /// Choices with the numbers of hosts that the other choices leave.
    private func filter(_ fleet: FleetView, _ selection: HostSelection, _ query: PageQuery) -> Markup {
        let selected = query.query.all("select")
        let chosen = Set(query.query.all("status").flatMap { $0.split(separator: ",").map(String.init) })
        var (counts, labels): ([String: Int], [String: Int]) = ([:], [:])
        for host in fleet.snapshot.hosts {
            let status = fleet.snapshot.status(host, at: fleet.moment.now)
            if selection.selects(host, status: status, ignoring: .status) {
                counts[status?.rawValue ?? HostSelection.unknown, default: 0] += 1
            }
            let isSelected = selection.selects(host, status: status, ignoring: .labels)
            for (key, value) in host.labels { labels["\(key)=\(value)", default: 0] += isSelected ? 1 : 0 }
        }
        let statuses: [Markup] = ShownStatus.all.compactMap { status in
            let hosts = counts[status.name, default: 0]
            guard status != .waived, hosts > 0 || chosen.contains(status.name) else { return nil }
            let mark: Markup = chosen.contains(status.name) ? " checked" : ""
            return """
                <label><input type="checkbox" name="status" value="\(status.name)"\(mark)> \(status.badge) \
                \(ReportText.count(hosts))</label>
                """
        }
        return """
            \(query.formLink)<form class="filter" method="get" role="search">\(query.hidden(except: ["status", "select", "q"]))
            <label>Find <input type="search" name="q" placeholder="part of a name" autocomplete="off" spellcheck="false" \
            value="\(query.query.all("q").last ?? "", limit: 255)"></label>
            \(choice(of: labels, selected))<button>Show</button>
            <fieldset aria-label="Status">\(statuses.joined())\(terms(selected))</fieldset></form>

            """
    }

    /// The labels of the fleet; the first selected one is chosen.
    private func choice(of hosts: [String: Int], _ selected: [String]) -> Markup {
        guard !hosts.isEmpty || !selected.isEmpty else { return "" }
        // A label of a single host is its name in other words.
        let common = hosts.filter { $0.value > 1 || hosts.count <= Self.labels }
        var shown = common.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.labels).map(\.key).sorted()
        if let first = selected.first, !shown.contains(first) { shown.insert(first, at: 0) }
        let options: [Markup] = shown.map { label in
            let mark: Markup = label == selected.first ? " selected" : ""
            let count: Markup = hosts[label].map { " (\(ReportText.count($0)))" } ?? ""
            return "<option value=\"\(label, limit: 400)\"\(mark)>\(label, limit: 80)\(count)</option>"
        }
        return """
            <label>Label <select name="select"><option value="">any</option>\(options.joined())</select></label>

            """
    }

    /// Further selected labels, to be taken back.
    private func terms(_ selected: [String]) -> Markup {
        selected.dropFirst().map { term -> Markup in
            """
            <label><input type="checkbox" name="select" value="\(term, limit: 400)" checked> \(term, limit: 80)</label>
            """
        }.joined()
    }
}

/// One fleet in two sentences.
struct FleetHeadline {
    let event: String
    let state: String

    init(_ fleet: FleetView) {
        let counts = fleet.counts
        let all = "of \(ReportText.hosts(counts.expected))"
        switch fleet.tone {
        case .bad where fleet.attention == 0: event = "The tag is not what was promoted"
        case .bad:
            event = "\(ReportText.count(fleet.attention)) \(all) \(fleet.attention == 1 ? "needs" : "need") attention"
        case .unknown where !fleet.isFresh || counts.expected == 0: event = "It is unknown what the hosts serve"
        case .unknown where fleet.snapshot.target == nil: event = "Nothing is promoted yet"
        case .unknown:
            event = "\(ReportText.count(counts.unknown)) \(all) \(counts.unknown == 1 ? "is" : "are") unknown"
        case .work: event = "\(ReportText.count(counts.proven)) \(all) \(counts.proven == 1 ? "is" : "are") proven"
        case .good:
            event =
                counts.expected == 1
                ? "The host serves what was promoted"
                : "All \(ReportText.hosts(counts.expected)) serve what was promoted"
        }
        guard fleet.isFresh, counts.expected > 0 else {
            state = "\(fleet.obstacle)."
            return
        }
        let builds = fleet.builds
        var parts = builds.prefix(3).enumerated().map { index, build in
            let hosts = index == 0 ? ReportText.hosts(build.hosts) : ReportText.count(build.hosts)
            return "\(hosts) \(build.hosts == 1 ? "serves" : "serve") \(build.build)"
        }
        if builds.count > 3 {
            let hosts = builds.dropFirst(3).reduce(0) { $0 + $1.hosts }
            parts.append("\(ReportText.count(hosts)) \(hosts == 1 ? "serves another build" : "serve other builds")")
        }
        let problem = fleet.snapshot.problem.map { " \($0)." } ?? ""
        state = (parts.isEmpty ? "No host's build is known now." : parts.joined(separator: ", ") + ".") + problem
    }
}

/// Past verifications of a fleet.
struct HistoryTable {
    let entries: [HistoryEntry]
    let moment: PageMoment

    var section: Markup {
        guard !entries.isEmpty else { return "" }
        let rows: [Markup] = entries.map { entry in
            let proven: Markup =
                entry.proven.map { "\(ReportText.count($0)) of \(ReportText.count(entry.expected))" } ?? ""
            let build: Markup = (entry.gitSHA?.short ?? entry.digest?.short).map { "<code>\($0)</code>" } ?? ""
            return """
                <tr class="\(entry.verdict.look(isRunning: true).style)"><th scope="row">\
                <a href="\(PagePath.verification(entry.id), limit: .max)">\(moment.element(entry.startedAt))</a></th>\
                <td>\(entry.verdict.badge(isRunning: true))</td><td>\(build)</td>\
                <td data-name="proven">\(proven)</td></tr>

                """
        }
        return """
            <section class="panel"><h2>Verifications</h2>
            <table class="rows" aria-label="Verifications"><thead><tr><th scope="col">started (UTC)</th>\
            <th scope="col">verdict</th><th scope="col">target</th><th scope="col">proven</th></tr></thead><tbody>
            \(rows.joined())</tbody></table></section>

            """
    }
}
