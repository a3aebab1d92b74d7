import Foundation
import Support
import Testing

@testable import EndToEndFixtures

/// `doctor` on real agents.
@Suite("End to end, doctor", .timeLimit(.minutes(5)))
struct DoctorTests {
    private struct Diagnosis: Decodable {
        struct Check: Decodable {
            struct Finding: Decodable {
                var level: String
                var text: String
                var hosts: [String]
                var remedy: String?
            }

            var name: String
            var level: String
            var summary: String
            var findings: [Finding]
        }

        var exitCode: Int
        var hosts: Int
        var checks: [Check]

        private enum CodingKeys: String, CodingKey {
            case hosts, checks
            case exitCode = "exit_code"
        }

        func check(_ name: String) throws -> Check { try #require(checks.first { $0.name == name }, "\(checks)") }
    }

    private static func diagnose(
        _ arguments: [String], folder: TemporaryFolder
    ) async throws -> (Diagnosis, text: String) {
        let collector = try Program.collector()
        let text = try await collector.run(["doctor"] + arguments, environment: ["HOME": folder.path])
        let json = try await collector.run(
            ["doctor", "--format", "json"] + arguments, environment: ["HOME": folder.path])
        let diagnosis = try JSONDecoder().decode(Diagnosis.self, from: Data(json.output.utf8))
        #expect(
            text.exitCode == json.exitCode && Int(json.exitCode) == diagnosis.exitCode, "\(text.error)\(json.error)")
        #expect(try folder.names().filter { $0.contains("local") || $0.contains("doctor") }.isEmpty)
        return (diagnosis, text.output)
    }

    private static let build =
        "{\"git_sha\":\"\(Commit.new)\",\"digest\":\"sha256:\(String(repeating: "ab", count: 32))\"}"

    @Test("Healthy agents have no problem: exit 0, and a line for each check")
    func healthy() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("build", Self.build)
        let agents = [
            try await HostAgent.start("host-0", selector: "file:\(file)"),
            try await HostAgent.start("host-1", selector: "file:\(file)"),
        ]
        let hosts = ["--service", "canvas"] + agents.flatMap { ["--host", $0.url] }
        let (diagnosis, text) = try await Self.diagnose(hosts, folder: folder)
        #expect(diagnosis.exitCode == 0 && diagnosis.hosts == 2, "\(text)")
        #expect(diagnosis.checks.allSatisfy { ["ok", "note"].contains($0.level) }, "\(text)")
        for check in diagnosis.checks { #expect(text.contains("\(check.name) "), "\(text)") }
        #expect(text.contains("Nothing stands in the way of a proof; no warnings."), "\(text)")
        #expect(try diagnosis.check("agents").summary.contains("on 2 hosts"))
        withExtendedLifetime(agents) {}
    }

