import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("Service, pages", .timeLimit(.minutes(3)))
struct PagesTests {
    private static let policy =
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
        + "require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    private static let fleet = "/fleets/canvas/production"

    /// A service with a made-up fleet whose hosts all serve one commit.
    private static func crowd(
        _ names: [String], _ folder: TemporaryFolder, listen: String = "127.0.0.1:0",
        labels: (Int) -> [String: String] = { ["side": $0 % 2 == 0 ? "even" : "odd"] }
    ) async throws -> (ServedCollector, ScriptedHost) {
        let hosts = try await ScriptedHost.start { _ in .json(#"{"git_sha":"\#(FileFleet.commit)"}"#) }
        let list = names.enumerated().map { index, name in
            ["name": name, "url": hosts.url(host: index), "labels": labels(index)] as [String: Any]
        }
        try folder.write(
            "fleet.json", String(decoding: try JSONSerialization.data(withJSONObject: ["hosts": list]), as: UTF8.self))
        let service = try await ServedCollector.start(
            fleets: "  - {service: canvas, environment: production, inventory: \(folder.path("fleet.json"))}",
            listen: listen, in: folder)
        return (service, hosts)
    }

    private static func names(_ count: Int) -> [String] { (0..<count).map { "h\(1_000 + $0)" } }

    /// A page as a browser asks for it.
    private func page(
        _ service: ServedCollector, _ path: String, status: Int = 200, token: String? = ServedCollector.readToken
    ) throws -> String {
        let answer = try service.answer(
            "GET", path, token: token, headers: [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")])
        #expect(answer.status == status, "\(path): \(answer.text)")
        #expect(answer.headers["content-type"] == "text/html; charset=utf-8", "\(path)")
        #expect(answer.headers["content-security-policy"] == Self.policy, "\(path)")
        #expect(answer.headers["cache-control"] == "no-store", "\(path)")
        let lower = answer.text.lowercased()
        // Markup of the pages that became text.
        for tag in ["code", "small", "span", "a ", "td", "b class"] {
            #expect(!lower.contains("&lt;\(tag)"), "\(path): \(tag)")
        }
        let scripts = lower.split(separator: "<script").dropFirst()
        #expect(
            scripts.allSatisfy { $0.hasPrefix(" src=\"/service.js?v=") && $0.contains("\" defer></script>") }, "\(path)"
        )
        for forbidden in ["javascript:", " style=", "<style", " onclick", " onload", " onerror=\""] {
            #expect(!lower.contains(forbidden), "\(path): \(forbidden)")
        }
        return answer.text
    }

    /// The links of a page, decoded.
    private func links(_ page: String) -> [String] {
        page.split(separator: "href=\"").dropFirst().map {
            String($0.prefix { $0 != "\"" }).replacing("&amp;", with: "&")
        }
    }

    @Test("Every page shows a played fleet with the time at which it was known")
    func routes() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(2, in: folder)
        let service = try await ServedCollector.start(fleets: agents.entry(interval: "500ms"), in: folder)
        let report = try await service.verified(FileFleet.commit, key: "1")
        let id = try #require(report["id"] as? String)
        try await eventually("the fleet is proven") { try service.fleet()["proven"] as? Int == 2 }

        let overview = try page(service, "/")
        #expect(overview.contains("<title>✓ The fleet serves what was promoted</title>"), "\(overview)")
        #expect(overview.contains("<b class=\"is converged\">converged</b> <strong>2<span><i> of </i>2</span>"))
        #expect(overview.contains("href=\"\(Self.fleet)\""))
        #expect(overview.contains("data-tone=\"good\""))

        let fleet = try page(service, Self.fleet)
        #expect(fleet.contains("All 2 hosts serve what was promoted"))
        #expect(fleet.contains("/verifications/\(id)"), "its verifications are listed")
        for name in ["host-1", "host-2"] {
            #expect(fleet.contains("<a href=\"/hosts/\(name)\">\(name)</a>"))
            let host = try page(service, "/hosts/\(name)")
            #expect(host.contains("Serves what was promoted"), "\(host)")
            #expect(host.contains("href=\"\(Self.fleet)\""))
            #expect(host.contains("aaaaaaaaaaaa"))
        }
        let promotions = try page(service, "/promotions")
        #expect(promotions.contains("/verifications/\(id)"))
        #expect(promotions.contains("aaaaaaaaaaaa"))
        let commit = try page(service, "/commits/aaaaaaa")
        #expect(commit.contains("is served by 2 hosts"))
        #expect(commit.contains("host-2"))
        let verification = try page(service, "/verifications/\(id)")
        #expect(verification.contains("<svg class=\"plot\"") && verification.contains("At the end, after"))
        #expect(verification.contains("sha256sum FILE"))
        #expect(verification.contains("data-tone=\"good\""), "\(verification)")
        #expect(verification.contains("/api/v1/verifications/\(id)/report.html"))
        for shown in [overview, fleet, promotions, commit, verification] {
            #expect(shown.contains("<p>as of <time datetime=\""))
            // Only without a script, which updates the page in place.
            #expect(shown.contains("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>"))
            #expect(shown.contains("<script src=\"/service.js?v="))
            #expect(shown.contains("<body class=\"live\" data-number=\""))
            #expect(shown.contains("class=\"panel old\""))
        }

        // A host that drifts needs attention, and its build is the one that it serves.
        try agents.serve(FileFleet.other, on: 2)
        try await eventually("the drift shows") { try service.fleet()["proven"] as? Int == 1 }
        let drifted = try page(service, "/")
        #expect(
            drifted.contains("1 of 1 fleet needs attention") || drifted.contains("1 of 1 fleet is not proven yet"),
            "\(drifted)")
        #expect(!drifted.contains("data-tone=\"good\""))
        #expect(try page(service, "/commits/bbbbbbb").contains("is served by 1 host<"))

        // A host's page has its past, also what no verification saw.
        let host = try page(service, "/hosts/host-2")
        #expect(host.contains("<strong>serves <code>bbbbbbbbbbbb</code></strong>"), "\(host)")
        let past = host.split(separator: "when the service was started").last ?? ""
        #expect(past.contains("is converged"), "\(past)")
    }

    @Test("A fleet that stops answering turns grey, with its last answer's time and without a number of proven hosts")
    func stale() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: agents.entry(interval: "500ms"), in: folder)
        _ = try await service.verified(FileFleet.commit, key: "1")
        try await eventually("the host is proven") { try service.fleet()["proven"] as? Int == 1 }
        agents.agents[0].program.signal(SIGSTOP)
        defer { agents.agents[0].program.signal(SIGCONT) }
        try await eventually("the fleet is not fresh") { try service.fleet()["fresh"] as? Bool == false }
        for path in ["/", Self.fleet, "/hosts/host-1"] {
            let page = try page(service, path)
            #expect(!page.contains("data-tone=\"good\""), "\(path): \(page)")
            #expect(!page.contains("✓"), "\(path)")
        }
        let overview = try page(service, "/")
        #expect(overview.contains("<title>? 1 of 1 fleet is unknown</title>"), "\(overview)")
        #expect(overview.contains("<b class=\"is unknown\">unknown</b> <strong>?<span><i> of </i>1</span>"))
        #expect(overview.contains("last answer "))
        #expect(!overview.contains("is converged"))
        #expect(overview.contains("<p>nothing is known now</p>"))
        let hosts = try page(service, Self.fleet).split(separator: "aria-label=\"Hosts\"")
        #expect(hosts.count == 2)
        #expect(hosts.last?.split(separator: "</table>").first?.contains("is converged") == false)
        // Even once the host counts as unreachable: the service may be cut off.
        try await eventually("the request that is under way has failed") {
            try service.hosts().first?["status"] as? String == "unreachable"
        }
        #expect(try page(service, "/").contains("<title>? 1 of 1 fleet is unknown</title>"))
        #expect(try page(service, "/").contains("<b class=\"is unknown\">unknown</b> <strong>?<span>"))
        #expect(try page(service, Self.fleet).contains("data-tone=\"unknown\""))
        let badge = try service.answer("GET", "/badge/canvas/production.svg")
        #expect(badge.text.contains("unknown") && badge.text.contains("#626b75"), "\(badge.text)")
    }

    @Test("Once a host failed on the target, no other host is advised to follow it")
    func advice() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(2, in: folder)
        try agents.serve(FileFleet.other, on: 2)
        let service = try await ServedCollector.start(fleets: agents.entry(interval: "500ms"), in: folder)
        #expect(try service.verify(FileFleet.commit, key: "1").status == 201)
        try await eventually("only the first host serves the target") {
            try service.hosts().map { $0["status"] as? String } == ["converged", "pending"]
        }
        let before = try page(service, Self.fleet)
        #expect(!before.contains("leave it"), "\(before)")
        try folder.write(
            "build-1",
            #"{"git_sha": "\#(FileFleet.commit)", "digest": "sha256:\#(FileFleet.commit)\#(FileFleet.commit.prefix(24))", "#
                + #""state": "unhealthy"}"#)
        try await eventually("the first host has failed") {
            try service.hosts("?q=host-1").first?["status"] as? String == "failed"
        }
        let after = try page(service, Self.fleet)
        #expect(after.contains("<strong>leave it: serves bbbbbbbbbbbb</strong>"), "\(after)")
        #expect(after.contains("data-tone=\"bad\""))
        let overview = try page(service, "/")
        #expect(overview.contains("<title>✕ 1 of 1 fleet needs attention</title>"), "\(overview)")
        #expect(overview.contains("<li class=\"failed\">"))
    }

    @Test(
        "Hosts that need attention come first, on every page of the list, and each choice has the number of hosts it leaves"
    )
    func attentionFirst() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(4, in: folder)
        let service = try await ServedCollector.start(fleets: agents.entry(interval: "500ms"), in: folder)
        _ = try await service.verified(FileFleet.commit, key: "1")
        try await eventually("the fleet is proven") { try service.fleet()["proven"] as? Int == 4 }
        try agents.serve(FileFleet.other, on: 3)
        try await eventually("the drift shows") { try service.fleet()["proven"] as? Int == 3 }
        var seen: [String] = []
        var path = "\(Self.fleet)?limit=2"
        for _ in 0..<2 {
            let page = try page(service, path)
            let rows = page.split(separator: "aria-label=\"Hosts\"").last ?? ""
            seen += links(String(rows)).filter { $0.hasPrefix("/hosts/") }.map { String($0.dropFirst(7)) }
            path =
                links(page).first { $0.contains("cursor=") && $0.contains("limit=2") && !$0.contains("reload=") } ?? ""
        }
        #expect(seen == ["host-3", "host-1", "host-2", "host-4"])
        let filtered = try page(service, "\(Self.fleet)?q=host-3")
        #expect(filtered.contains("<option value=\"group=g\">group=g (1)</option>"), "\(filtered)")
        #expect(!filtered.contains("name=\"status\" value=\"converged\""), "a choice that leaves no host")
        // The API keeps the order of names, whatever happens to the hosts.
        #expect(try service.hosts().compactMap { $0["name"] as? String } == (1...4).map { "host-\($0)" })
    }

    @Test("A form is not lost: without a script, a page that loads itself again has a link to its form instead")
    func form() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(["h1"], folder)
        for path in [Self.fleet, "/promotions"] {
            let live = try page(service, path)
            let link = try #require(links(live).first { $0.hasSuffix("reload=later") }, "\(live)")
            let form = try page(service, link)
            #expect(!form.contains("http-equiv=\"refresh\"") && !form.contains("class=\"live\""))
            // The answer to the form is loaded again.
            #expect(!form.contains("type=\"hidden\" name=\"reload\""))
            #expect(try page(service, "\(path)?reload=off").contains("type=\"hidden\" name=\"reload\" value=\"off\""))
        }
        let style = try service.answer("GET", "/service.css").text
        #expect(style.contains("@media (scripting:none){.live .filter{display:none}.live .later{display:block}}"))
        await hosts.stop()
    }

    @Test("The script is small, sets no markup, and browsers keep it")
    func script() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(["h1"], folder)
        let text = try page(service, "/")
        let link = try #require(text.split(separator: "<script src=\"").last?.split(separator: "\"").first)
        let script = try service.answer("GET", String(link), token: nil)
        #expect(script.status == 200)
        #expect(script.headers["content-type"] == "text/javascript; charset=utf-8")
        #expect(script.headers["cache-control"] == "public, max-age=31536000, immutable")
        #expect(script.body.count < 20_000)
        for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
            #expect(!script.text.contains(forbidden), "\(forbidden)")
        }
        await hosts.stop()
    }

    @Test("Names of hosts stay text, whatever they contain")
    func hostileNames() async throws {
        let folder = try TemporaryFolder()
        let names = [
            "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "o'brien & co", "a/b?c=d#e %41",
            String(repeating: "n", count: 250), "\u{5e9}\u{5dc}\u{5d5}\u{5dd}", "../../etc",
        ]
        let (service, hosts) = try await Self.crowd(names, folder) { ["note": "<b>\"\($0)'</b>"] }
        let fleet = try page(service, Self.fleet)
        #expect(fleet.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "\(fleet)")
        #expect(fleet.contains("&quot;&gt;&lt;img src=x onerror=alert(1)&gt;"))
        #expect(!fleet.contains("<img") && !fleet.contains("<b>"))
        for name in names {
            let encoded = name.utf8.map { byte in
                byte.isASCIIAlphanumericForTest || "-._~".utf8.contains(byte)
                    ? String(UnicodeScalar(byte)) : "%" + String(byte, radix: 16, uppercase: true)
            }.joined()
            #expect(links(fleet).contains("/hosts/\(encoded)"), "\(name)")
            let host = try page(service, "/hosts/\(encoded)")
            #expect(host.contains("What follows") == false)
            #expect(host.contains("href=\"\(Self.fleet)\""), "\(name): \(host)")
        }
        // Text of a request is text, too.
        let search = try page(service, "\(Self.fleet)?q=%22%3E%3Cscript%3E&select=a%3D%3Cb%3E")
        #expect(search.contains("value=\"&quot;&gt;&lt;script&gt;\""), "\(search)")
        _ = try page(service, "/hosts/%3Cscript%3E", status: 404)
        _ = try page(service, "/%3Cscript%3Ealert(1)%3C/script%3E", status: 404)
        await hosts.stop()
    }

    @Test("Links to further hosts keep the filters, and lead to every selected host once")
    func paging() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(Self.names(40), folder)
        var path = "\(Self.fleet)?select=side%3Deven&q=H10&limit=8&kiosk=1&reload=off"
        var seen: [String] = []
        for _ in 0..<5 {
            let page = try page(service, path)
            #expect(page.contains("<html lang=\"en\" class=\"kiosk\">"))
            #expect(!page.contains("http-equiv=\"refresh\""))
            #expect(page.contains("<option value=\"side=even\" selected>side=even (20)</option>"))
            #expect(page.contains("<input type=\"hidden\" name=\"limit\" value=\"8\">"))
            seen += links(page).filter { $0.hasPrefix("/hosts/") }.map { String($0.dropFirst("/hosts/".count)) }
            guard let next = links(page).first(where: { $0.contains("cursor=") && !$0.contains("reload=off&cursor=") }),
                page.contains("rel=\"next\"")
            else { break }
            for kept in ["select=side%3Deven", "q=H10", "limit=8", "kiosk=1"] {
                #expect(next.contains(kept), "\(next)")
            }
            path = next
        }
        #expect(seen == (0..<40).filter { $0 % 2 == 0 }.map { "h\(1_000 + $0)" })
        let several = try page(
            service, "\(Self.fleet)?status=pending&status=unknown&select=side%3Deven&select=side%3Dodd")
        #expect(several.contains("value=\"pending\" checked"))
        #expect(several.contains("name=\"select\" value=\"side=odd\" checked"))
        #expect(links(several).count { $0.hasPrefix("/hosts/") } == 40)
        _ = try page(service, "\(Self.fleet)?status=nothing", status: 400)
        _ = try page(service, "\(Self.fleet)?limt=3", status: 400)
        await hosts.stop()
    }

    @Test("A page of 2,000 hosts has a hundred of them and less than 200 KB, and its numbers add up to them")
    func size() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(Self.names(2_000), folder) {
            ["side": $0 % 2 == 0 ? "even" : "odd", "serial": "\($0)"]
        }
        try await eventually("every host answered", within: .seconds(60)) {
            try service.fleet()["fresh"] as? Bool == true
        }
        let page = try page(service, Self.fleet)
        #expect(page.utf8.count < 200_000, "\(page.utf8.count) bytes")
        #expect(links(page).count { $0.hasPrefix("/hosts/") } == 100)
        #expect(page.contains("100 hosts, from"))
        #expect(!page.contains("serial=7 (1)"), "a label of one host is no choice among many")
        let counts =
            page.split(separator: "aria-label=\"Hosts by status\">").last?.split(separator: "</ul>").first ?? ""
        let numbers = counts.split(separator: "</li>").compactMap { item in
            item.split(separator: " ").last.flatMap { Int($0.filter { $0 != "," }) }
        }
        #expect(numbers.reduce(0, +) == 2_000, "\(counts)")
        await hosts.stop()
    }

    @Test("What does not exist is a page for browsers and a problem for programs")
    func missing() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(["h1"], folder)
        for path in [
            "/fleets/canvas/staging", "/hosts/nobody", "/commits/1234567", "/verifications/none", "/nothing",
            "/fleets/canvas",
        ] {
            let shown = try page(service, path, status: 404)
            #expect(shown.contains("<h1>Not Found</h1>"), "\(path)")
            #expect(!shown.contains("http-equiv=\"refresh\""), "\(path)")
            for accept in ["application/json", "*/*"] {
                let answer = try service.answer("GET", path, headers: [("Accept", accept)])
                #expect(answer.headers["content-type"] == "application/problem+json", "\(path)")
                #expect(
                    answer.status == (accept == "*/*" || path == "/nothing" || path == "/fleets/canvas" ? 404 : 406))
            }
        }
        #expect(try page(service, "/fleets/canvas/staging", status: 404).contains("canvas/production"))
        _ = try page(service, "/commits/xyz", status: 400)
        for path in ["/api/v1/fleets/canvas/staging/hosts", "/api/v1/nothing"] {
            let answer = try service.answer("GET", path, headers: [("Accept", "text/html")])
            #expect(answer.headers["content-type"] == "application/problem+json", "\(path)")
        }
        #expect(try service.answer("POST", "/").status == 405)
        await hosts.stop()
    }

    @Test(
        "A page is served only to clients that accept HTML",
        arguments: [
            ("text/html", 200), ("*/*", 200), ("text/*", 200), ("application/json", 406), ("text/html;q=0, */*", 406),
            ("application/json, text/html;q=0.5", 200), ("", 406), ("text/plain", 406),
        ])
    func accepted(_ accept: String, _ status: Int) async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(["h1"], folder)
        #expect(try service.answer("GET", "/", headers: [("Accept", accept)]).status == status)
        #expect(try service.answer("GET", "/").status == 200, "without the header")
        await hosts.stop()
    }

    @Test("Beyond loopback, a page needs a token, and leads a browser without one to the sign-in")
    func access() async throws {
        let folder = try TemporaryFolder()
        // Every address counts as reachable from the network.
        let (service, hosts) = try await Self.crowd(["secret-name"], folder, listen: "0.0.0.0:0")
        let port = service.authority.split(separator: ":").last ?? ""
        let local = ServedCollector(folder: folder, program: service.program, authority: "127.0.0.1:\(port)")
        for path in ["/", Self.fleet, "/hosts/secret-name", "/promotions", "/commits/aaaaaaa", "/verifications/x"] {
            let refused = try page(local, path, status: 401, token: "wrong-token-0123456789abcdef")
            #expect(!refused.contains("<td") && !refused.contains("aria-label=\"Hosts\""), "\(path)")
            let led = try local.answer("GET", path, token: nil, headers: [("Accept", "text/html")])
            #expect(led.status == 303, "\(path)")
            #expect(led.headers["location"]?.hasPrefix("/login") == true, "\(path)")
            #expect(led.body.isEmpty, "\(path)")
        }
        let answer = try local.answer("GET", "/", token: nil)
        #expect(answer.status == 401)
        #expect(answer.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
        #expect(try local.answer("GET", "/badge/canvas/production.svg", token: nil).status == 401)
        #expect(try page(local, Self.fleet).contains("secret-name"))
        #expect(try local.answer("GET", "/service.css", token: nil).status == 200)
        await hosts.stop()
    }

    @Test("The style has its content's hash in its address and as its tag, and browsers keep it")
    func style() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(["h1"], folder)
        let link = try #require(links(try page(service, "/")).first { $0.hasPrefix("/service.css?v=") })
        let style = try service.answer("GET", link, token: nil)
        #expect(style.status == 200)
        #expect(style.headers["content-type"] == "text/css; charset=utf-8")
        #expect(style.headers["cache-control"] == "public, max-age=31536000, immutable")
        // Without this rule, an open page whose service is gone would stay green.
        #expect(style.text.contains("animation:old 1ms 15s forwards"))
        let tag = try #require(style.headers["etag"])
        #expect(link.hasSuffix(tag.filter { $0 != "\"" }))
        let again = try service.answer("GET", "/service.css", token: nil, headers: [("If-None-Match", tag)])
        #expect(again.status == 304)
        #expect(again.body.isEmpty)
        #expect(again.headers["cache-control"] == "no-cache")
        #expect(try service.answer("GET", "/service.css", headers: [("If-None-Match", "\"x\"")]).status == 200)
        await hosts.stop()
    }

    @Test("A badge has the short commit and the proven hosts, as a picture and as JSON")
    func badge() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: agents.entry(interval: "500ms"), in: folder)
        #expect(try service.object("/badge/canvas/production.json")["message"] as? String == "unknown")
        _ = try await service.verified(FileFleet.commit, key: "1")
        try await eventually("the host is proven") { try service.fleet()["proven"] as? Int == 1 }
        let body = try service.object("/badge/canvas/production.json")
        #expect(body["message"] as? String == "aaaaaaa 1/1")
        #expect(body["as_of"] is String)
        #expect(body["status"] as? String == "proven")
        #expect(body["git_sha"] as? String == String(FileFleet.commit.prefix(12)))
        #expect(body["service"] as? String == "canvas" && body["environment"] as? String == "production")
        #expect(body["proven"] as? Int == 1 && body["expected"] as? Int == 1)
        #expect(body["age_seconds"] is Double)
        let image = try service.answer("GET", "/badge/canvas/production.svg")
        #expect(image.headers["content-type"] == "image/svg+xml")
        #expect(image.text.contains("✓ aaaaaaa 1/1") && image.text.contains("#0a7350"), "\(image.text)")
        #expect(try service.answer("GET", "/?kiosk=0").text.contains("class=\"kiosk\"") == false)
        for wrong in ["/?kiosk=yes", "/?kiosk=", "/?kiosk", "/?reload=", "/?reload=never", "\(Self.fleet)?status="] {
            #expect(try service.answer("GET", wrong).status == 400, "\(wrong)")
        }
        for form in ["\(Self.fleet)?q=&select=", "/promotions?service=&environment="] {
            #expect(try service.answer("GET", form).status == 200, "\(form)")
        }
        #expect(try service.answer("GET", "/badge/canvas/staging.svg").status == 404)
        #expect(try service.answer("GET", "/badge/canvas/production.png").status == 404)
    }
}

extension UInt8 {
    fileprivate var isASCIIAlphanumericForTest: Bool {
        (48...57).contains(self) || (65...90).contains(self) || (97...122).contains(self)
    }
}
