import Foundation
import Support
import Testing

@testable import EndToEndFixtures

/// Environments in which a pipeline can run a program: no home, no terminal, no disk space, closed pipes.
@Suite("End to end, closed streams and full or read-only disks", .timeLimit(.minutes(5)))
struct StreamTests {
    /// Runs a shell script that calls `$verify` with flags. The verification converges or runs until its deadline.
    private static func shell(
        _ script: String, environment: [String: String] = [:], converges: Bool = true, store: String = "none"
    ) async throws -> (outcome: RunningProgram.Outcome, folder: TemporaryFolder) {
        let folder = try TemporaryFolder()
        let hosts = try await ScriptedHost.start { _ in
            .json(#"{"git_sha":"\#(converges ? Commit.new : Commit.old)"}"#)
        }
        let preamble = """
            verify() {
                '\(try Program.collector().path)' verify --service canvas --host '\(hosts.url())' --sha \(Commit.new) --timeout 15s \
                    --soak 500ms --interval 200ms \(store.isEmpty ? "" : "--store '\(store)'") "$@"
            }
            cd '\(folder.path)'

            """
        let bash = try Program.installed("bash", remedy: "apt-get install bash")
        let outcome = try await bash.run(
            ["-c", preamble + script], environment: ["HOME": folder.path].merging(environment) { $1 })
        await hosts.stop()
        return (outcome, folder)
    }

    private static let pipesTable = [
        "verify --report text=- | head -n 1", "verify --report text=- | :", "verify --report json=- | :",
        "verify 2>&1 | :", "verify --progress plain --log-level trace --report json=- 2>&1 | head -c 1",
    ]

    @Test(
        "A reader that closes the pipe does not change the exit code, and causes no error output",
        arguments: pipesTable,
        [true, false])
    func closedPipe(_ pipe: String, _ converges: Bool) async throws {
        let (outcome, _) = try await Self.shell(pipe + "\necho \"code ${PIPESTATUS[0]}\"", converges: converges)
        #expect(outcome.output.contains("code \(converges ? 0 : 10)\n"), "\(outcome.output) \(outcome.error)")
        for noise in ["Broken pipe", "roken", "SIGPIPE", "Fatal"] { #expect(!outcome.error.contains(noise)) }
    }

    private static let fullTable: [(String, Int32, String)] = [
        // A lost report is a failure, and the error names the verdict.
        ("verify --report json=- > /dev/full", 69, "standard output' (No space left on device)"),
        ("verify --report json=/dev/full", 69, "'/dev/full' (No space left on device)"),
        (
            "verify --report json=/dev/full --report text=report.txt; code=$?; cat report.txt; exit $code", 69,
            "/dev/full"
        ),
        ("verify > /dev/full", 69, "standard output' (No space left on device)"),
        ("verify --report text=/dev/full > /dev/full", 69, "'/dev/full' (No space left on device)"),
        // Only the exit code and the table remain.
        ("verify 2> /dev/full", 0, ""), ("verify --report text=/dev/null", 0, ""),
    ]

    @Test("A full device is named, and commands that need no space still work", arguments: fullTable)
    func full(_ script: String, _ code: Int32, _ part: String) async throws {
        let (outcome, _) = try await Self.shell(script)
        #expect(outcome.exitCode == code, "\(outcome.error)")
        #expect(part.isEmpty || outcome.error.contains(part), "\(outcome.error)")
        if code == 69 { #expect(outcome.error.contains("the verdict was converged (exit 0)"), "\(outcome.error)") }
        if script.contains("cat") {
            #expect(outcome.output.contains("converged (exit 0)"), "the other report is missing")
        }
    }

    private static let closedTable: [(String, Int32)] = [
        ("2>&-", 0), (">&-", 0), ("<&-", 0), ("<&- >&- 2>&-", 0), ("--report text=- >&-", 69),
    ]

    @Test(
        "Output to a closed stream goes nowhere, and never into another file or connection",
        arguments: closedTable, ["ledger.db", "none"])
    func closed(_ call: (flags: String, code: Int32), _ store: String) async throws {
        let script = "verify --report json=report.json --log-level trace \(call.flags)"
        let (outcome, folder) = try await Self.shell(script, store: store)
        #expect(outcome.exitCode == call.code, "\(outcome.error)")
        let json = try folder.read("report.json")
        #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
        // Output that is written into a host's connection would corrupt a request.
        #expect(!json.contains("\"unreachable\"") && !json.contains("\"agent_error\""), "\(json)")
        guard store != "none" else { return }
        let history = try await Program.collector().succeed(["history", "--store", folder.path("ledger.db")])
        #expect(history.contains("converged"), "\(history)")
    }

    @Test("The descriptor of a closed stream stays reserved while the program runs")
    func reserved() async throws {
        let hosts = try await ScriptedHost.start { _ in .json(#"{"git_sha":"\#(Commit.old)"}"#) }
        let verify =
            "'\(try Program.collector().path)' verify --service canvas --host '\(hosts.url())' --sha \(Commit.new) --store none"
        let bash = try Program.installed("bash", remedy: "apt-get install bash")
        let running = try bash.start(["-c", "exec \(verify) <&- >&- 2>&-"])
        await hosts.reached { $0.requests > 1 }
        for descriptor in 0...2 {
            let link = "/proc/\(running.processID)/fd/\(descriptor)"
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "/dev/null")
        }
        running.kill()
        await hosts.stop()
    }

    private static let homesTable: [([String: String], String, Int32, String)] = [
        // Without a writable place, the command fails before the first request and names the remedy.
        (["HOME": "/proc/self"], "verify", 64, "--store none"),
        (["HOME": "/nonexistent/x"], "unset HOME; verify", 64, "--store none"),
        (["HOME": "/dev/null"], "verify", 64, "--store none"), (["HOME": ""], "verify", 64, "--store none"),
        // Not needed with --store none.
        (["HOME": "/proc/self"], "verify --store none", 0, ""), ([:], "unset HOME; verify --store none", 0, ""),
        ([:], "unset HOME; STATE_DIRECTORY=$PWD verify", 0, ""),
        (["HOME": "/proc/self"], "XDG_STATE_HOME=$PWD verify", 0, ""),
    ]

    @Test("Without a writable home, the error names what is missing, unless no home is needed", arguments: homesTable)
    func home(_ environment: [String: String], _ script: String, _ code: Int32, _ part: String) async throws {
        let (outcome, _) = try await Self.shell(script, environment: environment, store: "")
        #expect(outcome.exitCode == code, "\(outcome.error)")
        #expect(part.isEmpty || outcome.error.contains(part), "\(outcome.error)")
        if code == 64 { #expect(outcome.error.split(separator: "\n").count == 1, "\(outcome.error)") }
    }

    /// The same on a temporary file system in its own mount namespace.
    private static func shell(on options: String, _ script: String) async throws -> RunningProgram.Outcome {
        let unshare = try Program.installed("unshare", remedy: "apt-get install util-linux").path
        let mounted = """
            mkdir disk other
            export -f verify
            exec \(unshare) --mount bash -c 'mount -t tmpfs -o \(options) none disk || exit 99; \(script)'
            """
        let result = try await shell(mounted, store: "")
        try #require(result.outcome.exitCode != 99, "no file system can be mounted: \(result.outcome.error)")
        return result.outcome
    }

    private static let readOnlyTable: [(String, Int32, String)] = [
        ("verify --store none --report json=disk/report.json", 64, "disk/report.json' (Read-only file system)"),
        ("verify --store disk/ledger.db", 64, "disk/ledger.db"), ("HOME=$PWD/disk verify", 64, "--store none"),
        ("cd disk; HOME=/nonexistent TMPDIR=$PWD verify --store none --report json=../other/report.json", 0, ""),
    ]

    @Test(
        "A read-only disk is reported before any host is contacted, unless no writing is needed",
        arguments: readOnlyTable)
    func readOnly(_ script: String, _ code: Int32, _ part: String) async throws {
        let outcome = try await Self.shell(on: "ro", script)
        #expect(outcome.exitCode == code, "\(outcome.error)")
        #expect(part.isEmpty || outcome.error.contains(part), "\(outcome.error)")
    }

    @Test("If the disk fills up, the missing report is an error, the old one stays, and no partial file is left")
    func fillsUp() async throws {
        let outcome = try await Self.shell(
            on: "size=16k",
            """
            echo old > disk/report.json; dd if=/dev/zero of=disk/filler bs=1k 2> other/dd;
            verify --store none --report json=disk/report.json --report json=other/report.json; code=$?;
            cat disk/report.json; ls disk; wc -l < other/report.json; exit $code
            """)
        #expect(outcome.exitCode == 69, "\(outcome.error)")
        #expect(outcome.error.contains("No space left on device"), "\(outcome.error)")
        #expect(outcome.output.contains("\nold\nfiller\nreport.json\n"), "\(outcome.output)")
        #expect(!outcome.output.hasSuffix("\n0\n"), "the other report is missing")
    }
}
