import Support
import Testing

@testable import EndToEndFixtures

/// How `verify --server` proves itself to a service, and a service to it.
@Suite("Verify through a service: access", .timeLimit(.minutes(3)))
struct RemoteAccessTests {
    private static func verify(
        _ authority: String, _ more: [String] = [], scheme: String = "http", environment: [String: String] = [:]
    ) async throws -> RunningProgram.Outcome {
        try await Program.collector().run(
            [
                "verify", "--server", "\(scheme)://\(authority)", "--service", "canvas", "--environment", "production",
                "--sha", FileFleet.commit, "--progress", "plain",
            ] + more, environment: environment)
    }

    /// Runs a test with a service and its fleet.
    private static func serving(
        _ folder: TemporaryFolder, more: String = "", _ body: (ServedCollector) async throws -> Void
    ) async throws {
        let fleet = try await FileFleet.start(1, in: folder)
        try await body(
            try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), more: more, in: folder))
        withExtendedLifetime(fleet) {}
    }

    @Test("Without a token, the remedy is the forge's: a permission that is missing is named")
    func missing() async throws {
        let folder = try TemporaryFolder()
        try await Self.serving(folder) { service in
            let github = ["GITHUB_ACTIONS": "true"]
            for (environment, remedy) in [
                ([:], "this request needs a token: give --server-token-file"),
                (github, "the permission 'id-token: write'"),
                (github.merging(["GITEA_ACTIONS": "true"]) { $1 }, "if this Gitea gives identity tokens"),
                (
                    github.merging(["GITEA_ACTIONS": "true", "FORGEJO_ACTIONS": "true"]) { $1 },
                    "enable-openid-connect: true"
                ),
                (["GITLAB_CI": "true"], "id_tokens: {BUILDINFO_ID_TOKEN: {aud: buildinfo}}"),
                // A secret that does not exist.
                (["BUILDINFO_ID_TOKEN": " \n"], "this request needs a token: give --server-token-file"),
            ] as [([String: String], String)] {
                let outcome = try await Self.verify(service.authority, environment: environment)
                #expect(outcome.exitCode == 69, "\(environment): \(outcome.error)")
                #expect(outcome.error.contains(remedy), "\(environment): \(outcome.error)")
            }
            let unknown = try await Self.verify(
                service.authority, ["--server-token-file", try folder.write("other.token", "other-token-0123456789\n")])
            #expect(unknown.exitCode == 69, "\(unknown.error)")
            #expect(unknown.error.contains("give a token of this service with --server-token-file"), "\(unknown.error)")
            #expect(!unknown.error.contains("other-token"), "\(unknown.error)")
        }
    }

    @Test(
        "A secret that ends with a line break is the token before it", arguments: ["\n", "\r\n", "\n\n", " "])
    func lineBreak(_ end: String) async throws {
        let folder = try TemporaryFolder()
        try await Self.serving(folder) { service in
            let fromVariable = try await Self.verify(
                service.authority, environment: ["BUILDINFO_ID_TOKEN": ServedCollector.verifyToken + end])
            #expect(fromVariable.exitCode == 0, "\(fromVariable.error)")
            let file = try folder.write("token", ServedCollector.verifyToken + end)
            let fromFile = try await Self.verify(service.authority, ["--server-token-file", file])
            #expect(fromFile.exitCode == 0, "\(fromFile.error)")
        }
    }

    @Test("The log names the page of the verification, which a later run joins")
    func announced() async throws {
        let folder = try TemporaryFolder()
        try await Self.serving(folder) { service in
            let token = ["--server-token-file", folder.path("verify.token")]
            let run = ["GITHUB_RUN_ID": "42"]
            async let first = Self.verify(service.authority, token, environment: run)
            async let second = Self.verify(service.authority, token, environment: run)
            let logs = try await [first.error, second.error]
            let pages = logs.compactMap {
                $0.firstMatch(of: /(Started|Joined) http:\/\/[0-9.:]+(\/verifications\/\S+)/)
            }
            try #require(pages.count == 2, "\(logs)")
            #expect(Set(pages.map { String($0.1) }) == ["Started", "Joined"])
            #expect(pages[0].2 == pages[1].2)
            #expect(try service.answer("GET", String(pages[0].2)).status == 200)
        }
    }

    @Test("A certificate of another authority is refused, whatever the answer would be")
    func tls() async throws {
        let folder = try TemporaryFolder()
        let yard = try await TestCertificates()
        try await yard.issue("server", alternatives: "IP:127.0.0.1")
        try await Self.serving(
            folder, more: "  tls: {certificate: \(yard.path("server.pem")), key: \(yard.path("server.key"))}"
        ) { service in
            let token = ["--server-token-file", folder.path("verify.token")]
            let trusted = try await Self.verify(
                service.authority, token + ["--server-ca", yard.path("ca.pem")], scheme: "https")
            #expect(trusted.exitCode == 0, "\(trusted.error)")
            let other = try await TestCertificates()
            for authority in [[], ["--server-ca", other.path("ca.pem")]] {
                let refused = try await Self.verify(service.authority, token + authority, scheme: "https")
                #expect(refused.exitCode == 69, "\(refused.error)")
                #expect(refused.error.contains("with --server-ca"), "\(refused.error)")
            }
        }
    }
}
