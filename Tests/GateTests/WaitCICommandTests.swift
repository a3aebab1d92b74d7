import Shared
import Support
import Testing

@testable import Collector
@testable import Gate

@Suite("wait-ci: exit codes", .timeLimit(.minutes(2)))
struct WaitCICommandTests {
    private static func run(_ fake: FakeForge, _ arguments: String..., token: String? = nil) async throws -> Int32 {
        let folder = try TemporaryFolder()
        let file = try folder.write("token", token ?? FakeForge.token)
        return await Invocation(
            arguments: [
                "wait-ci", "--forge", fake.kind.rawValue, "--forge-url", fake.url, "--repository", "acme/canvas",
                "--forge-token-file", file, "--sha", try #require(FakeForge.sha).hex, "--progress", "none",
                "--interval", "50ms",
            ] + arguments, environment: [:]
        ).run()
    }

    @Test(
        "The exit code follows the state of the context",
        arguments: [("success", Int32(0)), ("failure", 41), ("skipped", 41), ("pending", 41), ("warning", 41)])
    func codes(state: String, code: Int32) async throws {
        let gitea = GiteaAnswers(.init(1, "build (push)", state))
        try await FakeForge.run(.gitea) { request, _ in
            gitea.answer(request)
        } _: { fake async throws in
            let timeout = code == 0 || state == "failure" || state == "skipped" ? "60s" : "8s"
            #expect(try await Self.run(fake, "--context", "build (push)", "--timeout", timeout) == code)
        }
    }

    @Test("A named kill switch that is on refuses before the forge is contacted")
    func killSwitch() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("stop", "on")
        let gitea = GiteaAnswers(.init(1, "build", "success"))
        try await FakeForge.run(.gitea) { request, _ in
            gitea.answer(request)
        } _: { fake async throws in
            #expect(try await Self.run(fake, "--context", "build", "--kill-switch", "file:\(path)") == 41)
            #expect(fake.requests.isEmpty)
            try folder.write("stop", "off")
            #expect(try await Self.run(fake, "--context", "build", "--kill-switch", "file:\(path)") == 0)
        }
    }

    @Test("A forge that refuses is 69, and a usage error is 64")
    func failures() async throws {
        try await FakeForge.run(.github) { _, _ in
            .status(401)
        } _: { fake async throws in
            #expect(try await Self.run(fake, "--context", "build") == 69)
            #expect(try await Self.run(fake) == 64)
            #expect(try await Self.run(fake, "--context", "build", "--timeout", "0s") == 64)
            #expect(try await Self.run(fake, "--context", "build", "--interval", "1ms") == 64)
            #expect(try await Self.run(fake, "--context", "build", "--sha", "c0ffee") == 64)
            #expect(try await Self.run(fake, "--context", "build", "--kill-switch", "gitea-variable:X") == 64)
            #expect(try await Self.run(fake, "--context", "build", token: "two words") == 64)
        }
    }
}
