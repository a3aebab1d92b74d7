import Foundation
import Hummingbird
import Ledger
import Operations
import Reports
import Shared
import Verdict

/// `GET /promotions`: who promoted what, when, and how it went.
struct PromotionsPage {
    let model: ServiceModel

    func page(_ request: Request) async throws -> Response {
        let query = try PageQuery(request, PromotionSelection.parameters, fields: ["service", "environment"])
        let moment = PageMoment(model)
        let selection = try PromotionSelection(
            query.query, service: try query.query.one("service"), environment: try query.query.one("environment"))
        let (entries, next) = try await selection.read(model.ledger)
        var page = Page(title: "Promotions", place: .promotions, asOf: moment.now)
        page.content = """
            <section class="panel"><h1>Promotions</h1>
            \(filter(query))\(table(entries, moment))\(paging(next, query))</section>

            """
        return page.response(query, moment)
    }

    private func filter(_ query: PageQuery) -> Markup {
        let deployed = model.entries.map(\.fleet.deployed)
        func field(_ title: Markup, _ name: String, _ values: Set<String>) -> Markup {
            let chosen = query.query.all(name).last
            let options: [Markup] = values.union([chosen].compactMap { $0 }).sorted().map { value in
                "<option\(value == chosen ? " selected" : "")>\(value, limit: 128)</option>"
            }
            return """
                <label>\(title) <select name="\(name)"><option value="">any</option>\(options.joined())</select></label>

                """
        }
        return """
            \(query.formLink)<form class="filter" method="get">\(query.hidden(except: ["service", "environment"]))
            \(field("Service", "service", Set(deployed.map(\.name))))\
            \(field("Environment", "environment", Set(deployed.map(\.environment.description))))<button>Show</button></form>

            """
    }

    private func table(_ entries: [PromotionEntry], _ moment: PageMoment) -> Markup {
        guard !entries.isEmpty else { return "<p class=\"hint\">The ledger has no such promotion.</p>\n" }
        let rows: [Markup] = entries.map { entry in
            let by: Markup = entry.by.map { " by \($0, limit: 80)" } ?? ""
            let from: Markup = entry.from.map { "\(build($0)) <span aria-label=\"to\">→</span> " } ?? ""
            let rollback: Markup = entry.isRollback ? "<small>rollback</small>" : ""
            return """
                <tr class="\(entry.verdict.look(isRunning: entry.verification != nil).style)"><th scope="row">\(moment.element(entry.at))</th>\
                <td><a href="\(PagePath.fleet(entry.service, entry.environment.description), limit: .max)">\
                \(entry.service, limit: 128)</a> \(entry.environment.description, limit: 128)\
                <small>no. \(entry.generation)\(by)</small></td>\
                <td>\(from)\(build(entry.to))</td>\
                <td>\(verdict(entry))\(rollback)</td><td data-name="converged after">\
                \(entry.secondsToConverge.map { ReportText.duration($0) } ?? "")</td></tr>

                """
        }
        return """
            <table class="rows" aria-label="Promotions"><thead><tr><th scope="col">promoted (UTC)</th>\
            <th scope="col">fleet</th><th scope="col">from, to</th><th scope="col">verdict</th>\
            <th scope="col">converged after</th></tr></thead><tbody>
            \(rows.joined())</tbody></table>

            """
    }

    private func verdict(_ entry: PromotionEntry) -> Markup {
        let badge = entry.verdict.badge(isRunning: entry.verification != nil)
        guard let id = entry.verification else { return badge }
        return "<a href=\"\(PagePath.verification(id), limit: .max)\">\(badge)</a>"
    }

    private func build(_ build: PromotionEntry.Build) -> Markup {
        build.gitSHA?.link ?? build.digest.map { "<code>\($0.short)</code>" } ?? "unknown"
    }

    private func paging(_ next: String?, _ query: PageQuery) -> Markup {
        let start: Markup =
            query.query.all("cursor").isEmpty
            ? "" : "<a href=\"\(query.link(["cursor": []]), limit: .max)\">Latest</a> "
        let earlier: Markup =
            next.map { "<a rel=\"next\" href=\"\(query.link(["cursor": [$0]]), limit: .max)\">Earlier</a>" } ?? ""
        return "<p class=\"next\">\(start)\(earlier)</p>\n"
    }
}
