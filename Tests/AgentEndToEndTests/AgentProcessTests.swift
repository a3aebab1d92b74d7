import Foundation
import Glibc
import Shared
import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end: the agent as a process", .timeLimit(.minutes(5)))
struct AgentProcessTests {
    /// Starts requests in separate processes, and returns when the agent holds them.
    private func hold(_ agent: HostAgent, count: Int = 1) async throws -> [RunningProgram] {
        let tag = try #require(LoopbackRequest("GET", agent.authority, "/buildinfo").answer()?.headers["etag"])
        let polls = try (0..<count).map { _ in try poll(agent, tag: tag) }
        try await eventually("all are held") { try agent.metric("buildinfo_http_requests_held") == Double(count) }
        return polls
    }

    private func poll(_ agent: HostAgent, tag: String) throws -> RunningProgram {
        try Program.installed("curl", remedy: "apt-get install curl").start([
            "-si", "http://\(agent.authority)/buildinfo?nonce=n1", "-H", "If-None-Match: \(tag)", "-H",
            "Prefer: wait=50",
        ])
    }

    /// The response to a held request.
    private func answer(_ poll: RunningProgram) async throws -> String {
        try await poll.wait().output.replacing("\r\n", with: "\n")
    }

    @Test("SIGTERM and SIGINT answer held requests at once, and the exit code is 0", arguments: [SIGTERM, SIGINT])
    func stopped(signal: Int32) async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.new))")
        let held = try await hold(agent)[0]
        agent.program.signal(signal)
        let answer = try await answer(held)
        #expect(answer.hasPrefix("HTTP/1.1 304 "))
        for header in ["Buildinfo-Nonce: n1", "Buildinfo-Host: id-of-host-1", "Buildinfo-Age: ", "Connection: close"] {
            #expect(answer.contains("\n\(header)"), "\(answer)")
        }
        #expect(try await agent.program.wait().exitCode == 0)
    }

    @Test("A replaced file answers a held request")
    func fileReplaced() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.old))")
        let held = try await hold(agent)[0]
        try folder.write("build", Commit.new)
        let answer = try await answer(held)
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
        #expect(answer.contains(Commit.new))
        #expect(answer.contains("\nPreference-Applied: wait=50\n"))
    }

    @Test("Connections beyond the limit are refused, and those within it are held")
    func maximum() async throws {
        let folder = try TemporaryFolder()
        let agent = try await HostAgent.start(
            "host-1", selector: "file:\(try folder.write("build", Commit.new))", arguments: ["--max-connections", "16"])
        let tag = try #require(LoopbackRequest("GET", agent.authority, "/buildinfo").answer()?.headers["etag"])
        let held = try await hold(agent, count: 15)
        // One connection is left. A silent one is closed for the next client.
        var sixteenth = try poll(agent, tag: tag)
        try await eventually("one more is refused") {
            if sixteenth.exitCode != nil { sixteenth = try poll(agent, tag: tag) }
            return LoopbackRequest("GET", agent.authority, "/healthz").answer()?.status == 503
        }
        sixteenth.kill()
        try folder.write("build", Commit.newer)
        for poll in held { #expect(try await answer(poll).hasPrefix("HTTP/1.1 200 ")) }
    }

    @Test("An invalid number of connections is 64", arguments: ["0", "15", "65537", "-1", "many"])
    func wrongMaximum(number: String) async throws {
        let outcome = try await Program.agent().run([
            "serve", "--service", "canvas=file:/nowhere", "--max-connections=\(number)", "--host-id", "id-of-host-1",
        ])
        #expect(outcome.exitCode == 64)
        #expect(outcome.error.contains("max-connections"))
    }

    @Test("An idle agent wakes up less than once a second")
    func idle() async throws {
        // Not in the shared temporary folder, whose constant changes would wake the agent.
        let build = "/var/tmp/buildinfo-test-\(getpid())/build"
        let folder = URL(fileURLWithPath: build).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(Commit.new.utf8).write(to: URL(fileURLWithPath: build))
        let agent = try await HostAgent.start("host-1", selector: "file:\(build)")
        let held = try await hold(agent)
        let process = agent.program.processID
        // The minimum of several runs, since other programs can write to the same folder.
        var fewest = Int.max
        for _ in 0..<3 {
            let before = try Self.switches(process)
            try await Task.sleep(for: .seconds(10))
            fewest = min(fewest, try Self.switches(process) - before)
        }
        #expect(fewest <= 10, "in ten seconds, all threads together")
        #expect(held.allSatisfy { $0.exitCode == nil }, "and somebody waits all the while")
    }

    /// The number of voluntary context switches of the process's threads, without those that have ended.
    private static func switches(_ process: Int32) throws -> Int {
        let tasks = "/proc/\(process)/task"
        return try FileManager.default.contentsOfDirectory(atPath: tasks).reduce(0) { sum, task in
            // A thread can end meanwhile.
            guard let status = try? String(contentsOfFile: "\(tasks)/\(task)/status", encoding: .utf8) else {
                return sum
            }
            let line = status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }
            return sum + (line?.split(separator: "\t").last.flatMap { Int($0) } ?? 0)
        }
    }

    @Test("A hung file system makes its service unknown, and delays no other one")
    func hangingFileSystem() async throws {
        guard geteuid() == 0 else {
            throw MissingPart("the right to mount a file system", remedy: "run the tests as root")
        }
        let folder = try TemporaryFolder()
        let mount = try folder.makeFolder("hung")
        let build = try folder.write("build", Commit.old)
        let unshare = try Program.installed("unshare", remedy: "apt-get install util-linux")
        let python = try Program.installed("python3", remedy: "apt-get install python3")
        let agent = try await HostAgent.start(
            "host-1", selector: "file:\(build)", arguments: ["--service", "web=file:\(mount)/build"],
            program: unshare,
            prefix: [
                "--mount", "--pid", "--fork", "--kill-child", python.path, "-c", Self.hang, mount,
                try Program.agent().path,
            ])
        let web = try #require(LoopbackRequest("GET", agent.authority, "/buildinfo/web?nonce=1").answer())
        #expect(web.text.contains(#""state":"unknown""#))
        #expect(web.text.contains("file system does not answer"), "\(web.text)")
        for commit in [Commit.new, Commit.newer] {
            let held = try await hold(agent)[0]
            try folder.write("build", commit)
            #expect(try await answer(held).contains(commit))
        }
        #expect(try agent.metric("buildinfo_engine_look_age_seconds{service=\"canvas\"}") < 11)
    }

    /// Mounts a file system whose server never answers in a private namespace, and runs a program there.
    private static let hang = """
        import ctypes, os, subprocess, sys
        server = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={server},rootmode=40000,user_id=0,group_id=0".encode()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"hung", sys.argv[1].encode(), b"fuse", 0, options) != 0:
            sys.exit("no hanging file system: " + os.strerror(ctypes.get_errno()))
        sys.exit(subprocess.call(sys.argv[2:]))
        """
}
