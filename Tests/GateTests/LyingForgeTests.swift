import Support
import Synchronization
import Testing

@testable import Gate

@Suite("Gate, CI: false and broken responses of forges", .timeLimit(.minutes(2)))
struct LyingForgeTests {
    /// A false response, and the expected reason.
    struct Lie: Sendable, CustomTestStringConvertible {
        var name: String
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
        .init(name: "HTML with 200", reason: "instead of JSON", answer: page(200, "text/html", "[]")),
        .init(
            name: "JSON without its type", reason: "no content type",
            answer: .answer(status: 200, headers: [], body: Array("[]".utf8))),
        .init(name: "broken JSON", reason: "not the JSON", answer: .json("[{")),
        .init(name: "JSON of another shape", reason: "not the JSON", answer: .json(#"{"ok":true}"#)),
        .init(
            name: "a row without an id", reason: "not the JSON", answer: .json(#"[{"context":"build"}]"#)),
        .init(name: "null", reason: "not the JSON", answer: .json("null")),
        .init(
            name: "deep nesting", reason: "not the JSON",
            answer: .json(String(repeating: "[", count: 100_000))),
        .init(name: "a body without end", reason: "too large", answer: .flood(chunked: false)),
        .init(name: "headers without end", reason: "too large", answer: .floodHeaders),
        .init(name: "no HTTP", reason: "no response", answer: .garbage),
        .init(name: "a reset", reason: "no response", answer: .reset),
        .init(name: "silence", reason: "no response", answer: .hang),
        .init(
            name: "a slow drip", reason: "no response",
            answer: .drip(body: Array(repeating: 0x20, count: 9_000))),
        .init(name: "502", reason: ": 502", answer: page(502, "text/html", "<html>")),
        .init(name: "204", reason: "unexpected status 204", answer: .status(204)),
        .init(
            name: "401", reason: "the token is not accepted", answer: page(401, "application/json", "{}")),
        .init(name: "403", reason: "the token has no read access", answer: page(403, "application/json", "{}")),
        .init(name: "404", reason: "check --repository", answer: page(404, "application/json", "{}")),
        .init(
            name: "404 of something else", reason: "without the forge's API",
            answer: page(404, "text/html", "<html>")),
        .init(
            name: "429 for an hour", reason: "retry after 1h 0m",
            answer: page(429, "application/json", "{}", [("Retry-After", "3600")])),
        .init(
            name: "403 for the rate", reason: "rate limited",
            answer: page(403, "application/json", #"{"message":"API rate limit exceeded"}"#)),
    ]

    /// Responses that end the wait at once.
    private static let final = ["401", "403", "404", "429 for an hour"]

    @Test(
        "A forge that lies, in each way, both kinds: nothing is read, and what is wrong is said", arguments: lies,
        ForgeKind.allCases)
    func lying(lie: Lie, kind: ForgeKind) async throws {
        // Only silence and slow responses need a time limit to fail.
        let isSilent = ["silence", "a slow drip"].contains(lie.name)
        try await FakeForge.run(kind) { _, _ in
            lie.answer
        } _: { fake async throws in
            let wait = try await fake.watch("build", requestTimeout: .seconds(isSilent ? 1 : 20)) { $0.failures == 1 }
            #expect(wait.readings == 0)
            #expect(!wait.tracks[0].isKnown)
            let said = wait.lastError?.description ?? ""
            #expect(said.contains(lie.reason), "\(said)")
            #expect(!said.contains(FakeForge.token))
            guard Self.final.contains(lie.name) else {
                #expect(wait.verdict == nil)
                return
            }
            #expect(wait.verdict?.exitCode == 69)
            #expect(wait.summary.contains(lie.reason))
        }
    }

    @Test("A failure that lasts until the deadline ends with 69 and its reason", arguments: lies, ForgeKind.allCases)
    func untilDeadline(lie: Lie, kind: ForgeKind) async throws {
        let start = ContinuousClock.now
        let isFinal = Self.final.contains(lie.name)
        try await FakeForge.run(kind) { _, _ in
            lie.answer
        } _: { fake async throws in
            let result = try await fake.wait("build", timeout: .seconds(isFinal ? 600 : 2))
            #expect(result.exitCode == 69)
            #expect(result.readings == 0)
            #expect(result.contexts.map(\.state) == ["unread"])
            #expect(!result.reason.contains(FakeForge.token))
        }
        // Generous: it only ends an endless wait.
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test(
        "A redirect to another host is not followed, and no credential leaves for it", arguments: [301, 302, 307, 308])
    func redirect(status: Int) async throws {
        let other = try await ScriptedHost.start { _ in .json("[]") }
        let goal = other.url(host: 5, "/steal?token=x")
        try await FakeForge.run(.gitea) { _, _ in
            .answer(status: status, headers: [("Location", goal)], body: [])
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.failures == 1 }
            #expect(wait.readings == 0)
            let said = wait.lastError?.description ?? ""
            #expect(said.contains("a redirect to http://127.0.0.6:\(other.port)/steal"), "\(said)")
            #expect(!said.contains("token=x"))
            let forge = try fake.forge()
            await #expect(throws: ForgeError.self) { try await forge.head(of: "main", before: .amply) }
            await #expect(throws: ForgeError.self) {
                try await forge.variable("X", of: .repository, before: .amply)
            }
        }
        #expect(other.accepted == 0)
        await other.stop()
    }

    @Test("502, 503, 504 and broken connections are retried", arguments: ForgeKind.allCases)
    func transient(kind: ForgeKind) async throws {
        let gitea = GiteaAnswers(.init(1, "build", "success"))
        let github = GitHubAnswers(runs: [.init(1, "build", "success")])
        let failures: [ScriptedHostAnswer] = [.status(502), .status(503), .status(504), .reset, .json("[")]
        let reported = Mutex<[String]>([])
        try await FakeForge.run(kind) { request, number in
            if number <= failures.count { return failures[number - 1] }
            return kind == .gitea ? gitea.answer(request) : github.answer(request)
        } _: { fake async throws in
            let result = try await fake.wait("build") { event in
                if case .failed(_, let error, _) = event { reported.withLock { $0.append(error.description) } }
            }
            #expect(result.verdict == "green", "\(result.reason)")
            // libcurl itself repeats the request if a kept connection is reset.
            #expect(result.failures >= failures.count - 1)
            #expect(result.readings == 1)
        }
        #expect(
            reported.withLock { reported in
                [502, 503, 504].allSatisfy { code in reported.contains { $0.hasSuffix(": \(code)") } }
            }
        )
    }

    @Test("A short pause requested by the forge is kept")
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

    @Test("A cancelled task ends at once, whatever the forge does")
    func cancelled() async throws {
        try await FakeForge.run(.gitea) { _, _ in
            .hang
        } _: { fake async throws in
            let gate = CIWaiter(
                forge: try fake.forge(), sha: try #require(FakeForge.sha), contexts: ["build"], timeout: .seconds(600))
            let waiting = Task { await gate.wait() }
            await fake.host.reached { $0.requests == 1 }
            waiting.cancel()
            let result = await waiting.value
            #expect(result.verdict == "interrupted")
            #expect(result.exitCode == 130)
        }
    }

    @Test("Without a token none is sent, and a refusal asks for one")
    func noToken() async throws {
        try await FakeForge.run(.gitea) { _, _ in
            Self.page(401, "application/json", "{}")
        } _: { fake async throws in
            let forge = try fake.forge(token: nil)
            let error = await #expect(throws: ForgeError.self) { try await forge.head(of: "main", before: .amply) }
            #expect(error?.description.contains("a token is required") == true)
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
