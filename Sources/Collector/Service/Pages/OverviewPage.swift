import CollectorSupport
import Foundation
import Hummingbird
import Operations
import Reports
import Shared
import Verdict

/// `GET /`: every service in every environment, and first of all what needs attention.
struct OverviewPage {
    let model: ServiceModel

    /// The most lines about what needs attention.
    private static let lines = 5
    private static let names = 3

    func page(_ request: Request) throws -> Response {
        let query = try PageQuery(request)
        let moment = PageMoment(model)
        let fleets = model.entries.map { FleetView($0.board.snapshot, tag: $0.tag?.snapshot, at: moment) }
        let headline = Headline(fleets)
        var page = Page(title: headline.event, tone: headline.tone, place: .overview)
        page.asOf = fleets.compactMap(\.asOf).min()
        page.content = """
            <section class="panel verdict" data-tone="\(headline.tone.rawValue)">
            <div class="headline" role="status">\(headline.tone.symbol)<h1>\(headline.event)</h1></div>
            <p class="state">\(headline.state)</p>
            \(brief(fleets))</section>
            \(matrix(fleets))
            """
        return page.response(query, moment)
    }

    /// All fleets in two sentences.
    private struct Headline {
        let tone: Tone
        let event: String
        let state: String

        init(_ fleets: [FleetView]) {
            let tones = fleets.map(\.tone)
            func count(_ tone: Tone) -> Int { tones.count { $0 == tone } }
            func fleetCount(_ count: Int, _ one: String, _ many: String) -> String {
                "\(ReportText.counted(count, "fleet", "fleets")) \(count == 1 ? one : many)"
            }
            tone = Tone.worst(tones)
            let (bad, unknown, work, good) = (count(.bad), count(.unknown), count(.work), count(.good))
            let all = "of \(ReportText.counted(fleets.count, "fleet", "fleets"))"
            switch tone {
            case .bad: event = "\(ReportText.count(bad)) \(all) \(bad == 1 ? "needs" : "need") attention"
            case .unknown where fleets.isEmpty: event = "No fleet is configured"
            case .unknown: event = "\(ReportText.count(unknown)) \(all) \(unknown == 1 ? "is" : "are") unknown"
            case .work: event = "\(ReportText.count(work)) \(all) \(work == 1 ? "is" : "are") not proven yet"
            case .good:
                event =
                    fleets.count == 1
                    ? "The fleet serves what was promoted"
                    : "All \(ReportText.counted(fleets.count, "fleet", "fleets")) serve what was promoted"
            }
            guard tone != .good else {
                state = "\(ReportText.hosts(fleets.reduce(0) { $0 + $1.counts.expected })) proven."
                return
            }
            var parts: [String] = []
            if good > 0 { parts.append(fleetCount(good, "serves what was promoted", "serve what was promoted")) }
            if work > 0, tone != .work {
                parts.append("\(ReportText.count(work)) \(work == 1 ? "is" : "are") not proven yet")
            }
            if unknown > 0, tone != .unknown {
                parts.append("\(ReportText.count(unknown)) \(unknown == 1 ? "is" : "are") unknown")
            }
            state = parts.isEmpty ? "No fleet is proven." : parts.joined(separator: ", ") + "."
        }
    }

    // MARK: - What needs attention

    private struct Line {
        let rank: Int
        let markup: Markup
    }

