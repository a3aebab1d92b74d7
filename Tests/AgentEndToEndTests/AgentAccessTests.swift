import Foundation
import Glibc
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures

@Suite("End to end: authentication", .timeLimit(.minutes(5)))
struct AgentAccessTests {
    private static let token = "correct-horse-battery-staple"
    private static let wrong = "incorrect-horse-battery"

    /// A folder with a build, tokens that only their owner can read, and certificates.
    private struct SharedEnvironment {
        let certificates: TestCertificates

        init() async throws {
            certificates = try await TestCertificates()
            try await certificates.issue("server", alternatives: "IP:127.0.0.1")
            try await certificates.issue("client", alternatives: "DNS:collector.internal")
            try secret("token", AgentAccessTests.token)
            try secret("wrong", AgentAccessTests.wrong)
            try certificates.folder.write("build", Commit.new)
        }

        func path(_ name: String) -> String { certificates.path(name) }

        func secret(_ name: String, _ text: String) throws {
            try certificates.folder.write(name, text + "\n")
            try #require(chmod(path(name), 0o600) == 0)
        }

        /// An agent that speaks TLS, and asks for more.
        func agent(_ arguments: [String] = [], isSecured: Bool = true) async throws -> HostAgent {
            try await HostAgent.start(
                "host-1", selector: "file:\(path("build"))",
                arguments: (isSecured
                    ? ["--tls-certificate", path("server.pem"), "--tls-key", path("server.key")] : [])
                    + arguments + ["--log-level", "trace"])
        }

        func curl(_ url: String, _ arguments: [String] = []) async throws -> RunningProgram.Outcome {
            try await Program.installed("curl", remedy: "apt-get install curl").run(
                ["-sS", "--max-time", "20", "-w", "\n%{http_code}", "--cacert", path("ca.pem")] + arguments + [url])
        }
    }

    private func host(_ agent: HostAgent) -> FleetHost {
        FleetHost(name: "host-1", url: "https://\(agent.authority)/buildinfo/canvas", agent: agent)
    }

    private func verify(_ agent: HostAgent, _ more: [String]) async throws -> Verified {
        var verify = Verify(hosts: [host(agent)], sha: Commit.new, timeout: "20s", soak: "500ms")
        verify.more = more
        // Nothing here ever becomes what it is not at the start.
        if more.contains(where: { $0.contains("wrong") }) { verify.timeout = Verify.short }
        return try await verify.run()
    }

    @Test(
        "A fleet converges with its token, is an agent error with another one, and shows neither"
    )
    func token() async throws {
        let yard = try await SharedEnvironment()
        let agent = try await yard.agent(["--token-file", yard.path("token")])
        let good = try await verify(agent, ["--ca", yard.path("ca.pem"), "--token-file", yard.path("token")])
        #expect(good.exitCode == 0, "\(good.progress)")
        #expect(!(good.report.warnings ?? []).contains { $0.contains("in the clear") })
        let bad = try await verify(agent, ["--ca", yard.path("ca.pem"), "--token-file", yard.path("wrong")])
        #expect(bad.exitCode == 30, "\(bad.progress)")
        let host = try bad.host("host-1")
        #expect(host.status == "agent_error" && host.facts.reach == "auth")
        #expect(host.reason.contains("401") && host.reason.contains("--token-file"), "\(host.reason)")
        for text in [good.progress, good.output, bad.progress, bad.output, agent.program.error, agent.program.output] {
            #expect(!text.contains(Self.token) && !text.contains(Self.wrong))
        }
    }

