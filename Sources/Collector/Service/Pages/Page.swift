import CollectorSupport
import Foundation
import HTTPTypes
import Hummingbird
import Reports
import Shared

/// A page: the frame that all have, around a content.
///
/// It is complete without a script: a browser then loads it again every ten seconds. The script updates it in place instead. An
/// open page that is not updated loses every colour after 15 s, by its style alone.
struct Page {
    enum Place: CaseIterable {
        case overview, promotions

        var name: String { self == .overview ? "Overview" : "Promotions" }
        var path: String { self == .overview ? "/" : "/promotions" }
    }

    /// Without the tone's sign.
    var title: String
    var tone: Tone?
    var place: Place?
    /// The oldest time at which what the page shows was known; nil if nothing is known.
    var asOf: ContinuousClock.Instant?
    /// The pages of the fleets and verifications that the page shows; nil if it shows all.
    var topics: [String]?
    /// The only host that the page shows; nil for others.
    var host: String?
    /// False for pages that state nothing about the present.
    var hasTime = true
    var content = Markup()

    /// How often a browser loads a page again, in seconds: below the 15 after which it is out of date.
    private static let reload = 10

    static let policy =
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
        + "require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    static let type = "text/html; charset=utf-8"

    /// The names of parameters that every page has.
    static let parameters = ["kiosk", "reload"]

    func response(_ query: PageQuery?, _ moment: PageMoment, status: HTTPResponse.Status = .ok) -> Response {
        var response = Response.bytes(markup(query, moment).bytes, status: status, type: Self.type)
        response.headers[.contentSecurityPolicy] = Self.policy
        return response
    }

    /// The response of a page that does not depend on its query.
    func response(status: HTTPResponse.Status) -> Response { response(nil, PageMoment(), status: status) }

    private func markup(_ query: PageQuery?, _ moment: PageMoment) -> Markup {
        let kiosk: Markup = query?.isKiosk == true ? " class=\"kiosk\"" : ""
        let isLive = query?.reloads == true && hasTime
        let refresh: Markup =
            isLive
            ? "<noscript><meta http-equiv=\"refresh\" content=\"\(Self.reload)\"></noscript>\n<script src=\"\(PageFile.script.address)\" defer></script>\n"
            : ""
        let items: [Markup] = Place.allCases.map { place in
            let mark: Markup = place == self.place ? " aria-current=\"page\"" : ""
            return "<li><a href=\"\(place.path)\"\(mark)>\(place.name)</a></li>"
        }
        return """
            <!DOCTYPE html>
            <html lang="en"\(kiosk)>
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            <meta name="robots" content="noindex">
            \(refresh)<title>\(heading)</title>
            <link rel="icon" href="/icon.svg" type="image/svg+xml">
            <link rel="stylesheet" href="\(PageFile.style.address)">
            </head>
            <body\(isLive ? events(moment) : "")>
            <a class="skip" href="#main">Skip to content</a>
            <header class="top"><a href="/">buildinfo</a>
            <nav aria-label="Pages"><ul>\(items.joined())</ul></nav>
            \(time(moment))</header>
            <main id="main">
            \(hasTime ? Self.old : "")\(content)</main>
            <footer><p>buildinfo-collector \(BuildinfoVersion.current) · <a href="/api/v1/openapi.json">API</a> · \
            <a href="/login">Sign in or out</a>\
            \(query.map { reloading($0) } ?? "")</p></footer>
            </body>
            </html>

            """
    }

    /// What the script must know.
    private func events(_ moment: PageMoment) -> Markup {
        let host: Markup = host.map { " data-host=\"\($0, limit: .max)\"" } ?? ""
        let topics = topics?.joined(separator: " ") ?? ""
        return " class=\"live\" data-number=\"\(String(moment.number))\" data-topics=\"\(topics, limit: .max)\"\(host)"
    }

    private static let old: Markup = """
        <p class="panel old">This page is out of date: what it shows may no longer be true. Reload it.</p>

        """

