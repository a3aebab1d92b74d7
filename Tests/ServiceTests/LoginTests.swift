import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("Service, sign-in", .timeLimit(.minutes(3)))
struct LoginTests {
    private static let session = "__Host-buildinfo_session"

    /// A service that counts as reachable from the network, at its address on loopback.
    private static func exposed(
        _ folder: TemporaryFolder, more: String = ""
    ) async throws -> ServedCollector {
        try folder.write("fleet.yaml", "hosts: [{name: a, url: \"http://127.0.0.1:9/buildinfo\"}]\n")
        return try await ServedCollector.start(
            fleets: fleets(folder), more: more, listen: "0.0.0.0:0", in: folder
        ).onLoopback
    }

    private static func fleets(_ folder: TemporaryFolder) -> String {
        "  - {service: canvas, environment: production, inventory: \(folder.path("fleet.yaml"))}"
    }

    @Test("A browser is led to the sign-in, gets a cookie without the token, returns, and signs out for good")
    func wholeVisit() async throws {
        let folder = try TemporaryFolder()
        let service = try await Self.exposed(folder)
        var browser = Browser(service)
        let page = "/fleets/canvas/production?status=pending&q=h%201"
        let led = try browser.get(page)
        #expect(led.status == 303)
        let place = try #require(led.headers["location"])
        #expect(place == "/login?next=\(Browser.encoded(page).replacing("%2E", with: "."))", "\(place)")
        let form = try browser.get(place)
        #expect(form.status == 200)
        #expect(form.headers["cache-control"] == "no-store")
        #expect(form.text.contains("<label for=\"token\">Token</label>"))
        let next = try Browser.field("next", form.text).replacing("&amp;", with: "&")
        #expect(next == page)

        let answer = try browser.post(
            "/login",
            [("csrf", try Browser.field("csrf", form.text)), ("next", next), ("token", ServedCollector.readToken)])
        #expect(answer.status == 303, "\(answer.text)")
        #expect(answer.headers["location"] == page)
        let cookie = try #require(answer.cookies.first { $0.hasPrefix("\(Self.session)=") }, "\(answer.cookies)")
        for attribute in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=43200"] {
            #expect(cookie.contains("; \(attribute)"), "\(cookie)")
        }
        #expect(!cookie.contains("Domain"))
        #expect(!cookie.contains("read-token"))
        let stolen = browser
        #expect(try browser.get(page).status == 200)
        #expect(try browser.get("/api/v1/fleets").status == 200)
        #expect(try browser.get("/login?next=%2Fpromotions").headers["location"] == "/promotions")

        let own = try browser.get("/login")
        #expect(own.text.contains("With the token in <code>read.token</code>"), "\(own.text)")
        let refused = try browser.post("/logout", [("csrf", "")])
        #expect(refused.status == 403)
        #expect(try browser.get(page).status == 200, "a foreign form signs nobody out")
        let ended = try browser.post("/logout", [("csrf", try Browser.field("csrf", own.text))])
        #expect(ended.status == 303)
        #expect(browser.cookies[Self.session] == nil)
        var thief = stolen
        #expect(try thief.get(page).status == 303, "a copy of the cookie has ended, too")
        #expect(try thief.get("/api/v1/fleets").status == 401)