    private func brief(_ fleets: [FleetView]) -> Markup {
        var lines: [Line] = []
        for fleet in fleets {
            if let tag = fleet.tag, tag.needsAttention || tag.state == .unknown {
                let lead: Markup = "<a href=\"\(fleet.path, limit: .max)\">\(name(fleet))</a>: "
                lines.append(Line(rank: tag.shown.rank, markup: tag.line(lead)))
            }
            guard fleet.tone != .unknown else {
                lines.append(Line(rank: ShownStatus.unknown.rank, markup: unknown(fleet)))
                continue
            }
            for group in fleet.groups {
                lines.append(Line(rank: group.status.rank, markup: line(group, of: fleet)))
            }
        }
        guard !lines.isEmpty else { return "" }
        let sorted = lines.enumerated().sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }
        let shown = sorted.prefix(Self.lines).map(\.element.markup)
        let more = lines.count - shown.count
        let rest: Markup = more > 0 ? "<p class=\"hint\">and \(ReportText.count(more)) more, below</p>\n" : ""
        return "<ul class=\"brief\">\n\(shown.joined())</ul>\n\(rest)"
    }

    private func name(_ fleet: FleetView) -> Markup {
        "<bdi>\(fleet.service, limit: 128)</bdi> \(fleet.environment, limit: 128)"
    }

    private func line(_ group: FleetView.Group, of fleet: FleetView) -> Markup {
        let status = group.status
        return """
            <li class="\(status.name)">\(status.badge) <a href="\(fleet.path, limit: .max)?status=\(status.name)">\
            \(name(fleet))</a>: \(group.hosts.names(limit: Self.names)), \(group.text.markup(isShort: true))</li>

            """
    }

    private func unknown(_ fleet: FleetView) -> Markup {
        guard fleet.isFresh, fleet.counts.expected > 0 else {
            return """
                <li class="unknown">\(ShownStatus.unknown.badge) <a href="\(fleet.path, limit: .max)">\(name(fleet))</a>: \
                \(fleet.obstacle)</li>

                """
        }
        guard fleet.snapshot.target != nil else {
            return """
                <li class="pending">\(ShownStatus.known(.pending).badge) \
                <a href="\(fleet.path, limit: .max)">\(name(fleet))</a>: no promotion is recorded yet: \
                <strong>promote a build, or verify one</strong></li>

                """
        }
        return """
            <li class="unknown">\(ShownStatus.unknown.badge) \
            <a href="\(fleet.path, limit: .max)?status=unknown">\(name(fleet))</a>: \
            \(ReportText.hosts(fleet.counts.unknown)) \(fleet.counts.unknown == 1 ? "is" : "are") unknown</li>

            """
    }

    // MARK: - The matrix

    private func matrix(_ fleets: [FleetView]) -> Markup {
        guard !fleets.isEmpty else { return "" }
        var environments: [String] = []
        var services: [String: [String: FleetView]] = [:]
        for fleet in fleets {
            if !environments.contains(fleet.environment) { environments.append(fleet.environment) }
            services[fleet.service, default: [:]][fleet.environment] = fleet
        }
        func rank(_ service: String) -> Int {
            Tone.allCases.firstIndex(of: .worst((services[service] ?? [:]).values.map(\.tone))) ?? 0
        }
        let order = services.keys.map { (rank: rank($0), name: $0) }.sorted { $0 < $1 }
        let isWide = environments.count > 3 || environments.contains { $0.count > 12 }
        let head: [Markup] = environments.map { "<th scope=\"col\">\($0, limit: 128)</th>" }
        let rows: [Markup] = order.map { _, service in
            let cells: [Markup] = environments.map { environment in
                services[service]?[environment].map { cell($0) }
                    ?? "<td class=\"none\" data-name=\"\(environment, limit: 128)\">–</td>"
            }
            return "<tr><th scope=\"row\"><span>\(service, limit: 128)</span></th>\(cells.joined())</tr>\n"
        }
        return """
            <section class="panel"><h2>Services</h2>
            <table class="matrix\(isWide ? " wide" : "")"><thead><tr><th scope="col">service</th>\(head.joined())</tr></thead><tbody>
            \(rows.joined())</tbody></table></section>

            """
    }

    private func cell(_ fleet: FleetView) -> Markup {
        let worst = fleet.worst
        let proven = fleet.isFresh ? ReportText.count(fleet.counts.proven) : "?"
        let bar: Markup = fleet.isFresh && fleet.statuses.hasSeveral ? fleet.statuses.bar : ""
        let time: Markup =
            fleet.asOf.map { " title=\"as of \(PageMoment.clock(fleet.moment.date($0).rfc3339)) UTC\"" } ?? ""
        return """
            <td class="\(worst.name)" data-name="\(fleet.environment, limit: 128)"><a href="\(fleet.path, limit: .max)"\(time)>\
            <span class="cell">\(worst.badge) <strong>\(proven)<span><i> of </i>\(ReportText.count(fleet.counts.expected))\
            </span></strong></span>\(bar)<span class="build">\(build(fleet))</span></a></td>
            """
    }

    private func build(_ fleet: FleetView) -> Markup {
        guard let target = fleet.snapshot.target else { return "<small>nothing promoted</small>" }
        let build = target.gitSHA?.short ?? target.digest?.short ?? ""
        guard fleet.isFresh else {
            let heard = fleet.snapshot.heardAt.map { "last answer \(fleet.moment.age(of: $0)) ago" } ?? "no answer yet"
            return "<code>\(build)</code> <small>\(heard)</small>"
        }
        let number = target.generation.map { "no. \($0)" }
        let ago = fleet.snapshot.promotedAt.flatMap { fleet.moment.ago($0) }
        return "<code>\(build)</code> <small>\([number, ago].compactMap { $0 }.joined(separator: ", "))</small>"
    }
}
