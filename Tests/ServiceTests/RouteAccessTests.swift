import Foundation
import HTTPTypes
import Ledger
import Logging
import Operations
import Support
import Testing

@testable import EndToEndFixtures
@testable import Service

/// The operations of the OpenAPI description.
private struct Operation {
    let method: String
    /// As the description has it, for example `/api/v1/hosts/{name}`.
    let template: String
    /// The scope of tokens; nil for a route for everybody.
    let scope: String?
    let isOpenToAnonymous: Bool

    var name: String { "\(method) \(template)" }

    /// A path that matches.
    var path: String {
        let values = [
            "service": "canvas", "environment": "production", "name": "a", "sha": "aaaaaaa", "id": "x",
            "format": "json",
        ]
        // A stream of events would not end.
        let invalid = template == "/api/v1/events" ? "?last_event_id=x" : ""
        return values.reduce(template + invalid) { $0.replacing("{\($1.key)}", with: $1.value) }
    }

    static func all() throws -> [Operation] {
        let document = try JSONSerialization.jsonObject(with: Data(APIDescription.bytes)) as? [String: Any]
        let paths = try #require(document?["paths"] as? [String: [String: [String: Any]]])
        return paths.flatMap { path, item in
            item.map { method, operation in
                let alternatives = operation["security"] as? [[String: [String]]] ?? []
                return Operation(
                    method: method.uppercased(), template: path,
                    scope: alternatives.lazy.compactMap { $0["token"]?.first }.first,
                    isOpenToAnonymous: alternatives.contains { $0.isEmpty })
            }
        }.sorted { $0.name < $1.name }
    }
}

@Suite("Service, access to every route", .timeLimit(.minutes(3)))
struct RouteAccessTests {
    /// What browsers load for pages, which the description leaves out.
    private static let assets: Set<String> = ["GET /service.css", "GET /service.js", "GET /icon.svg"]