    private var heading: String { tone.map { "\($0.sign) \(title)" } ?? title }

    private func time(_ moment: PageMoment) -> Markup {
        guard hasTime else { return "" }
        guard let asOf else { return "<p>nothing is known now</p>" }
        return "<p>as of \(moment.element(asOf)) UTC, \(moment.age(of: asOf)) ago</p>"
    }

    /// A page that moves by itself can be stopped (WCAG 2.2.2).
    private func reloading(_ query: PageQuery) -> Markup {
        query.reloads
            ? " · updates by itself (<a href=\"\(query.link(["reload": ["off"]]), limit: .max)\">stop</a>)"
            : " · does not update (<a href=\"\(query.link(["reload": []]), limit: .max)\">start</a>)"
    }
}

/// The query of a page, and links to the same page with another one.
struct PageQuery {
    let query: Query
    private let path: String
    private let names: [String]

    /// - Parameter fields: the names that the page's form sends empty.
    init(_ request: Request, _ names: [String] = [], fields: Set<String> = []) throws(Problem) {
        self.names = names + Page.parameters
        query = try Query(request, self.names, canBeEmpty: fields)
        path = request.uri.path
        if let value = query.all("kiosk").first(where: { $0 != "0" && $0 != "1" }) {
            throw .invalid("kiosk", value, expected: "1 or 0")
        }
        if let value = query.all("reload").first(where: { $0 != "off" && $0 != "later" }) {
            throw .invalid("reload", value, expected: "off, or omit it")
        }
    }

    /// True for a wall screen.
    var isKiosk: Bool { query.all("kiosk").last == "1" }
    var reloads: Bool { !["off", "later"].contains(query.all("reload").last) }

    /// A link to the same page with its form, for browsers without scripts: they would load it again while it is filled in.
    var formLink: Markup {
        guard reloads else { return "" }
        return """
            <p class="later"><a href="\(link(["reload": ["later"], "cursor": []]), limit: .max)">Filter</a></p>

            """
    }

    /// This page with other values of some parameters.
    func link(_ changes: [String: [String]]) -> String {
        let pairs = names.flatMap { name in
            (changes[name] ?? query.all(name)).map { "\(name)=\($0.percentEncoded)" }
        }
        return pairs.isEmpty ? path : "\(path)?\(pairs.joined(separator: "&"))"
    }

    /// Parameters that a form of the page does not have, as hidden fields.
    func hidden(except fields: Set<String>) -> Markup {
        names.filter { !fields.contains($0) && $0 != "cursor" }.flatMap { name in
            // A form that was waited for ends the wait.
            query.all(name).filter { name != "reload" || $0 == "off" }.map { value -> Markup in
                "<input type=\"hidden\" name=\"\(name)\" value=\"\(value, limit: .max)\">"
            }
        }.joined()
    }
}

/// The paths of pages.
enum PagePath {
    static func fleet(_ service: String, _ environment: String) -> String {
        "/fleets/\(service.percentEncoded)/\(environment.percentEncoded)"
    }

    static func host(_ name: String) -> String { "/hosts/\(name.percentEncoded)" }
    static func commit(_ commit: GitSHA) -> String { "/commits/\(commit.hex)" }
    static func verification(_ id: String) -> String { "/verifications/\(id.percentEncoded)" }
}

extension GitSHA {
    /// Its short form, as a link to its page.
    var link: Markup { "<a href=\"\(PagePath.commit(self), limit: .max)\"><code>\(short)</code></a>" }
}

extension Markup {
    /// What was promoted: commit, digest and the promotion's number.
    static func target(_ commit: GitSHA?, _ digest: Digest?, _ generation: Int?) -> Markup {
        let parts: [Markup?] = [
            commit.map(\.link), digest.map { "<code>\($0.short)</code>" }, generation.map { "promotion no. \($0)" },
        ]
        return parts.compactMap { $0 }.joined(by: " ")
    }
}
