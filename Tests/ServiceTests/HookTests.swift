import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("Service, hooks", .timeLimit(.minutes(3)))
struct HookTests {
    private static let hookToken = "hook-token-0123456789abcdef"
    private static let secret = "s3cret-of-the-forge-01"
    private static let body = #"{"action":"published"}"#
    private static let signature = "sha256=b3c615c9c1480a43880e43755c7837cdc459f4e69c702f5d046b09154d69b3cb"

    /// A service with a hook of each way in, whose tag is in a registry that never answers.
    private static func start(
        image: String, interval: String = "1h", listen: String = "127.0.0.1:0", in folder: TemporaryFolder
    ) async throws -> ServedCollector {
        try folder.write("hook.token", hookToken + "\n")
        try folder.write("forge.secret", secret + "\n")
        let hosts = try await FileFleet.start(1, in: folder)
        return try await ServedCollector.start(
            fleets: hosts.entry(interval: "500ms") + """

                    image: \(image)
                    check_image: {interval: \(interval)}
                """,
            more: """
                    - {file: \(folder.path("hook.token")), scopes: [hook]}
                hooks:
                  - {name: registry, kind: distribution}
                  - {name: forge, kind: github, secret_file: \(folder.path("forge.secret")), fleets: [canvas/production]}
                """, listen: listen, in: folder)
    }