    @Test("Evidence, reports and the ledger contain no token")
    func secrets() async throws {
        let yard = try await SharedEnvironment()
        let agent = try await yard.agent(["--token-file", yard.path("token")], isSecured: false)
        let fleet = try yard.certificates.folder.write(
            "access.yaml",
            "service: canvas\naccess: {token_file: token}\nhosts: [{name: host-1, url: \"\(agent.url)\"}]\n")
        let folder = try TemporaryFolder()
        var arguments = ["verify", "--fleet", fleet, "--sha", Commit.new, "--soak", "500ms", "--interval", "200ms"]
        arguments += ["--store", folder.path("ledger.db"), "--progress", "plain", "--log-level", "trace"]
        for format in ["json", "html", "markdown", "junit", "text", "evidence"] {
            arguments += ["--report", "\(format)=\(folder.path(format))"]
        }
        let outcome = try await Program.collector().run(arguments)
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        let grep = try Program.installed("grep", remedy: "apt-get install grep")
        // The token file itself proves that grep finds the token.
        #expect(try await grep.run(["-rlF", Self.token, yard.certificates.folder.path]).output.contains("/token"))
        let found = try await grep.run(["-rlaF", Self.token, folder.path])
        #expect(found.exitCode == 1 && found.output.isEmpty, "\(found.output)")
        for text in [outcome.output, outcome.error, agent.program.error] { #expect(!text.contains(Self.token)) }
    }

    @Test(
        "An inventory sets credentials per group, and failures of either side are distinguished"
    )
    func inventory() async throws {
        let yard = try await SharedEnvironment()
        try await yard.certificates.issue("stranger", alternatives: "DNS:stranger.internal")
        try await yard.certificates.issue("nameless", alternatives: nil, commonName: "collector.internal")
        let agent = try await yard.agent([
            "--tls-client-ca", yard.path("ca.pem"), "--tls-client-name", "collector.internal",
        ])
        let url = "https://\(agent.authority)/buildinfo/canvas"
        let rules = """
            access:
              - {select: group=canary, ca: ca.pem, cert: client.pem, key: client.key}
              - {select: group=stranger, ca: ca.pem, cert: stranger.pem, key: stranger.key}
              - {select: group=nameless, ca: ca.pem, cert: nameless.pem, key: nameless.key}
              - {select: group=unsure, ca: other.pem, cert: client.pem, key: client.key}
              - {ca: ca.pem}

            """
        let groups = ["canary", "stranger", "nameless", "unsure", "none"]
        let hosts = groups.map { "  - {name: \($0), url: \"\(url)?g=\($0)\", labels: {group: \($0)}}\n" }
        let fleet = try yard.certificates.folder.write(
            "fleet.yaml", "service: canvas\n" + rules + "hosts:\n" + hosts.joined())
        let folder = try TemporaryFolder()
        _ = try await Program.collector().run([
            "status", "--fleet", fleet, "--sha", Commit.new, "--store", "none", "--report",
            "json=\(folder.path("report.json"))",
        ])
        let report = try JSONDecoder().decode(Verified.Report.self, from: Data(try folder.read("report.json").utf8))
        let reaches = ["canary": "ok", "stranger": "auth", "nameless": "auth", "unsure": "tls", "none": "tls"]
        for (name, expected) in reaches {
            let entry = try #require(report.hosts.first { $0.name == name })
            #expect(entry.facts.reach == expected, "\(entry)")
        }
    }

    @Test("A host that answers 429 is asked again, and converges")
    func tooManyRequests() async throws {
        let asked = Mutex(0)
        let host = try await ScriptedHost.start { _ in
            asked.withLock { count in
                count += 1
                return count
            } <= 3
                ? .answer(status: 429, headers: [("Retry-After", "1")], body: [])
                : .json(#"{"git_sha":"\#(Commit.new)"}"#)
        }
        let result = try await Verify(
            hosts: [FleetHost(name: "host-1", url: host.url())], sha: Commit.new, timeout: "20s", soak: "500ms"
        ).run()
        #expect(result.exitCode == 0, "\(result.progress)")
        #expect(try result.host("host-1").transitions.contains { $0.reason.contains("429") })
        await host.stop()
    }

    @Test("Changed certificates apply to new connections, and a mismatched pair changes nothing")
    func renewal() async throws {
        let yard = try await SharedEnvironment()
        let agent = try await yard.agent()
        let url = "https://\(agent.authority)/buildinfo"
        #expect(try await yard.curl(url).output.hasSuffix("\n200"))

        // From another authority, so the client can distinguish them.
        try await yard.certificates.issue("next", alternatives: "IP:127.0.0.1", by: "other")
        let (folder, other) = (yard.certificates.folder, ["--cacert", yard.path("other.pem")])
        try folder.write("server.pem", try folder.read("next.pem"))
        try await eventually("the mismatch is logged") {
            _ = try await yard.curl(url)
            return agent.program.error.contains("does not match the key")
        }
        #expect(try await yard.curl(url).output.hasSuffix("\n200"))
        // Replaced atomically by a file that only the owner can read.
        try yard.secret("next.key", try folder.read("next.key"))
        try #require(rename(yard.path("next.key"), yard.path("server.key")) == 0)
        try await eventually("the new certificate is in use") {
            try await yard.curl(url, other).output.hasSuffix("\n200")
        }
        #expect(try await yard.curl(url).exitCode == 60)
        #expect(agent.program.error.split(separator: "\n").count { $0.contains("Keeping the previous version") } == 1)
    }

    @Test("TLS is 1.2 or later, and failed handshakes affect their own connection only")
    func handshakes() async throws {
        let yard = try await SharedEnvironment()
        let agent = try await yard.agent()
        let url = "https://\(agent.authority)/healthz"
        for (version, code) in [("1.1", Int32(35)), ("1.2", 0), ("1.3", 0)] {
            let outcome = try await yard.curl(
                url, ["--tls-max", version] + (version == "1.1" ? ["--ciphers", "DEFAULT@SECLEVEL=0"] : []))
            #expect(outcome.exitCode == code, "\(version): \(outcome.error)")
        }
        #expect(LoopbackRequest("GET", agent.authority, "/healthz").answer() == nil)
        let clock = ContinuousClock()
        let start = clock.now
        let silent = try RawClient(agent.authority)
        silent.send([0x16, 0x03, 0x01, 0x02, 0x00])
        #expect(silent.received(until: .seconds(60)).isEmpty)
        #expect(silent.isClosed)
        #expect(clock.now - start > .seconds(4))
        let silence = try RawClient(agent.authority)
        #expect(silence.received(until: .seconds(60)).isEmpty && silence.isClosed)
        let page = try await yard.curl("https://\(agent.authority)/metrics").output
        // The old version, the plain request, and the two slow handshakes.
        #expect(page.contains("\nbuildinfo_tls_handshake_failures_total 4\n"), "\(page)")
        #expect(agent.program.exitCode == nil)
    }

    @Test("A unix socket uses plain HTTP, and requires the token too")
    func unixSocket() async throws {
        let yard = try await SharedEnvironment()
        let agent = try await yard.agent([
            "--token-file", yard.path("token"), "--listen", "unix:\(yard.path("agent.sock"))",
        ])
        let socket = ["--unix-socket", yard.path("agent.sock")]
        #expect(try await yard.curl("http://agent/buildinfo", socket).output.hasSuffix("\n401"))
        let header = ["-H", "Authorization: Bearer \(Self.token)"]
        #expect(try await yard.curl("http://agent/buildinfo", socket + header).output.hasSuffix("\n200"))
        #expect(agent.program.error.contains("Access control client_certificates=none tls=on token=required"))
    }

    @Test("Beyond loopback the agent requires authentication or --allow-anonymous")
    func beyondLoopback() async throws {
        let yard = try await SharedEnvironment()
        func refusal(_ arguments: [String]) async throws -> String {
            // An address that no machine has, so nothing listens on the network.
            let outcome = try await Program.agent().run(
                ["--listen", "192.0.2.1:9480", "--service", "canvas=file:/x", "--host-id", "id-of-host-1"] + arguments)
            #expect(outcome.exitCode == 64)
            return outcome.error
        }
        let tls = ["--tls-certificate", yard.path("server.pem"), "--tls-key", yard.path("server.key")]
        for open in [[], tls] {
            let error = try await refusal(open)
            #expect(error.contains("without authentication") && error.contains("--token-file"), "\(error)")
        }
        let guarded = [
            ["--token-file", yard.path("token")], tls + ["--tls-client-ca", yard.path("ca.pem")], ["--allow-anonymous"],
        ]
        for arguments in guarded {
            let error = try await refusal(arguments)
            #expect(error.contains("this machine does not have that address"), "\(error)")
            #expect(error.contains("Tokens are sent unencrypted") == arguments.contains("--token-file"))
            #expect(error.contains("Anonymous access from the network") == arguments.contains("--allow-anonymous"))
        }
    }

    @Test(
        "An unusable file is one line with the file and the remedy",
        arguments: ["token", "pair", "authority", "key"])
    func wrongFiles(kind: String) async throws {
        let yard = try await SharedEnvironment()
        try yard.certificates.folder.write("text", "no PEM, but \(Self.token)\n")
        try #require(chmod(yard.path("text"), 0o644) == 0)
        let (flags, parts): ([String], [String]) =
            switch kind {
            case "token": (["--token-file", yard.path("text")], ["'\(yard.path("text"))'", "chmod 600"])
            case "pair":
                (
                    ["--tls-certificate", yard.path("server.pem"), "--tls-key", yard.path("client.key")],
                    ["server.pem", "does not match the key", "client.key"]
                )
            case "authority":
                (
                    [
                        "--tls-certificate", yard.path("server.pem"), "--tls-key", yard.path("server.key"),
                        "--tls-client-ca", yard.path("text"),
                    ], ["client CA '\(yard.path("text"))'", "has no PEM certificate"]
                )
            default: (["--tls-certificate", yard.path("server.pem")], ["--tls-key"])
            }
        let outcome = try await Program.agent().run(
            ["--listen", "127.0.0.1:0", "--service", "canvas=file:/x", "--host-id", "id-of-host-1"] + flags)
        #expect(outcome.exitCode == 64)
        let line = outcome.error.split(separator: "\n").filter { $0.hasPrefix("buildinfo-agent: ") }
        #expect(line.count == 1 && parts.allSatisfy { line[0].contains($0) }, "\(outcome.error)")
        #expect(!outcome.error.contains(Self.token))
    }
}