    @Test("The description has every route, and no other")
    func described() async throws {
        let folder = try TemporaryFolder()
        let ledger = try await Ledger.open(path: folder.path("ledger.db"))
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let pool = try TransferPool(for: [])
        let model = ServiceModel(
            ledger: ledger, entries: [], access: AccessControl(), publicURL: nil)
        let verifications = Verifications(ledger: ledger, pool: pool, evidenceFolder: folder.path, logger: logger)
        let routes = Routes(
            model: model, verifications: verifications,
            events: EventHub(model: model, verifications: verifications, logger: logger), hooks: Hooks([]),
            gate: AccessGate(model: model, sessions: try Sessions(path: folder.path("sessions.json")), logger: logger))
        let methods = routes.built(ListenerAccess(reach: .network, isEncrypted: false)).methods
        var built: Set<String> = []
        for (path, methods) in methods {
            // The files of a verification and a badge are one route each.
            let paths =
                switch path {
                case "/api/v1/verifications/:id/:file":
                    ["report.{format}", "evidence.ndjson"].map { "/api/v1/verifications/{id}/\($0)" }
                case "/badge/:service/:file": ["svg", "json"].map { "/badge/{service}/{environment}.\($0)" }
                default:
                    [
                        path.split(separator: "/", omittingEmptySubsequences: false)
                            .map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : String($0) }.joined(separator: "/")
                    ]
                }
            for method in methods where method != .head {
                built.formUnion(paths.map { "\(method.rawValue) \($0)" })
            }
        }
        #expect(try Operation.all().count > 20)
        let described = Set(try Operation.all().map(\.name))
        #expect(built.subtracting(Self.assets) == described)
        await pool.shutdown()
        try await ledger.close()
    }

    @Test("No route answers a request without a token, or with any wrong kind of token")
    func wrongTokens() async throws {
        let folder = try TemporaryFolder()
        try folder.write("fleet.yaml", "hosts: [{name: a, url: \"http://127.0.0.1:9/buildinfo\"}]\n")
        let service = try await ServedCollector.start(
            fleets: "  - {service: canvas, environment: production, inventory: \(folder.path("fleet.yaml"))}",
            listen: "0.0.0.0:0", in: folder
        ).onLoopback
        let authority = service.authority
        var browser = Browser(service)
        #expect(try browser.signIn(ServedCollector.readToken).status == 303)
        let session = try #require(browser.cookies["__Host-buildinfo_session"])
        let token = ServedCollector.verifyToken
        // None of these is the token of anybody.
        let wrong: [(name: String, headers: [(String, String)])] = [
            ("no token", []),
            ("an unknown token", [("Authorization", "Bearer wrong-token-0123456789abcdef")]),
            ("the beginning of a token", [("Authorization", "Bearer \(token.dropLast())")]),
            ("more than a token", [("Authorization", "Bearer \(token)x")]),
            ("another case", [("Authorization", "Bearer \(token.uppercased())")]),
            ("another scheme", [("Authorization", "Token \(token)")]),
            ("a password", [("Authorization", "Basic \(Data("x:\(token)".utf8).base64EncodedString())")]),
            ("two tokens in a line", [("Authorization", "Bearer \(token) \(token)")]),
            ("two headers", [("Authorization", "Bearer \(token)"), ("Authorization", "Bearer \(token)")]),
            ("an empty token", [("Authorization", "Bearer ")]),
            ("a very long token", [("Authorization", "Bearer \(String(repeating: "x", count: 9_000))")]),
            ("a token as a cookie", [("Cookie", "__Host-buildinfo_session=\(token)")]),
            ("a session's beginning", [("Cookie", "__Host-buildinfo_session=\(session.dropLast())")]),
            ("a session under the name for loopback", [("Cookie", "buildinfo_session=\(session)")]),
            ("a session as a token", [("Authorization", "Bearer \(session)")]),
            ("a token in another header", [("X-Auth-Token", token)]),
        ]
        var number = 0
        for operation in try Operation.all() {
            for (name, headers) in wrong {
                // Each from an address of its own, because of the limit for failures.
                number += 1
                var request = LoopbackRequest(operation.method, authority, operation.path)
                request.headers = headers + [("X-Forwarded-For", "203.0.\(number / 250).\(number % 250 + 1)")]
                let answer = try #require(request.answer(), "\(operation.name), \(name)")
                let place: Testing.Comment = "\(operation.name), \(name): \(answer.status) \(answer.text)"
                if operation.scope != nil {
                    #expect(answer.status == 401, place)
                    #expect(answer.headers["content-type"] == "application/problem+json", place)
                    #expect(answer.headers["www-authenticate"]?.hasPrefix("Bearer") == true, place)
                } else {
                    #expect(answer.status != 401 && answer.status != 403, place)
                }
                #expect(!answer.text.contains(token), place)
            }
            guard let scope = operation.scope else { continue }
            let query = try LoopbackRequest.ask(
                operation.method, authority,
                operation.path + (operation.path.contains("?") ? "&" : "?") + "access_token=\(token)")
            #expect(query.status == 401, "\(operation.name): a token in the address")
            // The right token opens it; one for reading opens what can be read.
            for (given, scopes) in [(token, ["read", "verify"]), (ServedCollector.readToken, ["read"])] {
                let answer = try service.answer(operation.method, operation.path, token: given)
                #expect(
                    scopes.contains(scope) == ![401, 403].contains(answer.status),
                    "\(operation.name) with \(scopes): \(answer.status)")
            }
            // A session of a browser has the scopes of its token, and cannot write without its form's token.
            let visited = try browser.ask(operation.method, operation.path)
            #expect(
                (scope == "read") == ![401, 403].contains(visited.status),
                "\(operation.name) with a session: \(visited.status)")
        }
        #expect(!service.program.error.contains(token) && !service.program.error.contains(session))
    }

    @Test("What anonymous: [read] opens is what the description says, and nothing that writes")
    func anonymous() async throws {
        let folder = try TemporaryFolder()
        try folder.write("fleet.yaml", "hosts: [{name: a, url: \"http://127.0.0.1:9/buildinfo\"}]\n")
        try folder.write(
            "collector.yaml",
            """
            listen: ["0.0.0.0:0"]
            store: \(folder.path("ledger.db"))
            access: {anonymous: [read]}
            fleets:
              - {service: canvas, environment: production, inventory: \(folder.path("fleet.yaml"))}
            """)
        let service = try await ServedCollector.started(in: folder).onLoopback
        for operation in try Operation.all() where operation.scope != nil {
            let answer = try LoopbackRequest.ask(operation.method, service.authority, operation.path)
            #expect(
                operation.isOpenToAnonymous == (answer.status != 401), "\(operation.name): \(answer.status)")
            #expect(operation.method == "GET" || answer.status == 401, "\(operation.name)")
        }
    }
}

extension LoopbackRequest {
    fileprivate static func ask(_ method: String, _ authority: String, _ path: String) throws -> Answer {
        try #require(LoopbackRequest(method, authority, path).answer(), "\(method) \(path)")
    }
}
