import Foundation
import Glibc
import Support
import Testing

@Suite("End to end: drill", .timeLimit(.minutes(5)))
struct DrillCommandTests {
    private struct Summary: Decodable {
        struct Case: Decodable {
            var name: String
            var caught: Bool
            var complaint: String?
        }

        var caught: Bool
        var cases: [Case]
    }

    @Test("Every fault is caught, whatever the environment sets, and the user's files are untouched")
    func drill() async throws {
        let home = try TemporaryFolder()
        let temporary = try home.makeFolder("tmp")
        // Each of these would blind the gate, or redirect its requests and its ledger.
        let environment = [
            "HOME": home.path, "TMPDIR": temporary, "XDG_STATE_HOME": home.path("state"),
            "STATE_DIRECTORY": home.path("state"), "BUILDINFO_STORE": home.path("ledger.db"),
            "BUILDINFO_REPORT": "json=\(home.path("report.json"))", "BUILDINFO_MAX_STRAGGLERS": "100%",
            "BUILDINFO_MAX_UNREACHABLE": "100%", "BUILDINFO_MAX_FAILED": "100%", "BUILDINFO_MIN_PROVEN": "0",
            "BUILDINFO_ALLOW_EMPTY": "1", "BUILDINFO_SUPERSEDED_OK": "1", "BUILDINFO_FAIL_AFTER": "1000",
            "BUILDINFO_TIMEOUT": "1ms", "http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1",
        ]
        let outcome = try await Program.collector().run(["drill", "--format", "json"], environment: environment)
        let summary = try JSONDecoder().decode(Summary.self, from: Data(outcome.output.utf8))
        #expect(summary.cases.filter { !$0.caught }.isEmpty, "\(summary.cases.compactMap(\.complaint))")
        #expect(summary.caught)
        #expect(summary.cases.count >= 25)
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(outcome.error.isEmpty, "\(outcome.error)")
        #expect(try home.names() == ["tmp"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
    }

    @Test("An interrupted drill ends with the signal's exit code and leaves no files")
    func interrupted() async throws {
        let temporary = try TemporaryFolder()
        let running = try Program.collector().start(["drill"], environment: ["TMPDIR": temporary.path])
        // Once there is a ledger, a verification has trapped the signals.
        try await eventually("the drill has begun") {
            let paths = FileManager.default.enumerator(atPath: temporary.path)?.compactMap { $0 as? String } ?? []
            return running.exitCode != nil || paths.contains { $0.hasSuffix("ledger.db") }
        }
        running.signal(SIGTERM)
        let outcome = try await running.wait()
        #expect(outcome.exitCode == 143, "\(outcome.output)\(outcome.error)")
        #expect(outcome.output.isEmpty)
        #expect(outcome.error.contains("interrupted"))
        #expect(try temporary.names().isEmpty)
    }

    @Test("Without a loopback interface, the drill ends with 69 and does not blame the gate")
    func noLoopback() async throws {
        let unshare = try Program.installed("unshare", remedy: "apt-get install util-linux")
        let outcome = try await unshare.run(["--net", "--", Program.collector().path, "drill"])
        #expect(outcome.exitCode == 69, "\(outcome.output)\(outcome.error)")
        #expect(outcome.output.isEmpty)
        #expect(outcome.error.split(separator: "\n").count == 1, "\(outcome.error)")
        #expect(outcome.error.contains("loopback"))
    }
}
