import Foundation
import Hummingbird
import Ledger
import Operations
import Reports
import Shared
import Verdict

/// `GET /commits/{sha}`: where a commit is served now, where it was proven, and where it was seen.
///
/// The page has no tone: that a commit is served somewhere is neither good nor bad.
struct CommitDetailsPage {
    let model: ServiceModel

    private static let names = 12

    /// The hosts of one fleet that serve the commit, by their last answers.
    private struct Place {
        let fleet: FleetView
        let hosts: [HostView]

        /// The number of hosts whose last answer is fresh.
        var confirmed: Int { hosts.count { fleet.snapshot.isFresh($0.observedAt, at: fleet.moment.now) } }
    }

    func page(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let query = try PageQuery(request)
        let search = try CommitSearch(try context.parameter("sha"))
        let moment = PageMoment(model)
        let (served, recorded, commits) = try await search.found(in: model)
        guard let commit = commits.first, commits.count == 1 else {
            return choice(of: commits, search.text).response(query, moment, status: .multipleChoices)
        }
        let places = served.filter { !$0.hosts.isEmpty }.map { snapshot, hosts in
            Place(fleet: FleetView(snapshot, at: moment), hosts: hosts)
        }
        let hosts = places.reduce(0) { $0 + $1.confirmed }
        var page = Page(title: "Commit \(commit.short)")
        page.asOf = places.compactMap(\.fleet.asOf).min() ?? (places.isEmpty ? moment.now : nil)
        page.content = """
            <section class="panel verdict">
            <p class="what">Commit</p><div class="headline"><h1><code>\(commit.short)</code> is served by \
            \(ReportText.hosts(hosts))</h1></div>
            <p class="state"><code>\(commit.hex)</code></p></section>
            \(now(places, commit))\(past(recorded.filter { $0.hosts > 0 || $0.observed == nil }, moment))\(seen(recorded, moment))
            """
        return page.response(query, moment)
    }

    private func choice(of commits: Set<GitSHA>, _ text: String) -> Page {
        let items: [Markup] = commits.sorted { $0.hex < $1.hex }.prefix(20).map {
            "<li><a href=\"\(PagePath.commit($0), limit: .max)\"><code>\($0.hex)</code></a></li>\n"
        }
        var page = Page(title: "Commits that begin with \(text)", hasTime: false)
        page.content = """
            <section class="panel"><h1>\(ReportText.count(commits.count)) commits begin with <code>\(text)</code></h1>
            <ul>
            \(items.joined())</ul></section>

            """
        return page
    }

    private func now(_ places: [Place], _ commit: GitSHA) -> Markup {
        guard !places.isEmpty else { return "" }
        let rows: [Markup] = places.map { place in
            let fleet = place.fleet
            let isTarget: Markup = fleet.snapshot.target?.gitSHA == commit ? "; it is the target" : ""
            let old = place.hosts.count - place.confirmed
            let unconfirmed: Markup =
                old > 0 ? "<small>\(ReportText.count(old)) more by an old answer</small>" : ""
            return """
                <tr class="\(fleet.worst.name)"><th scope="row"><a href="\(fleet.path, limit: .max)">\
                \(fleet.service, limit: 128)</a><small>\(fleet.environment, limit: 128)</small></th><td>\(fleet.worst.badge)</td>\
                <td data-name="serve it">\(ReportText.count(place.confirmed))<small>of \
                \(ReportText.count(fleet.snapshot.hosts.count))\(isTarget)</small>\(unconfirmed)</td>\
                <td class="why"><span>\(place.hosts.names(limit: Self.names))</span></td></tr>

                """
        }
        return """
            <section class="panel"><h2>Where it is served now</h2>
            <table class="rows" aria-label="Fleets that serve it"><thead><tr><th scope="col">fleet</th>\
            <th scope="col">status of the fleet</th><th scope="col">hosts that serve it</th>\
            <th scope="col">names</th></tr></thead><tbody>
            \(rows.joined())</tbody></table></section>

            """
    }

    private func past(_ recorded: [CommitSighting], _ moment: PageMoment) -> Markup {
        guard !recorded.isEmpty else { return "" }
        let rows: [Markup] = recorded.map { entry in
            """
            <tr><th scope="row"><a href="\(PagePath.fleet(entry.service, entry.environment.description), limit: .max)">\
            \(entry.service, limit: 128)</a><small>\(entry.environment.description, limit: 128)</small></th>\
            <td data-name="hosts">\(ReportText.count(entry.hosts))</td>\
            <td data-name="first proven">\(entry.firstSeen.map { moment.element($0) } ?? "")</td>\
            <td data-name="last proven">\(entry.lastSeen.map { moment.element($0) } ?? "")</td></tr>

            """
        }
        return """
            <section class="panel"><h2>Where verifications proved it</h2>
            <table class="rows" aria-label="Verifications of it"><thead><tr><th scope="col">fleet</th>\
            <th scope="col">hosts ever proven</th><th scope="col">first proven (UTC)</th>\
            <th scope="col">last proven (UTC)</th></tr></thead><tbody>
            \(rows.joined())</tbody></table></section>

            """
    }

    /// What standing checks saw, which proves nothing.
    private func seen(_ recorded: [CommitSighting], _ moment: PageMoment) -> Markup {
        let rows: [Markup] = recorded.compactMap { entry in
            entry.observed.map { observed in
                """
                <tr><th scope="row"><a href="\(PagePath.fleet(entry.service, entry.environment.description), limit: .max)">\
                \(entry.service, limit: 128)</a><small>\(entry.environment.description, limit: 128)</small></th>\
                <td data-name="hosts">\(ReportText.count(observed.hosts))</td>\
                <td data-name="first seen">\(moment.element(observed.firstSeen))</td>\
                <td data-name="last seen">\(moment.element(observed.lastSeen))</td></tr>

                """
            }
        }
        guard !rows.isEmpty else { return "" }
        return """
            <section class="panel"><h2>Where standing checks saw it</h2>
            <table class="rows" aria-label="Sightings of it"><thead><tr><th scope="col">fleet</th>\
            <th scope="col">hosts ever seen</th><th scope="col">first seen (UTC)</th>\
            <th scope="col">last seen (UTC)</th></tr></thead><tbody>
            \(rows.joined())</tbody></table></section>

            """
    }
}