    @Test("Each cause of trouble is a problem or warning of its own check, with hosts and a remedy, the worst first")
    func troubles() async throws {
        let folder = try TemporaryFolder()
        let agents = [
            try await HostAgent.start("good", selector: "file:\(try folder.write("good", Self.build))"),
            try await HostAgent.start("no-digest", selector: "file:\(try folder.write("sha", Commit.old))"),
            try await HostAgent.start(
                "down",
                selector: "file:\(try folder.write("down", "{\"git_sha\":\"\(Commit.new)\",\"state\":\"exited\"}"))"),
            try await HostAgent.start("blind", selector: "file:\(folder.path("missing"))"),
            try await HostAgent.start(
                "twin", selector: "file:\(try folder.write("twin", Self.build))", hostID: "id-of-good"),
        ]
        let closed = try #require(ScriptedHostDeafPort(.closed))
        let lines = agents.map { "  - {name: \($0.name), url: \"\($0.url)\"}" }
        let soon = Date().addingTimeInterval(86_400).ISO8601Format()
        let fleet = try folder.write(
            "fleet.yaml",
            """
            service: canvas
            hosts:
            \(lines.joined(separator: "\n"))
              - {name: closed, url: "http://127.0.0.1:\(closed.port)/buildinfo/canvas"}
              - {name: waived, url: "http://127.0.0.1:\(closed.port)/buildinfo", waive: {until: \(soon), reason: disk}}

            """)
        let store = try folder.write("not-a-ledger", "hello, this is a text")
        let (diagnosis, text) = try await Self.diagnose(["--fleet", fleet, "--store", store], folder: folder)
        #expect(diagnosis.exitCode == 10, "\(text)")
        func finding(_ name: String, _ level: String, _ host: String, _ words: String) throws {
            let check = try diagnosis.check(name)
            #expect(check.level == level, "\(text)")
            #expect(
                check.findings.contains { finding in
                    finding.hosts.contains { $0.hasPrefix(host) }
                        && "\(finding.text) \(finding.remedy ?? "")".contains(words)
                }, "\(name) \(host)\n\(text)")
        }
        try finding("reachability", "problem", "closed", "check that the agent runs")
        let waived = try diagnosis.check("reachability").findings.first { $0.hosts == ["waived"] }
        #expect(waived?.level == "note", "\(text)")
        try finding("identity", "problem", "twin", "same id 'id-of-good'")
        try finding("answers", "problem", "blind", "does not exist")
        try finding("service", "problem", "down", "exited")
        try finding("digests", "warning", "no-digest", "--sha alone")
        try finding("inventory", "warning", "waived", "ends within 7 days")
        #expect(try diagnosis.check("ledger").level == "problem")
        #expect(try diagnosis.check("ledger").findings.first?.text.contains("not an SQLite database") == true)
        let order = diagnosis.checks.map { ["problem", "warning", "note", "ok"].firstIndex(of: $0.level) }
        #expect(order.compactMap(\.self) == order.compactMap(\.self).sorted())
        #expect(text.contains("in the way of a proof"), "\(text)")
        withExtendedLifetime((agents, closed)) {}
    }

    @Test("A registry that cannot be read is a problem only with --image, and an empty inventory always is")
    func others() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-0", selector: "file:\(try folder.write("good", Self.build))")
        let closed = try #require(ScriptedHostDeafPort(.closed))
        let host = ["--service", "canvas", "--host", agent.url]
        let image = ["--image", "127.0.0.1:\(closed.port)/canvas:latest", "--registry-timeout", "2s"]
        let (unreadable, text) = try await Self.diagnose(host + image, folder: folder)
        #expect(unreadable.exitCode == 10, "\(text)")
        #expect(try unreadable.check("registry").level == "problem")
        let empty = try folder.write("empty.yaml", "service: canvas\nhosts: []\n")
        let (nothing, words) = try await Self.diagnose(["--fleet", empty], folder: folder)
        #expect(nothing.exitCode == 10, "\(words)")
        #expect(try nothing.check("inventory").findings.first?.text.hasPrefix("the inventory is empty") == true)
        let usage = try await Program.collector().run(["doctor"])
        #expect(usage.exitCode == 64 && usage.error.contains("no hosts"), "\(usage.error)")
        withExtendedLifetime((agent, closed)) {}
    }

    @Test("Certificates that end soon, and a token over plain HTTP beyond loopback, are warnings")
    func access() async throws {
        let folder = try TemporaryFolder()
        let certificates = try await TestCertificates()
        try await certificates.issue("server", alternatives: "IP:127.0.0.1")
        let agent = try await HostAgent.start(
            "host-0", selector: "file:\(try folder.write("good", Self.build))",
            arguments: [
                "--tls-certificate", certificates.path("server.pem"), "--tls-key", certificates.path("server.key"),
            ])
        let token = try folder.write("token", "secret-of-the-fleet\n")
        let (diagnosis, text) = try await Self.diagnose(
            [
                "--service", "canvas", "--host", "https://\(agent.authority)/buildinfo/canvas", "--host",
                "http://no-such-host.invalid:9480/buildinfo/canvas", "--ca", certificates.path("ca.pem"),
                "--token-file",
                token,
            ], folder: folder)
        let ends = try diagnosis.check("certificates")
        #expect(
            ends.level == "warning" && ends.findings.first?.hosts.first?.hasPrefix("\(agent.authority) (20") == true,
            "\(text)")
        #expect(try diagnosis.check("token").level == "warning", "\(text)")
        #expect(try diagnosis.check("token").summary == "sent to 2 hosts")
        #expect(!text.contains("secret-of-the-fleet"))
        withExtendedLifetime(agent) {}
    }

    @Test("An inventory that a verification would refuse as shrunk is a problem, by the same ledger")
    func shrunk() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("good", Self.build)
        var agents: [HostAgent] = []
        for number in 0..<2 { agents.append(try await HostAgent.start("host-\(number)", selector: "file:\(file)")) }
        let store = ["--store", folder.path("ledger.db")]
        let verified = try await Program.collector().run(
            ["verify", "--service", "canvas", "--sha", Commit.new, "--soak", "500ms", "--progress", "none"] + store
                + agents.flatMap { ["--host", $0.url] })
        #expect(verified.exitCode == 0, "\(verified.error)")
        let one = ["--service", "canvas", "--host", agents[0].url] + store
        let (diagnosis, text) = try await Self.diagnose(one, folder: folder)
        #expect(diagnosis.exitCode == 10, "\(text)")
        #expect(try diagnosis.check("inventory").findings.first?.text.contains("--max-shrink") == true, "\(text)")
        #expect(try diagnosis.check("ledger").level == "ok", "\(text)")
        withExtendedLifetime(agents) {}
    }
}