    private static func reads(_ service: ServedCollector) throws -> Int {
        let line = try metric(service, #"buildinfo_tag_reads_total{service="canvas",environment="production"}"#)
        return try #require(line)
    }

    private static func metric(_ service: ServedCollector, _ name: String) throws -> Int? {
        try service.answer("GET", "/metrics").text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            .flatMap { Int($0.dropFirst(name.count + 1)) }
    }

    @Test("A push is noticed by the registry's own notification long before the next poll, and a pull causes no read")
    func push() async throws {
        let folder = try TemporaryFolder()
        // Below the ports that the system gives to connections.
        let port = Int.random(in: 10_000..<20_000)
        let registry = try await LocalRegistry.start(
            notifying: .init(url: "http://127.0.0.1:\(port)/api/v1/hooks/registry", token: Self.hookToken))
        try registry.push(TagCheckTests.promoted, to: "canvas", tag: "latest")
        let service = try await Self.start(
            image: "\(registry.authority)/canvas:latest", listen: "127.0.0.1:\(port)", in: folder)
        func digest() throws -> String? {
            (try TagCheckTests.tag(service)["build"] as? [String: Any])?["digest"] as? String
        }
        try await eventually("the tag is read") { try digest() == "\(TagCheckTests.promoted.digest)" }
        // Until the notices of what was pushed before have arrived.
        try await Task.sleep(for: .seconds(5))
        try registry.push(TagCheckTests.stranger, to: "canvas", tag: "latest")
        try await eventually("the push is noticed", within: .seconds(20)) {
            try digest() == "\(TagCheckTests.stranger.digest)"
        }
        // Its own reads are pulls, of which the registry sends notices.
        try await eventually("notices of pulls arrive", within: .seconds(20)) {
            try Self.metric(service, #"buildinfo_hooks_total{hook="registry",outcome="ignored"}"#) ?? 0 > 0
        }
        try await Task.sleep(for: .seconds(3))
        let before = try Self.reads(service)
        try await Task.sleep(for: .seconds(7))
        #expect(try Self.reads(service) == before, "a read causes no other read")
    }

    @Test("A notice is answered while the registry is silent")
    func silence() async throws {
        let folder = try TemporaryFolder()
        let registry = try #require(ScriptedHostDeafPort(.full))
        let service = try await Self.start(image: "127.0.0.1:\(registry.port)/canvas:latest", in: folder)
        let answer = try service.answer("POST", "/api/v1/hooks/registry", token: Self.hookToken)
        #expect(answer.status == 202, "\(answer.text)")
        #expect(try ServedCollector.object(answer)["accepted"] as? Bool == true)
        #expect(try TagCheckTests.tag(service)["drift"] as? String == "unknown")
        withExtendedLifetime(registry) {}
    }

    @Test("A hundred notices cause few reads, and the last one causes a read that begins after it")
    func flood() async throws {
        let folder = try TemporaryFolder()
        let registry = try await LocalRegistry.start()
        try registry.push(TagCheckTests.promoted, to: "canvas", tag: "latest")
        let service = try await Self.start(image: "\(registry.authority)/canvas:latest", in: folder)
        try await eventually("the tag is read") { try TagCheckTests.tag(service)["as_of"] is String }
        let before = try Self.reads(service)
        for _ in 1...100 {
            let answer = try service.answer("POST", "/api/v1/hooks/registry", token: Self.hookToken)
            #expect(answer.status == 202, "\(answer.text)")
        }
        try registry.push(TagCheckTests.stranger, to: "canvas", tag: "latest")
        #expect(try service.answer("POST", "/api/v1/hooks/registry", token: Self.hookToken).status == 202)
        try await eventually("the last notice was heard", within: .seconds(20)) {
            (try TagCheckTests.tag(service)["build"] as? [String: Any])?["digest"] as? String
                == "\(TagCheckTests.stranger.digest)"
        }
        #expect(try Self.reads(service) - before <= 10)
    }

    @Test(
        "A notice needs the sender's signature over its bytes or a token with the scope hook, and learns no names without"
    )
    func access() async throws {
        let folder = try TemporaryFolder()
        let service = try await Self.start(image: "127.0.0.1:9/canvas:latest", in: folder)
        func post(
            _ name: String, token: String? = nil, signature: String? = nil, body: String = Self.body
        ) throws -> LoopbackRequest.Answer {
            try service.answer(
                "POST", "/api/v1/hooks/\(name)", token: token,
                headers: signature.map { [("X-Hub-Signature-256", $0)] } ?? [], body: body)
        }
        #expect(try post("forge", signature: Self.signature).status == 202)
        #expect(try post("forge", signature: Self.signature).status == 202, "a replay is harmless")
        #expect(try post("forge", token: Self.hookToken).status == 202)
        #expect(try post("registry", token: Self.hookToken, body: "").status == 202)
        #expect(try post("registry", token: Self.hookToken, body: "not JSON").status == 202)
        #expect(try post("forge", signature: Self.signature, body: "{}").status == 401)
        #expect(try post("registry", signature: Self.signature).status == 401, "a signature is for one hook")
        #expect(try post("forge", token: ServedCollector.readToken).status == 403)
        #expect(try post("forge", token: ServedCollector.verifyToken).status == 403)
        #expect(try post("forge", token: "another-token-0123456789").status == 401)
        #expect(try service.answer("GET", "/api/v1/fleets", token: Self.hookToken).status == 403)
        #expect(try service.answer("GET", "/api/v1/hooks/forge").status == 405)
        let known = try post("forge")
        let unknown = try post("nothing")
        #expect(known.status == 401 && unknown.status == 401)
        #expect(known.text == unknown.text)
        #expect(try post("nothing", signature: Self.signature).text == unknown.text)
        #expect(try post("nothing", token: ServedCollector.readToken).status == 403)
        #expect(try post("nothing", token: Self.hookToken).status == 404)
        let large = String(repeating: "x", count: 1 << 20)
        #expect(try post("registry", token: Self.hookToken, body: large).status == 202)
        #expect(try post("registry", token: Self.hookToken, body: large + "x").status == 413)
        let outcomes = try service.answer("GET", "/metrics").text
        #expect(outcomes.contains(#"buildinfo_hooks_total{hook="forge",outcome="refused"}"#), "\(outcomes)")
        #expect(!service.program.error.contains(Self.hookToken) && !service.program.error.contains(Self.secret))
    }
}
