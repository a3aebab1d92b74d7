import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Verdict

struct ResponseDecoderTests {
    private static func read(_ status: Int = 200, _ body: String) -> Sample.Answer {
        ResponseDecoder().read(status: status, body: Array(body.utf8))
    }

    @Test(
        "A response other than a buildinfo document is classified, and never accepted as one",
        arguments: [
            (401, "{}", RequestOutcome.auth, "refuses"), (403, "", .auth, "403"), (404, "<html>", .httpStatus, "404"),
            (404, #"{"error":"not found","services":["canvas","web"]}"#, .httpStatus, "this agent serves canvas, web"),
            (
                404, #"{"services":["canvas"],"more_services":9223372036854775807}"#, .httpStatus,
                "serves canvas and more"
            ),
            (404, #"{"services":[]}"#, .httpStatus, "this agent serves no service"),
            (404, #"{"services":["a\u001b[2J"]}"#, .httpStatus, #"serves a\u{1b}[2J"#),
            (404, #"{"services":7}"#, .httpStatus, "answered HTTP 404"),
            (400, "<center>The plain HTTP request was sent to HTTPS port</center>", .httpStatus, "expects TLS"),
            (400, "Client sent an HTTP request to an HTTPS server.\n", .httpStatus, "expects TLS"),
            (204, "", .httpStatus, "204"), (302, "", .httpStatus, "redirect"), (304, "", .httpStatus, "304"),
            (503, "busy", .httpStatus, "503"), (200, "", .notBuildinfo, "empty body"),
            (200, "<!doctype html>", .notBuildinfo, "HTML"), (200, "{\"git_sha\":", .notBuildinfo, "malformed JSON"),
            (200, "{}", .notBuildinfo, "without '"), (200, "[]", .notBuildinfo, "other than a buildinfo document"),
            (200, "null", .notBuildinfo, "other than a buildinfo document"),
            (200, "{\"git_sha\": 7}", .notBuildinfo, "without '"),
            (200, "{\"schema\": 1, \"git_sha\": null}", .notBuildinfo, "without '"),
        ])
    func refused(_ status: Int, _ body: String, _ reach: RequestOutcome, _ part: String) {
        guard case .unusable(let found, let detail) = Self.read(status, body) else {
            Issue.record("\(body) was taken for an answer")
            return
        }
        #expect(found == reach)
        #expect(detail.contains(part), "\(detail)")
    }

    @Test("An agent's document is read; an unknown schema or an impossible value is not")
    func documents() throws {
        let document = Answer().document(host: 0, nonce: "n")
        func body(_ change: (inout Document) -> Void) throws -> String {
            var copy = document
            change(&copy)
            return String(decoding: try JSONEncoder().encode(copy), as: UTF8.self)
        }
        #expect(Self.read(try body { _ in }) == .document(document))
        let wrong: [(inout Document) -> Void] = [
            { $0.schema = 2 }, { $0.host.id = "" }, { $0.ageSeconds = -1 },
            { $0.instances = Array(repeating: $0.instances[0], count: 257) },
        ]
        for change in wrong {
            guard case .unusable(.notBuildinfo, _) = Self.read(try body(change)) else {
                Issue.record("an impossible document was taken")
                continue
            }
        }
    }

    @Test("A plain host reports a commit; other text is kept as reported")
    func plain() {
        let sha = String(repeating: "a", count: 40)
        #expect(Self.read("{\"git_sha\": \"\(sha)\"}") == .plain(PlainAnswer(gitSHA: .known(.of("a")))))
        #expect(Self.read("{\"git_sha\": null}") == .plain(PlainAnswer(gitSHA: .absent)))
        #expect(Self.read("{\"git_sha\": \"dev\"}") == .plain(PlainAnswer(gitSHA: .unusable("dev"))))
    }
}

extension ResponseDecoderTests {
    fileprivate static func read(_ body: String) -> Sample.Answer { read(200, body) }
}
