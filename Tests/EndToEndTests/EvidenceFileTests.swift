import Glibc
import Support
import Testing

@testable import EndToEndFixtures

/// Evidence that is cut off, changed or piped. `Verify.finish` replays the evidence of all other verifications.
@Suite("End to end, evidence", .timeLimit(.minutes(5)))
struct EvidenceFileTests {
    @Test("A killed collector leaves evidence that replays to its last line, as interrupted")
    func killed() async throws {
        let folder = try TemporaryFolder()
        let good = try await HostAgent.start("host-1", selector: "file:\(try folder.write("good", Commit.new))")
        let late = try await HostAgent.start("host-2", selector: "file:\(try folder.write("late", Commit.old))")
        let running = try Verify(hosts: [good.host, late.host], sha: Commit.new).start()
        try await running.says("host-1: converged")
        // Evidence is written asynchronously, a moment later.
        try await eventually("the evidence says so") {
            try running.folder.read("evidence.ndjson").contains(#""status":"converged""#)
        }
        running.program.signal(SIGKILL)
        #expect(try await running.program.wait().exitCode == 137)
        let replay = try await Program.collector().run(["replay", running.folder.path("evidence.ndjson")])
        #expect(replay.exitCode == 130)
        #expect(replay.error.contains("cut short"), "\(replay.error)")
        let lines = replay.output.split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("host-1") && $0.contains("converged") }, "\(replay.output)")
        #expect(lines.contains { $0.hasPrefix("host-2") && $0.contains("pending") }, "\(replay.output)")
        #expect(lines.last?.contains("interrupted (exit 130)") == true)
    }

    @Test("Changed evidence exits with 64 and names the file and the changed line")
    func changed() async throws {
        let folder = try TemporaryFolder()
        let old = try await HostAgent.start("host-1", selector: "file:\(try folder.write("old", Commit.old))")
        let running = try Verify(hosts: [old.host], sha: Commit.new, timeout: Verify.short).start()
        #expect(try await running.finish().exitCode == 10)
        // The changes that would make the verdict green.
        let evidence = try running.folder.read("evidence.ndjson").replacing(Commit.old, with: Commit.new)
        let forged = try folder.write("forged.ndjson", evidence)
        let replay = try await Program.collector().run(["replay", forged])
        #expect(replay.exitCode == 64)
        #expect(replay.output.isEmpty)
        #expect(replay.error.contains("was changed: line "), "\(replay.error)")
        #expect(replay.error.contains("forged.ndjson"))
        #expect(replay.error.split(separator: "\n").count == 1)
    }

    @Test("Evidence can be written to a pipe and replayed from one")
    func piped() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("good", Commit.new))")
        let collector = try Program.collector()
        let verified = try await collector.run(
            [
                "verify", "--service", "canvas", "--host", agent.url, "--sha", Commit.new, "--soak", "1s", "--interval",
                "200ms",
            ]
                + ["--store", "none", "--progress", "none", "--report", "evidence=-"])
        #expect(verified.exitCode == 0, "\(verified.error)")
        let replay = try await collector.run(["replay", "-"], input: verified.output)
        #expect(replay.exitCode == 0, "\(replay.error)")
        #expect(replay.error.hasPrefix("the same statuses and verdict: "))
        #expect(replay.output.contains("converged (exit 0)"))
    }

    @Test("Evidence that does not fit on the disk is a failure; the other reports are written and mention it")
    func fullDisk() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("good", Commit.new))")
        let verified = try await Program.collector().run(
            [
                "verify", "--service", "canvas", "--host", agent.url, "--sha", Commit.new, "--soak", "1s", "--interval",
                "200ms",
            ]
                + ["--store", "none", "--report", "text=-", "--report", "evidence=/dev/full"])
        #expect(verified.exitCode == 69, "\(verified.error)")
        #expect(verified.error.contains("the verdict was converged (exit 0)"), "\(verified.error)")
        #expect(verified.output.contains("No space left on device"), "\(verified.output)")
    }

    @Test("Evidence that reaches the limit of a file's size is a failure, and replays to its last line")
    func limitedFile() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("good", Commit.new))")
        let collector = try Program.collector()
        let verified = try await Program.installed("sh", remedy: "apt-get install dash").run(
            [
                "-c", "ulimit -f 4; exec \"$0\" \"$@\"", collector.path, "verify", "--service", "canvas", "--host",
                agent.url, "--sha", Commit.new, "--soak", "2s", "--interval", "100ms", "--store", "none", "--report",
                "text=-", "--report", "evidence=\(folder.path("e"))",
            ])
        #expect(verified.exitCode == 69, "\(verified.error)")
        #expect(verified.output.contains("File too large"), "\(verified.output)")
        let replay = try await collector.run(["replay", folder.path("e")])
        #expect(replay.exitCode == 130, "\(replay.error)")
        #expect(replay.error.contains("cut short"), "\(replay.error)")
    }

    @Test("An interrupted verification does not wait for a reader of its evidence who does not read")
    func stuckReader() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("old", Commit.old))")
        let path = folder.path("pipe")
        try #require(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        try #require(reader >= 0)
        defer { close(reader) }
        // F_SETPIPE_SZ: one page.
        try #require(fcntl(reader, 1_031, 4_096) == 4_096)
        let running = try Program.collector().start(
            [
                "verify", "--service", "canvas", "--host", agent.url, "--sha", Commit.new, "--interval", "20ms",
                "--store", "none", "--progress", "plain", "--report", "evidence=\(path)",
            ])
        // By then, more was recorded than the pipe holds.
        try await eventually("an answer is recorded") { running.error.contains("pending") }
        running.signal(SIGINT)
        let outcome = try await running.wait(within: .seconds(20))
        #expect(outcome.exitCode == 69, "\(outcome.error)")
        #expect(outcome.error.contains("interrupted (exit 130)"), "\(outcome.error)")
        #expect(outcome.output.contains("more slowly than evidence comes"), "\(outcome.output)")
    }

    @Test(
        "Evidence that cannot be written is an immediate error with a remedy",
        arguments: [
            (
                [
                    "status", "--service", "canvas", "--host", "127.0.0.1:1", "--store", "none", "--report",
                    "evidence=e",
                ], "to verify"
            ),
            (
                ["verify", "--service", "canvas", "--host", "h", "--store", "none", "--report", "evidence=/nowhere/e"],
                "choose another path"
            ),
            (
                ["verify", "--service", "canvas", "--host", "h", "--store", "none", "--report", "evidence="],
                "evidence=evidence.ndjson"
            ),
            (["replay", "/nowhere/e"], "check the path"),
            (["replay", "/dev/null"], "nothing was verified"),
        ])
    func refused(_ arguments: [String], _ remedy: String) async throws {
        let target = arguments[0] == "replay" ? [] : ["--sha", Commit.new]
        let result = try await Program.collector().run(arguments + target)
        #expect(result.exitCode == 64)
        #expect(result.error.contains(remedy), "\(result.error)")
        #expect(result.error.split(separator: "\n").count == 1)
    }
}
