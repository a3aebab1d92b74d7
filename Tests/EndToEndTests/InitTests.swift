import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

/// `init` on real agents: the inventory that it writes, and what it says.
@Suite("End to end, init", .timeLimit(.minutes(5)))
struct InitTests {
    private static let digest = "sha256:" + String(repeating: "ab", count: 32)

    private struct Host {
        var name: String
        var services = ["canvas"]
        var content: String
        var arguments: [String] = []
    }

    private static func build(_ commit: String, _ digest: String? = digest, state: String = "serving") -> String {
        "{\"git_sha\":\"\(commit)\",\"state\":\"\(state)\"\(digest.map { ",\"digest\":\"\($0)\"" } ?? "")}"
    }

    private static func start(_ hosts: [Host], _ folder: TemporaryFolder) async throws -> [HostAgent] {
        var agents: [HostAgent] = []
        for host in hosts {
            let file = try folder.write("build-\(host.name)", host.content)
            let running = try Program.agent().start(
                ["serve", "--listen", "127.0.0.1:0", "--host-id", "id-of-\(host.name)", "--host-name", host.name]
                    + host.services.flatMap { ["--service", "\($0)=file:\(file)"] } + host.arguments)
            agents.append(try await HostAgent.ready(host.name, running))
        }
        return agents
    }

    private static func run(
        _ arguments: [String], input: String = "", folder: TemporaryFolder
    ) async throws -> RunningProgram.Outcome {
        try await Program.collector().run(
            ["init"] + arguments, environment: ["HOME": folder.path], input: input)
    }

    @Test(
        "The inventory of three agents loads with status and verify, and the command that init shows proves the fleet")
    func roundTrip() async throws {
        let folder = try TemporaryFolder()
        let agents = try await Self.start(
            ["host-0", "host-1", "host-2"].map { Host(name: $0, content: Self.build(Commit.new)) }, folder)
        let path = folder.path("fleet.yaml")
        let outcome = try await Self.run(agents.map(\.authority) + ["-o", path], folder: folder)
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(outcome.output.isEmpty)
        let yaml = try folder.read("fleet.yaml")
        for agent in agents { #expect(yaml.contains("id: id-of-\(agent.name)\n"), "\(yaml)") }
        #expect(yaml.contains("\nservice: canvas\n"))

        let status = try await Program.collector().run(
            ["status", "--fleet", path, "--store", "none", "--sha", Commit.new])
        #expect(status.output.contains("on target now: 3 of 3 hosts"), "\(status.output)\(status.error)")
        #expect(status.output.contains("host-0  "), "\(status.output)")

        let line = try #require(outcome.error.split(separator: "\n").last { $0.contains(" verify ") })
        let words = line.split(separator: " ").map(String.init)
        #expect(words.first == "buildinfo-collector")
        let verified = try await Program.collector().run(
            words.dropFirst() + ["--soak", "500ms", "--store", "none", "--progress", "none"])
        #expect(verified.exitCode == 0, "\(line)\n\(verified.output)\(verified.error)")
        withExtendedLifetime(agents) {}
    }

    @Test("With the written ids, another host that takes over an address is a conflict")
    func identity() async throws {
        let folder = try TemporaryFolder()
        var agents = try await Self.start([Host(name: "host-0", content: Self.build(Commit.new))], folder)
        let authority = agents[0].authority
        let path = folder.path("fleet.yaml")
        #expect(try await Self.run([authority, "-o", path], folder: folder).exitCode == 0)
        agents[0].program.signal(SIGKILL)
        _ = try await agents[0].program.wait()
        let other = try Program.agent().start([
            "serve", "--listen", authority, "--host-id", "id-of-another", "--host-name", "other",
            "--service", "canvas=file:\(folder.path("build-host-0"))",
        ])
        agents = [try await HostAgent.ready("other", other)]
        let verified = try await Program.collector().run([
            "verify", "--fleet", path, "--store", "none", "--sha", Commit.new, "--timeout", "8s", "--soak", "500ms",
            "--progress", "none",
        ])
        #expect(verified.exitCode == 60, "\(verified.output)\(verified.error)")
        withExtendedLifetime(agents) {}
    }

    @Test("Hosts that do not answer are in the inventory all the same, without an id and with their reasons")
    func absent() async throws {
        let folder = try TemporaryFolder()
        let agents = try await Self.start([Host(name: "host-0", content: Self.build(Commit.new))], folder)
        let closed = try #require(ScriptedHostDeafPort(.closed))
        let outcome = try await Self.run(
            ["-", "--service", "canvas"],
            input: "# the fleet\n\(agents[0].authority)\n127.0.0.1:\(closed.port)\nno-such-host.invalid\n",
            folder: folder)
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        let path = try folder.write("fleet.yaml", outcome.output)
        #expect(outcome.output.ranges(of: "id: ").count == 1, "\(outcome.output)")
        #expect(outcome.output.contains("# no answer yet: connection refused"), "\(outcome.output)")
        #expect(outcome.error.contains("no-such-host.invalid"), "\(outcome.error)")
        #expect(outcome.error.contains("1 of 3 hosts said what it serves; 2 did not"), "\(outcome.error)")
        let verified = try await Program.collector().run([
            "verify", "--fleet", path, "--store", "none", "--sha", Commit.new, "--timeout", "5s", "--soak", "500ms",
            "--progress", "none", "--request-timeout", "1s",
        ])
        #expect(verified.exitCode == 30, "\(verified.output)\(verified.error)")
        withExtendedLifetime((agents, closed)) {}
    }

    @Test("Where no host answers, the inventory is written and the exit code is 30")
    func nobody() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("fleet.yaml")
        let outcome = try await Self.run(
            ["no-such-host.invalid", "--output", path, "--service", "web"], folder: folder)
        #expect(outcome.exitCode == 30, "\(outcome.error)")
        #expect(try folder.read("fleet.yaml").contains("  - no-such-host.invalid\n"))
        #expect(!outcome.error.contains("verify --fleet"), "\(outcome.error)")
    }

    @Test("The service is the one that the agents have; of several, the one that most have, and the others are named")
    func services() async throws {
        let folder = try TemporaryFolder()
        let agents = try await Self.start(
            [
                Host(name: "host-0", services: ["web", "api"], content: Self.build(Commit.new)),
                Host(name: "host-1", services: ["api"], content: Self.build(Commit.new)),
            ], folder)
        let one = try await Self.run([agents[1].authority], folder: folder)
        #expect(one.output.contains("service: api\n"), "\(one.output)\(one.error)")
        #expect(one.error.contains("the agents have one service: api"))
        let both = try await Self.run(agents.map { "http://\($0.authority)" }, folder: folder)
        #expect(both.output.contains("service: api\n") && both.output.ranges(of: "/buildinfo/api").count == 2)
        #expect(both.error.contains("api on 2 hosts, web on 1 host"), "\(both.error)")
        let named = try await Self.run(agents.map(\.authority) + ["--service", "web"], folder: folder)
        #expect(named.exitCode == 0 && named.output.contains("service: web\n"), "\(named.error)")
        #expect(named.error.contains("this agent serves api"), "\(named.error)")
        withExtendedLifetime(agents) {}
    }

    @Test("A file is never replaced without --force, and a source's labels, waivers and ids are kept")
    func sources() async throws {
        let folder = try TemporaryFolder()
        let agents = try await Self.start([Host(name: "host-0", content: Self.build(Commit.new))], folder)
        let source = try folder.write(
            "old.yaml",
            """
            service: canvas
            environment: production
            hosts:
              - name: front
                url: "http://\(agents[0].authority)/buildinfo"
                id: id-of-host-0
                labels: {group: canary, "a b": "c: d"}
              - name: spare
                waive: {until: 2099-01-01T00:00:00Z, reason: "spare: cold", by: ops}

            """)
        let path = try folder.write("fleet.yaml", "mine\n")
        let refused = try await Self.run([source, "-o", path], folder: folder)
        #expect(refused.exitCode == 64 && refused.error.contains("exists: give --force"), "\(refused.error)")
        #expect(try folder.read("fleet.yaml") == "mine\n")
        #expect(agents[0].program.exitCode == nil)
        let outcome = try await Self.run([source, "-o", path, "--force", "--request-timeout", "1s"], folder: folder)
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        let yaml = try folder.read("fleet.yaml")
        for text in [
            "environment: production\n", "- name: front\n", "id: id-of-host-0\n",
            "labels: {\"a b\": \"c: d\", group: canary}",
            "waive: {until: \"2099-01-01T00:00:00Z\", reason: \"spare: cold\", by: ops}",
        ] {
            #expect(yaml.contains(text), "\(text)\n\(yaml)")
        }
        #expect(try folder.names().filter { $0.hasSuffix(".part") }.isEmpty)
        withExtendedLifetime(agents) {}
    }

    @Test("Two names for one host get no id, and the reason says which")
    func twice() async throws {
        let folder = try TemporaryFolder()
        let agents = try await Self.start([Host(name: "host-0", content: Self.build(Commit.new))], folder)
        let port = try #require(agents[0].authority.split(separator: ":").last)
        let outcome = try await Self.run(["127.0.0.1:\(port)", "localhost:\(port)"], folder: folder)
        #expect(!outcome.output.contains("id: id-of"), "\(outcome.output)")
        #expect(outcome.error.contains("two names for one host"), "\(outcome.error)")
        withExtendedLifetime(agents) {}
    }

    @Test(
        "A host without a scheme is found behind TLS, and a token for TLS is never sent in the clear",
        arguments: [true, false])
    func tls(_ trusts: Bool) async throws {
        let folder = try TemporaryFolder()
        let certificates = try await TestCertificates()
        try await certificates.issue("server", alternatives: "IP:127.0.0.1")
        let secure = try await Self.start(
            [
                Host(
                    name: "host-0", content: Self.build(Commit.new),
                    arguments: [
                        "--tls-certificate", certificates.path("server.pem"), "--tls-key",
                        certificates.path("server.key"),
                    ])
            ], folder)
        let authority = secure[0].authority
        guard trusts else {
            let outcome = try await Self.run([authority], folder: folder)
            #expect(outcome.exitCode == 30, "\(outcome.error)")
            #expect(outcome.error.contains("give its CA with --ca"), "\(outcome.error)")
            withExtendedLifetime(secure) {}
            return
        }
        // It refuses a TLS handshake, and would answer the same request without TLS.
        let plain = try await Self.start([Host(name: "host-1", content: Self.build(Commit.new))], folder)
        let token = try folder.write("token", "secret-of-the-fleet\n")
        let outcome = try await Self.run(
            [authority, plain[0].authority, "--ca", certificates.path("ca.pem"), "--token-file", token],
            folder: folder)
        #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.error)")
        #expect(
            outcome.output.contains("url: \"https://\(authority)/buildinfo/canvas\"")
                || outcome.output.contains("scheme: https\n"), "\(outcome.output)")
        #expect(outcome.error.contains("1 of 2 hosts said what it serves"), "\(outcome.error)")
        #expect(outcome.error.contains("the port does not speak TLS"), "\(outcome.error)")
        #expect(!outcome.output.contains("url: \"http://"), "\(outcome.output)")
        #expect(outcome.error.contains("--ca \(certificates.path("ca.pem"))"), "\(outcome.error)")
        #expect(!(outcome.output + outcome.error).contains("secret-of-the-fleet"))
        withExtendedLifetime((secure, plain)) {}
    }

    @Test(
        "Mistakes are refused before any host is asked",
        arguments: [
            ([], "no hosts: give their names"), (["hosts.yaml"], "'hosts.yaml' is neither a host nor a file"),
            (["./a/b"], "is neither a host nor a file"), (["a", "--force"], "--force needs --output"),
            (["a", "-o", "/no/such/folder/fleet.yaml"], "cannot write --output"),
            (["user@host"], "user or password"), (["a", "--request-timeout", "0s"], "longer than zero"),
        ])
    func mistakes(_ arguments: [String], _ message: String) async throws {
        let folder = try TemporaryFolder()
        let outcome = try await Self.run(arguments, folder: folder)
        #expect(outcome.exitCode == 64, "\(outcome.error)")
        #expect(outcome.error.contains(message), "\(outcome.error)")
        #expect(outcome.output.isEmpty)
    }
}
