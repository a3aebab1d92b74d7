import Foundation
import Shared
import Support
import Testing

/// A call of `buildinfo-collector verify`, by default with short times and without a ledger.
struct Verify {
    var hosts: [FleetHost]
    var sha: String?
    var digest: Digest?
    /// The deadline for hosts that do not converge. Converging hosts end the run earlier.
    var timeout = "60s"
    var soak = "1s"
    var store = "none"
    var more: [String] = []
    /// Shell commands that run once a host is soaking, with the collector's process as `$pid` and the folder of its reports as
    /// `$folder`. Unlike the test, they wait for no other test.
    var whileSoaking: String?

    /// A timeout for hosts that never converge: just enough for two observations of an agent.
    static let short = "7s"

    func run() async throws -> Verified {
        try await start().finish()
    }

    func start() throws -> RunningVerification {
        let folder = try TemporaryFolder()
        let lines = hosts.map { host in
            "  - {name: \(host.name), url: \"\(host.url)\"\(host.id.map { ", id: \($0)" } ?? "")}"
        }
        let fleet = try folder.write(
            "fleet.yaml",
            (["service: canvas", hosts.isEmpty ? "hosts: []" : "hosts:"] + lines).joined(separator: "\n") + "\n")
        var arguments = ["verify", "--fleet", fleet, "--timeout", timeout, "--soak", soak, "--interval", "200ms"]
        arguments += ["--request-timeout", "2s", "--store", store, "--progress", "plain"]
        arguments += ["--report", "json=\(folder.path("report.json"))"]
        arguments += ["--report", "evidence=\(folder.path("evidence.ndjson"))"]
        if let sha { arguments += ["--sha", sha] }
        if let digest { arguments += ["--digest", "\(digest)"] }
        let environment = ["HOME": folder.path, "folder": folder.path]
        let program =
            if let whileSoaking {
                try Program.installed("sh", remedy: "apt-get install dash").start(
                    ["-c", Self.beside(whileSoaking), try Program.collector().path] + arguments + more,
                    environment: environment)
            } else {
                try Program.collector().start(arguments + more, environment: environment)
            }
        return RunningVerification(program: program, folder: folder, hosts: hosts)
    }
}

extension Verify {
    /// A script that runs the program given as `$0` with its arguments, and these commands beside it.
    fileprivate static func beside(_ commands: String) -> String {
        """
        "$0" "$@" 2>"$folder/progress" & pid=$!
        while kill -0 $pid 2>/dev/null && ! grep -q soaking "$folder/progress"; do sleep 0.05; done
        \(commands)
        wait $pid
        code=$?
        cat "$folder/progress" >&2
        exit $code
        """
    }
}

/// A verification in progress.
struct RunningVerification {
    let program: RunningProgram
    let folder: TemporaryFolder
    /// The hosts, whose agents run until the verification has ended.
    let hosts: [FleetHost]

    /// Waits until the progress on standard error contains this text.
    func says(_ text: String) async throws {
        try await eventually("the progress says '\(text)'", detail: { "\n\(program.error)" }) {
            #expect(program.exitCode == nil || program.error.contains(text), "it ended before: \(program.error)")
            return program.exitCode != nil || program.error.contains(text)
        }
    }

    /// Waits for its end, reads its report, and checks the report against the schema.
    func finish() async throws -> Verified {
        let outcome = try await program.wait()
        withExtendedLifetime(hosts) {}
        try #require(folder.contains("report.json"), "no report: \(outcome.exitCode) \(outcome.error)")
        let json = try folder.read("report.json")
        let defects = try await SchemaValidator.defects(json, against: .report)
        #expect(defects.isEmpty, "\(defects)")
        let report = try JSONDecoder().decode(Verified.Report.self, from: Data(json.utf8))
        #expect(Int(outcome.exitCode) == report.exitCode, "exit code and report differ")
        try await replay(json, exitCode: outcome.exitCode)
        return Verified(exitCode: outcome.exitCode, report: report, output: outcome.output, progress: outcome.error)
    }
}

extension RunningVerification {
    /// Replays the evidence of the verification, which must lead to the same report.
    private func replay(_ json: String, exitCode: Int32) async throws {
        let outcome = try await Program.collector().run(
            ["replay", folder.path("evidence.ndjson"), "--report", "json=\(folder.path("replayed.json"))"])
        #expect(outcome.exitCode == exitCode, "the replay ended otherwise: \(outcome.error)")
        #expect(try folder.read("replayed.json") == json, "the evidence replays to another report")
    }
}

/// The result of a verification, as a pipeline and a person see it.
struct Verified: CustomTestStringConvertible {
    let exitCode: Int32
    let report: Report
    let output: String
    /// Standard error.
    let progress: String

    var testDescription: String { "exit \(exitCode), \(report.verdict)\n\(progress)" }

    /// The only host with this name.
    func host(_ name: String) throws -> Report.Host {
        let hosts = report.hosts.filter { $0.name == name }
        try #require(hosts.count == 1, "\(name) is in the report \(hosts.count) times")
        return hosts[0]
    }

    /// The report in the form of the schema, decoded independently of the collector's types.
    struct Report: Decodable, Sendable {
        struct Reason: Decodable, Sendable {
            var verdict: String
            var hosts: Int
            var message: String
        }

        struct Summary: Decodable, Sendable {
            var expected: Int
            var proven: Int
            var statuses: [String: Int]
        }

        struct Facts: Decodable, Sendable {
            var reach: String
            var identity: String
            var build: String
            var runtime: String
        }

        struct Transition: Decodable, Sendable {
            var seconds: Double
            var status: String
            var reason: String
        }

        struct Host: Decodable, Sendable {
            var name: String
            var status: String
            var reason: String
            var facts: Facts
            var attempts: Int
            var transitions: [Transition]
        }

        struct Run: Decodable, Sendable {
            var id: String
            var durationSeconds: Double
        }

        struct Target: Decodable, Sendable {
            var environment: String
            var generation: Int?
        }

        var verification: Run
        var target: Target
        var verdict: String
        var exitCode: Int
        var reasons: [Reason]
        var warnings: [String]?
        var summary: Summary
        var hosts: [Host]

        private enum CodingKeys: String, CodingKey {
            case verification, target, verdict, reasons, warnings, summary, hosts
            case exitCode = "exit_code"
        }
    }
}

extension Verified.Report.Run {
    private enum CodingKeys: String, CodingKey {
        case id
        case durationSeconds = "duration_seconds"
    }
}
