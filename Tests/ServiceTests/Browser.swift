import Foundation
import Support
import Testing

@testable import EndToEndFixtures

/// A browser at a service: it keeps cookies, and says where its requests come from.
struct Browser {
    /// Runs as long as somebody visits it.
    let service: ServedCollector
    var cookies: [String: String] = [:]
    /// What it sends with each request.
    var headers: [(String, String)] = []

    init(_ service: ServedCollector) {
        self.service = service
    }

    static let html = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")

    mutating func get(_ path: String, site: String? = "same-origin") throws -> LoopbackRequest.Answer {
        try ask("GET", path, [Self.html] + (site.map { [("Sec-Fetch-Site", $0)] } ?? []))
    }

    /// Sends a form.
    mutating func post(
        _ path: String, _ fields: [(String, String)], origin: [(String, String)] = [("Sec-Fetch-Site", "same-origin")]
    ) throws -> LoopbackRequest.Answer {
        let body = fields.map { "\($0.0)=\(Self.encoded($0.1))" }.joined(separator: "&")
        let type = ("Content-Type", "application/x-www-form-urlencoded")
        return try ask("POST", path, [Self.html, type] + origin, body)
    }

    /// Loads the form, and sends it with a token.
    mutating func signIn(_ token: String, next: String? = nil) throws -> LoopbackRequest.Answer {
        let form = try get(next.map { "/login?next=\(Self.encoded($0))" } ?? "/login")
        #expect(form.status == 200, "\(form.text)")
        return try post(
            "/login", [("csrf", try Self.field("csrf", form.text)), ("next", next ?? ""), ("token", token)])
    }

    mutating func ask(
        _ method: String, _ path: String, _ headers: [(String, String)] = [], _ body: String = ""
    ) throws -> LoopbackRequest.Answer {
        var request = LoopbackRequest(method, service.authority, path)
        request.headers = headers + self.headers
        if !cookies.isEmpty {
            let all = cookies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
            request.headers.append(("Cookie", all))
        }
        request.body = Array(body.utf8)
        let answer = try #require(request.answer(), "\(method) \(path): \(service.program.error)")
        for cookie in answer.cookies {
            let pair = cookie.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(pair[0])
            cookies[name] = cookie.contains("Max-Age=0") ? nil : String(pair[1])
        }
        return answer
    }

    /// The value of a hidden field.
    static func field(_ name: String, _ page: String) throws -> String {
        let rest = try #require(page.split(separator: "name=\"\(name)\" value=\"").dropFirst().first, "\(page)")
        return String(rest.prefix { $0 != "\"" })
    }

    static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}
