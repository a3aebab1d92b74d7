import Support
import Synchronization
import Testing

@testable import Collector

@Suite("Gate, CI: whatever a forge does, it ends with its code and a reason, and in time", .timeLimit(.minutes(2)))
struct LyingForgeTests {
    /// A way to lie, and what must be said of it.
    struct Lie: Sendable, CustomTestStringConvertible {
        var name: String
        var exitCode: Int32
        var reason: String
        var answer: ScriptedHostAnswer

        var testDescription: String { name }
    }

    private static func page(_ status: Int, _ type: String, _ body: String, _ more: [(String, String)] = [])
        -> ScriptedHostAnswer
    {
        .answer(
            status: status, headers: [("Content-Type", type)] + more.map { (name: $0.0, value: $0.1) },
            body: Array(body.utf8))
    }

    static let lies: [Lie] = [
        .init(name: "HTML with 200", exitCode: 69, reason: "instead of JSON", answer: page(200, "text/html", "[]")),
        .init(
            name: "JSON without its type", exitCode: 69, reason: "no content type",
            answer: .answer(status: 200, headers: [], body: Array("[]".utf8))),
        .init(name: "broken JSON", exitCode: 69, reason: "not the JSON", answer: .json("[{")),
        .init(name: "JSON of another shape", exitCode: 69, reason: "not the JSON", answer: .json(#"{"ok":true}"#)),
        .init(
            name: "a row without an id", exitCode: 69, reason: "not the JSON", answer: .json(#"[{"context":"build"}]"#)),
        .init(name: "null", exitCode: 69, reason: "not the JSON", answer: .json("null")),
        .init(
            name: "deep nesting", exitCode: 69, reason: "not the JSON",
            answer: .json(String(repeating: "[", count: 100_000))),
        .init(name: "a body without end", exitCode: 69, reason: "too large", answer: .flood(chunked: false)),
        .init(name: "headers without end", exitCode: 69, reason: "too large", answer: .floodHeaders),
        .init(name: "no HTTP", exitCode: 69, reason: "no answer", answer: .garbage),
        .init(name: "a reset", exitCode: 69, reason: "no answer", answer: .reset),
        .init(name: "silence", exitCode: 69, reason: "no answer", answer: .hang),
        .init(
            name: "a slow drip", exitCode: 69, reason: "no answer",
            answer: .drip(body: Array(repeating: 0x20, count: 9_000))),
        .init(name: "502", exitCode: 69, reason: ": 502", answer: page(502, "text/html", "<html>")),
        .init(name: "204", exitCode: 69, reason: "unexpected status 204", answer: .status(204)),
        .init(
            name: "401", exitCode: 69, reason: "the token is not accepted", answer: page(401, "application/json", "{}")),
        .init(name: "403", exitCode: 69, reason: "the token may not read", answer: page(403, "application/json", "{}")),
        .init(name: "404", exitCode: 69, reason: "check --repository", answer: page(404, "application/json", "{}")),
        .init(
            name: "404 of something else", exitCode: 69, reason: "does not speak the API",
            answer: page(404, "text/html", "<html>")),
        .init(
            name: "429 for an hour", exitCode: 69, reason: "a pause of 1h 0m",
            answer: page(429, "application/json", "{}", [("Retry-After", "3600")])),
        .init(
            name: "403 for the rate", exitCode: 69, reason: "asks for a pause",
            answer: page(403, "application/json", #"{"message":"API rate limit exceeded"}"#)),
    ]

    @Test("A forge that lies, in each way, both kinds", arguments: lies, ForgeKind.allCases)
    func lying(lie: Lie, kind: ForgeKind) async throws {
        // Where it is repeated until the deadline, that is short; what ends at once would need all of a long one.
        let isFinal = ["401", "403", "404", "429 for an hour"].contains(lie.name)
        let timeout = Duration.milliseconds(isFinal ? 60_000 : 1_500)
        let start = ContinuousClock.now
        try await FakeForge.run(kind) { _, _ in
            lie.answer
        } _: { fake async throws in
            let result = try await fake.wait("build", timeout: timeout)
            #expect(result.exitCode == lie.exitCode)
            #expect(result.readings == 0)
            #expect(result.contexts.map(\.state) == ["unread"])
            #expect(result.reason.contains(lie.reason) || result.reason.contains("no time left"), "\(result.reason)")
            #expect(!result.reason.contains(FakeForge.token))
        }
        // Generous: it ends what would never end.
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test(
        "A redirect to another host is not followed, and no credential leaves for it", arguments: [301, 302, 307, 308])
    func redirect(status: Int) async throws {
        let other = try await ScriptedHost.start { _ in .json("[]") }
        let goal = other.url(host: 5, "/steal?token=x")
        try await FakeForge.run(.gitea) { _, _ in
            .answer(status: status, headers: [("Location", goal)], body: [])
        } _: { fake async throws in
            let result = try await fake.wait("build", timeout: .milliseconds(400))
            #expect(result.exitCode == 69)
            #expect(result.reason.contains("a redirect to http://127.0.0.6:\(other.port)/steal"))
            #expect(!result.reason.contains("token=x"))
            #expect(fake.requests.count >= 1)
            let forge = try fake.forge()
            await #expect(throws: ForgeError.self) { try await forge.head(of: "main", before: .amply) }
            await #expect(throws: ForgeError.self) {
                try await forge.variable("X", of: .repository, before: .amply)
            }
        }
        #expect(other.accepted == 0)
        await other.stop()
    }

    @Test("502, 503, 504 and a broken connection are tried again, and then it is fine", arguments: ForgeKind.allCases)
    func transient(kind: ForgeKind) async throws {
        let gitea = GiteaAnswers(.init(1, "build", "success"))
        let github = GitHubAnswers(runs: [.init(1, "build", "success")])
        let failures: [ScriptedHostAnswer] = [.status(502), .status(503), .status(504), .reset, .json("[")]
        let told = Mutex<[String]>([])
        try await FakeForge.run(kind) { request, number in
            if number <= failures.count { return failures[number - 1] }
            return kind == .gitea ? gitea.answer(request) : github.answer(request)
        } _: { fake async throws in
            let result = try await fake.wait("build") { event in
                if case .failed(_, let error, _) = event { told.withLock { $0.append(error.description) } }
            }
            #expect(result.verdict == "green", "\(result.reason)")
            #expect(result.failures == failures.count)
            #expect(result.readings == 1)
        }
        // A reset may be answered for by the connection's next request.
        #expect(told.withLock(\.count) == failures.count)
    }

    @Test("A short pause that the forge asks for is kept")
    func pause() async throws {
        let gitea = GiteaAnswers(.init(1, "build", "success"))
        try await FakeForge.run(.gitea) { request, number in
            number == 1 ? Self.page(429, "application/json", "{}", [("Retry-After", "1")]) : gitea.answer(request)
        } _: { fake async throws in
            let result = try await fake.wait("build")
            #expect(result.verdict == "green")
            #expect(result.seconds >= 1)
        }
    }

    @Test("A task that is cancelled ends at once, whatever the forge does")
    func cancelled() async throws {
        try await FakeForge.run(.gitea) { _, _ in
            .hang
        } _: { fake async throws in
            let gate = CIGate(
                forge: try fake.forge(), sha: try #require(FakeForge.sha), contexts: ["build"], timeout: .seconds(600))
            let waiting = Task { await gate.wait() }
            await fake.host.reached { $0.requests == 1 }
            waiting.cancel()
            let result = await waiting.value
            #expect(result.verdict == "interrupted")
            #expect(result.exitCode == 130)
        }
    }

    @Test("Without a token nothing is sent in its place, and a refusal says that one is needed")
    func noToken() async throws {
        try await FakeForge.run(.gitea) { _, _ in
            Self.page(401, "application/json", "{}")
        } _: { fake async throws in
            let forge = try fake.forge(token: nil)
            let error = await #expect(throws: ForgeError.self) { try await forge.head(of: "main", before: .amply) }
            #expect(error?.description.contains("a token is needed") == true)
            #expect(fake.requests.allSatisfy { $0.header("authorization") == nil })
        }
    }

    @Test("A dump of a client shows no token")
    func dump() async throws {
        try await FakeForge.run(.gitea) { _, _ in
            .hang
        } _: { fake async throws in
            let forge = try fake.forge()
            var text = "\(forge) \(String(reflecting: forge))"
            Swift.dump(forge, to: &text)
            #expect(!text.contains(FakeForge.token))
        }
    }
}
