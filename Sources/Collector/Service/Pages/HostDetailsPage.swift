import CollectorSupport
import Foundation
import Hummingbird
import Ledger
import Operations
import Reports
import Shared
import Verdict

/// `GET /hosts/{name}`: what one host serves, and how it fared in past verifications.
struct HostDetailsPage {
    let model: ServiceModel

    /// The most past verifications, and the most changes.
    private static let timeline = 50

    func page(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let name = try context.parameter("name")
        let query = try PageQuery(request, ["cursor"])
        let moment = PageMoment(model)
        let present = model.entries.compactMap { entry -> (fleet: FleetView, host: HostView)? in
            let snapshot = entry.board.snapshot
            guard let host = snapshot.hosts.first(where: { $0.name == name }) else { return nil }
            return (FleetView(snapshot, at: moment), host)
        }
        let past = try await model.ledger.history(HistoryFilter(host: name), limit: Self.timeline, now: moment.wall)
        let timeline = try await HostTimeline(of: name, query.query, limit: Self.timeline, in: model)
        guard !present.isEmpty || !past.isEmpty || !timeline.changes.isEmpty else {
            throw Problem.notFound(
                "no fleet lists '\(name)', and the ledger has nothing of it", remedy: "look for it in a fleet's hosts")
        }
        let tone = Tone.worst(present.map { Self.tone($0.host, in: $0.fleet) })
        let event = Self.event(tone, present.isEmpty)
        var page = Page(title: "\(Sanitizer.singleLine(name, limit: 120)): \(event)", tone: tone)
        (page.topics, page.host) = (present.map(\.fleet.path), name)
        page.asOf = present.compactMap(\.host.observedAt).min()
        let labels =
            present.first.map { $0.host.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } } ?? []
        page.content = """
            <section class="panel verdict" data-tone="\(tone.rawValue)">
            <p class="what"><bdi>\(name, limit: 255)</bdi> \(labels.prefix(12).joined(separator: " "))</p>
            <div class="headline" role="status">\(tone.symbol)<h1>\(event)</h1></div>
            <p class="state">\(state(present, moment))</p></section>
            \(now(present))\(changes(timeline, present.map(\.fleet.snapshot), query, moment))\(self.timeline(past, moment))
            """
        return page.response(query, moment)
    }

    private static func tone(_ host: HostView, in fleet: FleetView) -> Tone {
        switch fleet.status(of: host) {
        case .unknown, .waived: .unknown
        case .known(let status) where ShownStatus.known(status).needsAttention: .bad
        case .known where fleet.snapshot.target == nil: .unknown
        case .known(.converged): .good
        case .known: .work
        }
    }

    private static func event(_ tone: Tone, _ isGone: Bool) -> String {
        switch tone {
        case .good: "Serves what was promoted"
        case .work: "Is not proven yet"
        case .unknown: isGone ? "No fleet lists this host now" : "It is unknown whether it serves what was promoted"
        case .bad: "Needs attention"
        }
    }

    private func state(_ present: [(fleet: FleetView, host: HostView)], _ moment: PageMoment) -> String {
        guard !present.isEmpty else { return "What follows is of the past." }
        let services = ReportText.counted(present.count, "service", "services")
        guard let last = present.compactMap(\.host.observedAt).max() else {
            return "\(services). It has not answered yet."
        }
        return "\(services). The last answer is \(moment.age(of: last)) old."
    }

    private func now(_ present: [(fleet: FleetView, host: HostView)]) -> Markup {
        guard !present.isEmpty else { return "" }
        let rows: [Markup] = present.map { fleet, host in
            let heading: Markup = """
                <a href="\(fleet.path, limit: .max)">\(fleet.service, limit: 128)</a><small>\(fleet.environment, limit: 128)</small>
                """
            return HostRow(host: host, fleet: fleet, heading: heading).markup
        }
        return """
            <section class="panel"><h2>Now</h2>
            <table class="rows" aria-label="Services on this host"><thead><tr><th scope="col">service</th>\
            <th scope="col">status</th><th scope="col">what to know</th><th scope="col">serves</th>\
            <th scope="col">since (UTC)</th></tr></thead><tbody>
            \(rows.joined())</tbody></table></section>

            """
    }

    /// What the standing checks saw, latest first.
    private func changes(
        _ timeline: HostTimeline, _ fleets: [FleetSnapshot], _ query: PageQuery, _ moment: PageMoment
    ) -> Markup {
        let all = timeline.changes
        guard !all.isEmpty else { return "" }
        let isShared = Set(all.map(\.service)).count > 1
        let items: [Markup] = all.map { change in
            let status = change.status.map(ShownStatus.known) ?? .unknown
            let build: Markup = (change.gitSHA?.short ?? change.digest?.short).map { "<code>\($0)</code>" } ?? ""
            let what: Markup =
                change.isNewBuild
                ? "<strong>serves \(build)</strong>: "
                : change.isRestart ? "<strong>restarted</strong>, serves \(build): " : ""
            let place: Markup =
                isShared
                ? "\(change.service.name, limit: 128) \(change.service.environment.description, limit: 128): " : ""
            let freshness = fleets.first { $0.deployed == change.service }?.freshness ?? .zero
            return """
                <li class="\(status.name)">\(moment.element(recorded: change.at)) \(status.badge) \
                <span>\(place)\(what)\(change.finding, limit: 1_024)\(since(change, freshness, moment))</span></li>

                """
        }
        let more: Markup =
            timeline.next.map { next in
                "<p><a href=\"\(query.link(["cursor": [next]]), limit: .max)\">Earlier changes</a></p>\n"
            } ?? ""
        return """
            <section class="panel"><h2>Changes that the service saw</h2>
            <p class="hint">It was started at \(moment.element(model.startedAt)) UTC, and knows earlier changes from its ledger.</p>
            <ol class="past">
            \(items.joined())</ol>
            \(more)</section>

            """
    }

    /// A change that happened while nobody looked has no time of its own.
    private func since(_ change: StandingChange, _ freshness: Duration, _ moment: PageMoment) -> Markup {
        guard let notBefore = change.notBefore, let first = Date(rfc3339: notBefore),
            let last = Date(rfc3339: change.at),
            last.timeIntervalSince(first) > max(60, freshness.seconds * 2)
        else { return "" }
        return
            "<small>between \(moment.element(recorded: notBefore)) and \(moment.element(recorded: change.at))</small>"
    }

    private func timeline(_ past: [HistoryEntry], _ moment: PageMoment) -> Markup {
        guard !past.isEmpty else { return "" }
        let items: [Markup] = past.map { entry in
            let status = entry.host.map { ShownStatus.known($0.status) } ?? .unknown
            let build = entry.host?.gitSHA.map { ", served \($0.short)" } ?? ""
            return """
                <li class="\(status.name)">\(moment.element(entry.startedAt)) \(status.badge) \
                <span><a href="\(PagePath.verification(entry.id), limit: .max)">\(entry.service, limit: 128) \
                \(entry.environment.description, limit: 128)</a>: \(entry.host?.reason ?? "")\(build)</span></li>

                """
        }
        return """
            <section class="panel"><h2>At the end of past verifications</h2>
            <ol class="past">
            \(items.joined())</ol></section>

            """
    }
}
