import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

/// A running `buildinfo-collector serve` with the folder of its files.
struct ServedCollector {
    let folder: TemporaryFolder
    let program: RunningProgram
    /// `address:port`.
    let authority: String

    static let readToken = "read-token-0123456789abcdef"
    static let verifyToken = "verify-token-0123456789abcdef"

    /// Starts the service on a free port of loopback, with a token for reading and one for everything.
    ///
    /// - Parameters:
    ///   - fleets: the value of `fleets`, as YAML.
    ///   - listen: an address with port 0.
    ///   - prefix: a command that runs the program.
    static func start(
        fleets: String, more: String = "", listen: String = "127.0.0.1:0", in folder: TemporaryFolder,
        through prefix: [String] = []
    ) async throws -> ServedCollector {
        try folder.write("read.token", readToken + "\n")
        try folder.write("verify.token", verifyToken + "\n")
        try write(fleets: fleets, more: more, listen: listen, in: folder)
        return try await started(in: folder, through: prefix)
    }

    /// Starts the service with the files of a folder.
    static func started(in folder: TemporaryFolder, through prefix: [String] = []) async throws -> ServedCollector {
        let collector = try Program.collector()
        let program = try prefix.first.map { try Program.installed($0, remedy: "apt-get install util-linux") }
        let running = try (program ?? collector).start(
            (prefix.isEmpty ? [] : Array(prefix.dropFirst()) + [collector.path])
                + ["serve", "--config", folder.path("collector.yaml")])
        try await eventually("the service is ready", detail: { running.error }) {
            try #require(running.exitCode == nil, "\(running.error)")
            return running.error.contains(" Ready")
        }
        let line = running.error.split(separator: "\n").first { $0.contains(" Listening ") }
        let authority = try #require(line?.split(separator: "address=").last, "\(running.error)")
        return ServedCollector(folder: folder, program: running, authority: String(authority))
    }

    /// The service at its address on loopback, if it listens on every address.
    var onLoopback: ServedCollector {
        let port = authority.split(separator: ":").last ?? ""
        return ServedCollector(folder: folder, program: program, authority: "127.0.0.1:\(port)")
    }

    static func write(fleets: String, more: String = "", listen: String, in folder: TemporaryFolder) throws {
        try folder.write(
            "collector.yaml",
            """
            listen: ["\(listen)"]
            store: \(folder.path("ledger.db"))
            access:
              tokens:
                - {file: \(folder.path("read.token")), scopes: [read]}
                - {file: \(folder.path("verify.token")), scopes: [read, verify]}
            \(more)
            fleets:
            \(fleets)
            """)
    }

    func answer(
        _ method: String = "GET", _ path: String, token: String? = readToken, headers: [(String, String)] = [],
        body: String = ""
    ) throws -> LoopbackRequest.Answer {
        var request = LoopbackRequest(method, authority, path)
        request.headers = headers + (token.map { [("Authorization", "Bearer \($0)")] } ?? [])
        request.body = Array(body.utf8)
        return try #require(request.answer(), "\(method) \(path): \(program.error)")
    }

    /// The JSON object of a successful answer.
    func object(_ path: String, headers: [(String, String)] = []) throws -> [String: Any] {
        let answer = try answer("GET", path, headers: headers)
        #expect(answer.status == 200, "\(path): \(answer.text)")
        return try Self.object(answer)
    }

    static func object(_ answer: LoopbackRequest.Answer) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any], "\(answer.text)")
    }

    /// The only fleet.
    func fleet() throws -> [String: Any] {
        let fleets = try #require(try object("/api/v1/fleets")["fleets"] as? [[String: Any]])
        return try #require(fleets.first)
    }

    func hosts(_ query: String = "") throws -> [[String: Any]] {
        try #require(
            try object("/api/v1/fleets/canvas/production/hosts\(query)")["hosts"] as? [[String: Any]])
    }

    /// Starts a verification.
    func verify(_ sha: String, key: String, policy: String = "{}", token: String = verifyToken) throws
        -> LoopbackRequest.Answer
    {
        try answer(
            "POST", "/api/v1/verifications", token: token, headers: [("Idempotency-Key", key)],
            body: """
                {"service": "canvas", "environment": "production", "git_sha": "\(sha)", "policy": \(policy)}
                """)
    }

    /// Starts a verification, and waits for its end.
    func verified(_ sha: String, key: String) async throws -> [String: Any] {
        let started = try verify(sha, key: key)
        #expect(started.status == 201, "\(started.text)")
        let id = try #require(try Self.object(started)["id"] as? String)
        var last: [String: Any] = [:]
        try await eventually("the verification ends", detail: { "\(last)" }) {
            last = try object("/api/v1/verifications/\(id)", headers: [("Prefer", "wait=5")])
            return last["state"] as? String == "finished"
        }
        return last
    }
}

/// Agents that report the build in a file.
struct FileFleet {
    let folder: TemporaryFolder
    private(set) var agents: [HostAgent] = []

    static let commit = String(repeating: "a", count: 40)
    static let other = String(repeating: "b", count: 40)

    static func start(_ count: Int, in folder: TemporaryFolder) async throws -> FileFleet {
        var fleet = FileFleet(folder: folder)
        for number in 1...count {
            try fleet.serve(commit, on: number)
            fleet.agents.append(
                try await HostAgent.start("host-\(number)", selector: "file:\(folder.path("build-\(number)"))"))
        }
        let lines = fleet.agents.map { "  - {name: \($0.name), url: \"\($0.url)\", labels: {group: g}}" }
        try folder.write("fleet.yaml", "hosts:\n\(lines.joined(separator: "\n"))\n")
        return fleet
    }

    func serve(_ commit: String, on number: Int) throws {
        try folder.write(
            "build-\(number)",
            #"{"git_sha": "\#(commit)", "digest": "sha256:\#(commit)\#(commit.prefix(24))", "state": "serving"}"#)
    }

    /// The fleet's entry in the configuration.
    func entry(interval: String, soak: String = "1s", requestTimeout: String = "5s") -> String {
        """
          - service: canvas
            environment: production
            inventory: \(folder.path("fleet.yaml"))
            policy: {soak: \(soak), timeout: 1m, interval: 500ms, request_timeout: \(requestTimeout)}
            check: {interval: \(interval)}
        """
    }
}