        let log = service.program.error
        #expect(log.contains("Signed in") && log.contains("token=read.token"), "\(log)")
        #expect(log.contains("Signed out"))
        #expect(!log.contains(ServedCollector.readToken))
        let value = cookie.dropFirst(Self.session.count + 1).prefix { $0 != ";" }
        #expect(!log.contains(value))
    }

    @Test(
        "The sign-in leads to pages of the service alone",
        arguments: [
            "//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "/\t/evil.example",
            "evil.example", "/login", "/logout?x=1", "/api/v1/fleets", "\\/evil.example", "/ /evil.example",
        ])
    func openRedirect(_ next: String) async throws {
        let folder = try TemporaryFolder()
        let service = try await Self.exposed(folder)
        var browser = Browser(service)
        let answer = try browser.signIn(ServedCollector.readToken, next: next)
        #expect(answer.status == 303, "\(answer.text)")
        #expect(answer.headers["location"] == "/")
        let again = try browser.get("/login?next=\(Browser.encoded(next))")
        #expect(again.headers["location"] == nil)
    }

    @Test("On loopback the cookie needs no TLS, unless the browser came by another name")
    func cookies() async throws {
        let folder = try TemporaryFolder()
        try folder.write("fleet.yaml", "hosts: [{name: a, url: \"http://127.0.0.1:9/buildinfo\"}]\n")
        let service = try await ServedCollector.start(
            fleets: Self.fleets(folder), more: "public_url: https://deploys.example", in: folder)
        var local = Browser(service)
        let answer = try local.signIn(ServedCollector.verifyToken)
        let cookie = try #require(answer.cookies.first { $0.hasPrefix("buildinfo_session=") }, "\(answer.cookies)")
        #expect(cookie.contains("; HttpOnly; SameSite=Strict"))
        #expect(!cookie.contains("Secure"))
        // A proxy that does TLS.
        let curl = try Program.installed("curl", remedy: "apt-get install curl")
        let proxied = try await curl.succeed([
            "-si", "-H", "Host: deploys.example", "-d", "token=\(ServedCollector.readToken)",
            "http://\(service.authority)/login",
        ])
        #expect(proxied.contains("303"), "\(proxied)")
        #expect(proxied.contains("__Host-buildinfo_session=") && proxied.contains("; Secure"), "\(proxied)")
    }

    @Test("A session survives a reload and a restart, and ends with its token or with the service's key")
    func life() async throws {
        let folder = try TemporaryFolder()
        let service = try await Self.exposed(folder)
        var browser = Browser(service)
        #expect(try browser.signIn(ServedCollector.readToken).status == 303)
        func reload(_ service: ServedCollector, _ count: Int) async throws {
            service.program.signal(SIGHUP)
            try await eventually("it has reloaded") {
                service.program.error.split(separator: " Reloaded ").count == count + 1
            }
        }
        try await reload(service, 1)
        #expect(try browser.get("/").status == 200)
        service.program.signal(SIGTERM)
        #expect(try await service.program.wait().exitCode == 0)
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path("sessions.json"))
        #expect(attributes[.posixPermissions] as? Int == 0o600)

        let second = try await ServedCollector.start(
            fleets: Self.fleets(folder), listen: "0.0.0.0:0", in: folder
        ).onLoopback
        var moved = Browser(second)
        moved.cookies = browser.cookies
        #expect(try moved.get("/").status == 200)
        try folder.write("read.token", "another-token-0123456789abcdef\n")
        try await reload(second, 1)
        #expect(try moved.get("/").status == 303, "its token was removed")
        try folder.write("read.token", "another-token-0123456789abcdef\n\(ServedCollector.readToken)\n")
        try await reload(second, 2)
        #expect(try moved.get("/").status == 200, "during a rotation both tokens count")
        unlink(folder.path("sessions.json"))
        try await reload(second, 3)
        #expect(try moved.get("/").status == 303, "the key is another one")
    }

    /// Where a request comes from, and whether it may write.
    static let origins: [(name: String, headers: [(String, String)], isOwn: Bool)] = [
        ("own page", [("Sec-Fetch-Site", "same-origin")], true),
        ("typed", [("Sec-Fetch-Site", "none")], true),
        ("another site", [("Sec-Fetch-Site", "cross-site")], false),
        ("a neighbouring domain", [("Sec-Fetch-Site", "same-site")], false),
        ("another site, with our origin", [("Sec-Fetch-Site", "cross-site"), ("Origin", "http://HOST")], false),
        ("an old browser", [("Origin", "http://HOST")], true),
        ("an old browser behind a proxy that does TLS", [("Origin", "https://deploys.example")], true),
        ("another site in an old browser", [("Origin", "http://evil.example")], false),
        ("a name that begins like ours", [("Origin", "http://HOST.evil.example")], false),
        // Chromium and Firefox send it for forms of pages with Referrer-Policy: no-referrer.
        ("a browser that does not say", [("Origin", "null")], true),
    ]

    @Test("Another site can neither sign a browser in nor out, nor write with its cookie", arguments: origins.indices)
    func forgery(_ index: Int) async throws {
        let folder = try TemporaryFolder()
        let service = try await Self.exposed(folder, more: "public_url: https://deploys.example")
        let (name, headers, isOwn) = Self.origins[index]
        let origin = headers.map { ($0.0, $0.1.replacing("HOST", with: service.authority)) }
        var browser = Browser(service)
        let form = try Browser.field("csrf", browser.get("/login").text)
        // Without the form's token, and with the one of another browser.
        var other = Browser(service)
        let foreign = try Browser.field("csrf", other.get("/login").text)
        for token in ["", foreign] {
            let fields = [("csrf", token), ("token", ServedCollector.verifyToken)]
            #expect(try browser.post("/login", fields, origin: origin).status == 403, "\(name)")
        }
        let fields = [("csrf", form), ("token", ServedCollector.verifyToken)]
        let signedIn = try browser.post("/login", fields, origin: origin)
        #expect(signedIn.status == (isOwn ? 303 : 403), "\(name): \(signedIn.text)")
        if !isOwn { #expect(try browser.signIn(ServedCollector.verifyToken).status == 303) }

        let own = try Browser.field("csrf", browser.get("/login").text)
        for (token, status) in [("", 403), (foreign, 403), (own, isOwn ? 404 : 403)] {
            let answer = try browser.ask("DELETE", "/api/v1/verifications/x", origin + [("X-CSRF-Token", token)])
            #expect(answer.status == status, "\(name): \(answer.text)")
        }
        if !isOwn {
            // Browsers send no cookies with another site's form. The answer must not replace those that they have.
            var bare = Browser(service)
            for path in ["/login", "/logout"] {
                let answer = try bare.post(path, [("csrf", own), ("token", "x")], origin: origin)
                #expect(answer.cookies.isEmpty, "\(name): \(path)")
            }
        }
        #expect(try browser.post("/logout", [("csrf", own)], origin: origin).status == (isOwn ? 303 : 403), "\(name)")
    }

    @Test("A link from another site finds the session, although the browser holds its cookie back at first")
    func strictCookie() async throws {
        let folder = try TemporaryFolder()
        let service = try await Self.exposed(folder)
        var browser = Browser(service)
        let answer = try browser.get("/login?next=%2Fpromotions", site: "cross-site")
        #expect(answer.status == 200)
        #expect(answer.headers["refresh"] == "0; url=/login?next=%2Fpromotions")
        #expect(answer.cookies.isEmpty, "a form in another tab goes on")
        #expect(try browser.get("/login?next=%2Fpromotions").headers["refresh"] == nil)
    }

    @Test("A form that is no sign-in is refused with a page that says why")
    func mistakes() async throws {
        let folder = try TemporaryFolder()
        let service = try await Self.exposed(folder)
        var browser = Browser(service)
        let wrong = try browser.signIn("wrong-token-0123456789abcdef", next: "/promotions")
        #expect(wrong.status == 401)
        #expect(wrong.text.contains("role=\"alert\""), "\(wrong.text)")
        #expect(wrong.text.contains("The token is unknown to this service"), "\(wrong.text)")
        #expect(try Browser.field("next", wrong.text) == "/promotions", "the second try leads there, too")
        #expect(!wrong.text.contains("wrong-token"))
        #expect(browser.cookies[Self.session] == nil)
        #expect(service.program.error.contains("Request refused"))
        #expect(!service.program.error.contains("wrong-token"))
        // Programs get problems.
        let form = ("Content-Type", "application/x-www-form-urlencoded")
        for (type, body, status) in [
            (form, "token=wrong-token-0123456789abcdef", 401), (form, "", 400), (form, "token=%ff", 400),
            (form, "token=a&token=b", 400), (form, "tokn=a", 400), (("Content-Type", "application/json"), "{}", 415),
            (form, "token=\(String(repeating: "x", count: 70_000))", 413),
        ] {
            let answer = try service.answer("POST", "/login", token: nil, headers: [type], body: body)
            #expect(answer.status == status, "\(body.prefix(40)): \(answer.text)")
            #expect(answer.headers["content-type"] == "application/problem+json")
        }
        let signedIn = try service.answer(
            "POST", "/login", token: nil, headers: [form], body: "token=+\(ServedCollector.readToken)%0A")
        #expect(signedIn.status == 303, "blanks around a token do not count")
    }

    @Test("An address with too many wrong tokens waits, and nobody else does")
    func limits() async throws {
        let folder = try TemporaryFolder()
        let service = try await Self.exposed(folder)
        func ask(_ address: String?, _ token: String) throws -> LoopbackRequest.Answer {
            var request = LoopbackRequest("GET", service.authority, "/api/v1/fleets")
            request.headers = [("Authorization", "Bearer \(token)")]
            // As a proxy on this machine says it. What a client claims comes before.
            if let address { request.headers.append(("X-Forwarded-For", "198.51.100.1, \(address)")) }
            return try #require(request.answer())
        }
        let wrong = "wrong-token-0123456789abcdef"
        let statuses = try (0..<24).map { _ in try ask("203.0.113.7", wrong).status }
        #expect(statuses.prefix(20).allSatisfy { $0 == 401 }, "\(statuses)")
        #expect(statuses.suffix(2) == [429, 429], "\(statuses)")
        let refused = try ask("203.0.113.7", ServedCollector.readToken)
        #expect(refused.status == 429, "a guess that is right tells nothing")
        #expect(refused.headers["retry-after"].flatMap(Int.init).map { (1...6).contains($0) } == true)
        #expect(refused.headers["content-type"] == "application/problem+json")
        #expect(try ask("203.0.113.8", ServedCollector.readToken).status == 200)
        // An IPv6 network is one client.
        for number in 0..<24 { _ = try ask("2001:db8:1:2::\(number)", wrong) }
        #expect(try ask("[2001:db8:1:2::ffff]:4711", wrong).status == 429)
        #expect(try ask("2001:db8:1:3::1", wrong).status == 401)
        // Everybody behind a proxy that says nothing: nobody can lock out the others.
        for _ in 0..<24 { _ = try ask(nil, wrong) }
        #expect(try ask(nil, wrong).status == 429)
        #expect(try ask(nil, ServedCollector.readToken).status == 200)
        let metrics = try ask(nil, ServedCollector.readToken)
        #expect(metrics.status == 200)
        var request = LoopbackRequest("GET", service.authority, "/metrics")
        request.headers = [("Authorization", "Bearer \(ServedCollector.readToken)")]
        let text = try #require(request.answer()).text
        #expect(text.contains("buildinfo_requests_refused_total{reason=\"rate\"}"), "\(text)")
        #expect(text.contains("buildinfo_requests_refused_total{reason=\"foreign\"} 0"))
    }
}
