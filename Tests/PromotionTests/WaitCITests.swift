import Foundation
import Glibc
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures

@Suite("End to end, wait-ci", .timeLimit(.minutes(5)))
struct WaitCITests {
    /// The documented JSON, decoded independently of the collector's types.
    private struct Result: Decodable {
        struct Context: Decodable {
            var name: String
            var state: String
            var id: Int64?
            var source: String?
            var firstSeen: String?
            var lastSeen: String?
            var url: String?
        }

        var schema: Int
        var sha: String
        var verdict: String
        var exitCode: Int32
        var reason: String
        var seconds: Double
        var contexts: [Context]
    }

    private static let token = "s3cret-of-the-forge"

    /// A Gitea whose only status has the state that the closure returns.
    private static func gitea(_ state: @escaping @Sendable () -> String) async throws -> ScriptedHost {
        try await ScriptedHost.start { request in
            guard request.header("authorization") == "Bearer \(token)" else { return .status(401) }
            let row =
                #"{"id":7,"status":"\#(state())","context":"CI / build (push)","#
                + #""target_url":"/acme/canvas/actions/runs/1?token=x"}"#
            let rows = request.query("page") == "1" ? "[\(row)]" : "[]"
            return .json(request.path.hasSuffix("/status") ? #"{"statuses":\#(rows)}"# : rows)
        }
    }

    private static func start(_ host: ScriptedHost, _ more: [String] = []) throws -> RunningProgram {
        try Program.collector().start(
            ["wait-ci", "--context", "CI / build (push)", "--interval", "100ms", "--json"] + more,
            environment: [
                "GITEA_ACTIONS": "true", "GITHUB_SERVER_URL": host.url(host: 0, ""), "GITHUB_TOKEN": token,
                "GITHUB_REPOSITORY": "acme/canvas", "GITHUB_SHA": Commit.new,
                // The proxy must not be used for loopback.
                "http_proxy": "http://127.0.0.1:1",
            ])
    }

    private static func result(_ outcome: RunningProgram.Outcome) throws -> Result {
        #expect(!(outcome.output + outcome.error).contains(token))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let result = try decoder.decode(Result.self, from: Data(outcome.output.utf8))
        #expect(result.exitCode == outcome.exitCode)
        #expect(result.schema == 1)
        #expect(result.sha == Commit.new)
        return result
    }

    @Test("wait-ci on a runner: the log shows the changes, and standard output the result")
    func green() async throws {
        let state = Mutex("pending")
        let host = try await Self.gitea { state.withLock(\.self) }
        let running = try Self.start(host)
        try await eventually("it says pending", detail: { running.error }) {
            running.exitCode != nil || running.error.contains("CI / build (push): pending (#7")
        }
        await host.reached { $0.requests > 12 }
        state.withLock { $0 = "success" }
        let outcome = try await running.wait()
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        let result = try Self.result(outcome)
        #expect(result.verdict == "green")
        let context = try #require(result.contexts.first)
        #expect(context.id == 7)
        #expect(context.url == host.url(host: 0, "/acme/canvas/actions/runs/1"))
        #expect(context.firstSeen != nil && context.lastSeen != nil)
        // One line per state and one for the end. The two views may have been read before and after a change.
        let lines = outcome.error.split(separator: "\n").filter { !$0.contains("unsettled") && !$0.hasPrefix("::") }
        #expect(lines.count == 3, "\(outcome.error)")
        #expect(WorkflowRunner.commands(in: outcome.error).map(\.name) == ["notice"], "\(outcome.error)")
        await host.stop()
    }

    @Test("A failed context ends wait-ci at once, with 41 and the context's name")
    func failure() async throws {
        let host = try await Self.gitea { "failure" }
        let outcome = try await Self.start(host).wait()
        #expect(outcome.exitCode == 41)
        #expect(try Self.result(outcome).verdict == "failed")
        #expect(outcome.error.contains("buildinfo-collector: CI of commit"))
        #expect(outcome.error.contains("CI / build (push): failure (#7"))
        await host.stop()
    }

    @Test(
        "A signal ends wait-ci with the state so far, and never as green",
        arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func interrupted(signal: Int32, code: Int32) async throws {
        let host = try await Self.gitea { "pending" }
        let running = try Self.start(host, ["--interval", "50s"])
        try await eventually("it says pending", detail: { running.error }) {
            running.exitCode != nil || running.error.contains("pending (#7")
        }
        running.signal(signal)
        let outcome = try await running.wait()
        #expect(outcome.exitCode == code, "\(outcome.error)")
        let result = try Self.result(outcome)
        #expect(result.verdict == "interrupted")
        #expect(result.contexts.first?.state == "pending")
        await host.stop()
    }

    @Test("A signal ends wait-ci while the forge is silent")
    func interruptedInSilence() async throws {
        let host = try await ScriptedHost.start { _ in .hang }
        let running = try Self.start(host)
        await host.reached { $0.requests == 1 }
        running.signal(SIGTERM)
        let outcome = try await running.wait()
        #expect(outcome.exitCode == 143, "\(outcome.error)")
        #expect(try Self.result(outcome).contexts.first?.state == "unread")
        await host.stop()
    }

    @Test("The runner's token is not sent to another host")
    func foreignToken() async throws {
        let host = try await Self.gitea { "success" }
        let outcome = try await Self.start(host, ["--forge-url", host.url(host: 8, "")]).wait()
        #expect(outcome.exitCode == 64)
        #expect(outcome.error.contains("is not sent there"))
        #expect(host.accepted == 0)
        await host.stop()
    }

    @Test("Field 23: output that does not fit on a full disk is a failure, except for help")
    func fullDisk() async throws {
        let host = try await Self.gitea { "success" }
        let folder = try TemporaryFolder()
        let bash = try Program.installed("bash", remedy: "apt-get install bash")
        let collector = try Program.collector().path
        let environment = [
            "GITEA_ACTIONS": "true", "GITHUB_SERVER_URL": host.url(host: 0, ""), "GITHUB_TOKEN": Self.token,
            "GITHUB_REPOSITORY": "acme/canvas", "GITHUB_SHA": Commit.new, "HOME": folder.path,
        ]
        let hosts = try await ScriptedHost.start { _ in .json(#"{"git_sha":"\#(Commit.new)"}"#) }
        let cases: [(arguments: String, code: Int32)] = [
            ("wait-ci --context 'CI / build (push)' --json", 69),
            ("status --service canvas --host '\(hosts.url())' --sha \(Commit.new) --store none", 69),
            ("--help", 0), ("--version", 0),
        ]
        for (arguments, code) in cases {
            let outcome = try await bash.run(
                ["-c", "'\(collector)' \(arguments) > /dev/full"], environment: environment)
            #expect(outcome.exitCode == code, "\(arguments): \(outcome.error)")
            #expect(
                (code == 0) || outcome.error.contains("could not write to standard output (No space left on device)"))
        }
        await host.stop()
        await hosts.stop()
    }

    @Test("The log lists every reporter of a context")
    func reporters() async throws {
        let host = try await Self.gitea { "success" }
        let outcome = try await Program.collector().run(
            [
                "wait-ci", "--context", "CI / build (push)", "--forge", "gitea", "--forge-url", host.url(host: 0, ""),
                "--repository", "acme/canvas", "--sha", Commit.new,
            ],
            environment: ["GITEA_TOKEN": Self.token])
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(outcome.output.isEmpty)
        #expect(
            outcome.error.contains(
                "CI / build (push): success, CI on push, run 1, status, \(host.url(host: 0, ""))/acme"),
            "\(outcome.error)")
        await host.stop()
    }
}
