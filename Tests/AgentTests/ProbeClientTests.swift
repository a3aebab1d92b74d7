import NIOCore
import NIOPosix
import Shared
import Support
import Synchronization
import Testing

@testable import Agent
@testable import AgentCore

/// Probes over real sockets.
@Suite(.timeLimit(.minutes(2))) struct ProbeClientTests {
    private static func client(_ limit: TimeAmount = .seconds(30)) -> ProbeClient {
        ProbeClient(group: MultiThreadedEventLoopGroup.singleton, clock: .system, timeLimit: limit)
    }

    struct Example: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var answer: ScriptedHostAnswer
        var outcome: ProbeResult.Outcome
        var status: Int?
        var gitSHA: Reported<GitSHA>?

        init(
            _ name: String, _ answer: ScriptedHostAnswer, _ outcome: ProbeResult.Outcome, _ status: Int? = nil,
            _ gitSHA: Reported<GitSHA>? = nil
        ) {
            testDescription = name
            self.answer = answer
            self.outcome = outcome
            self.status = status
            self.gitSHA = gitSHA
        }
    }

    private static let sha = GitSHA(contractText: Samples.sha).map(Reported.known)
    private static let other = GitSHA(contractText: Samples.otherSHA).map(Reported.known)
    private static let header = [(name: "Buildinfo-Git-Sha", value: Samples.sha)]
    private static let both = [
        (name: "X-Git-Sha", value: Samples.otherSHA), (name: "buildinfo-git-sha", value: Samples.sha),
    ]

    private static let examples: [Example] = [
        Example("a commit", .json("{\"git_sha\":\"\(Samples.sha)\"}"), .ok, 200, sha),
        Example(
            "upper case and white space", .json("{\"git_sha\":\" \(Samples.sha.uppercased())\\n\"}"), .ok, 200, sha),
        Example(
            "an agent's own document",
            .json("{\"schema\":1,\"service\":\"x\",\"git_sha\":\"\(Samples.sha)\",\"instances\":[]}"), .ok, 200, sha),
        Example("no commit", .json("{\"git_sha\":null}"), .ok, 200, .absent),
        Example("dev", .json("{\"git_sha\":\"dev\"}"), .ok, 200, .unusable("dev")),
        Example("a shortened commit", .json("{\"git_sha\":\"a1a1a1a\"}"), .ok, 200, .unusable("a1a1a1a")),
        Example("text that reorders", .json("{\"git_sha\":\"\u{202E}x\"}"), .ok, 200, .unusable("\\u{202e}x")),
        Example(
            "long text", .json("{\"git_sha\":\"\(String(repeating: "x", count: 500))\"}"), .ok, 200,
            .unusable(String(repeating: "x", count: 127) + "…")),
        Example(
            "the body before the header", .json("{\"git_sha\":\"\(Samples.otherSHA)\"}", headers: header), .ok, 200,
            other),
        Example("the header where the body has none", .json("{\"git_sha\":null}", headers: header), .ok, 200, sha),
        Example(
            "the header beside a page", .answer(status: 200, headers: header, body: Array("<html>".utf8)), .ok, 200, sha
        ),
        Example("the header without a body", .answer(status: 204, headers: header, body: []), .ok, 204, sha),
        Example("two headers", .answer(status: 200, headers: both, body: []), .ok, 200, sha),
        Example("204 alone", .answer(status: 204, headers: [], body: []), .httpStatus, 204),
        Example(
            "a commit with 201",
            .answer(status: 201, headers: [], body: Array("{\"git_sha\":\"\(Samples.sha)\"}".utf8)), .httpStatus, 201),
        Example("a page", .status(200, "<html>"), .notBuildinfo, 200),
        Example("nothing", .status(200), .notBuildinfo, 200),
        Example("other JSON", .json("{\"sha\":\"x\"}"), .notBuildinfo, 200),
        Example("a number", .json("{\"git_sha\":7}"), .notBuildinfo, 200),
        Example("broken JSON", .json("{\"git_sha\":\"x\""), .notBuildinfo, 200),
        Example(
            "an error with a commit",
            .answer(status: 500, headers: header, body: Array("{\"git_sha\":\"\(Samples.sha)\"}".utf8)), .httpStatus,
            500),
        Example("not found", .status(404), .httpStatus, 404),
        Example("a redirect", .redirect(to: "http://127.0.0.1:1/"), .httpStatus, 302),
        Example(
            "a commit with too much around it",
            .json("{\"git_sha\":\"\(Samples.sha)\",\"rest\":\"\(String(repeating: "x", count: 66_000))\"}"), .tooLarge),
        Example("a flood", .flood(chunked: true), .tooLarge),
        Example("a flood without length", .flood(chunked: false), .tooLarge),
        Example("headers without end", .floodHeaders, .tooLarge),
        Example("a header without end", .endlessHeaderLine, .tooLarge),
        Example("not HTTP", .garbage, .other),
        Example("closed at once", .close, .other),
        Example("reset", .reset, .other),
        Example("cut short", .closeEarly(status: 200, body: Array("{".utf8), missing: 9), .other),
    ]

    @Test("Every answer of a service has an outcome, on one connection", arguments: examples)
    func answers(example: Example) async throws {
        let host = try await ScriptedHost.start { _ in example.answer }
        let url = try ProbeURL(parsing: "http://127.0.0.1:\(host.port)/api/buildinfo")
        let reading = await Self.client().ask(url)
        #expect(reading.answer.outcome == example.outcome, "\(reading)")
        #expect(reading.answer.status == example.status)
        #expect(reading.answer.gitSHA == example.gitSHA)
        #expect((reading.problem == nil) == (example.outcome == .ok))
        #expect(reading.answer.latencySeconds == nil)
        #expect(host.accepted == 1)
        await host.stop()
    }

    @Test(
        "A service that hangs or sends slowly is abandoned in time",
        arguments: [ScriptedHostAnswer.hang, .drip(body: Array(repeating: 32, count: 9_999))])
    func late(answer: ScriptedHostAnswer) async throws {
        let host = try await ScriptedHost.start { _ in answer }
        let url = try ProbeURL(parsing: "http://127.0.0.1:\(host.port)/")
        let reading = await Self.client(.milliseconds(300)).ask(url)
        #expect(reading.answer.outcome == .timeout)
        #expect(reading.latency >= .milliseconds(300))
        try await eventually("the connection is closed") { host.open == 0 }
        await host.stop()
    }

    @Test("A port without a listener and a missing socket are refused")
    func refused() async throws {
        let host = try await ScriptedHost.start { _ in .close }
        await host.stop()
        for text in ["http://127.0.0.1:\(host.port)/", "unix:/nowhere/x.sock:/"] {
            let reading = await Self.client().ask(try ProbeURL(parsing: text))
            #expect(reading.answer.outcome == .refused)
            #expect(reading.answer.url == text)
        }
    }

    @Test("A unix socket gets a request with the path and the user agent")
    func unixSocket() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(
            socketPath: folder.file("s.sock"),
            script: {
                var script = FakeEngineScript(.classic)
                script.overrides["/_ping"] = .json("{\"git_sha\":\"\(Samples.sha)\"}")
                return script
            }())
        try await engine.start()
        let reading = await Self.client().ask(try ProbeURL(parsing: "unix:\(folder.file("s.sock")):/_ping"))
        #expect(reading.answer.gitSHA == Self.sha)
        #expect(engine.requests == ["GET /_ping"])
        try await engine.stop()
    }
}
