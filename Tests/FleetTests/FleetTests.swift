import FoundationEssentials
import Glibc
import Shared
import Support
import Testing

@Suite("The fleet on loopback", .timeLimit(.minutes(3)))
struct FleetTests {
    private static let target = String(repeating: "b", count: 40)

    /// Starts a fleet on a free port, with files in a folder.
    private func start(_ arguments: [String], _ folder: TemporaryFolder) async throws -> (RunningProgram, port: String)
    {
        let running = try Program.fleet().start(
            ["--port", "0", "--ready-file", folder.path("port"), "--for", "60s"] + arguments)
        try await eventually("the fleet listens") {
            try #require(running.exitCode == nil, "\(running.error)")
            return (try? folder.read("port"))?.hasSuffix("\n") == true
        }
        return (running, String(try folder.read("port").prefix { $0 != "\n" }))
    }

    @Test("A host answers with its own document, the nonce, and the headers of an agent")
    func document() async throws {
        let folder = try TemporaryFolder()
        let (running, port) = try await start(["--hosts", "300"], folder)
        defer { running.kill() }
        let answer = try #require(
            LoopbackRequest("GET", "127.1.1.44:\(port)", "/buildinfo/canvas?nonce=a%22b%5C").answer())
        #expect(answer.status == 200)
        let document = try JSONDecoder().decode(Document.self, from: Data(answer.body))
        #expect(document.host.name == "host-000300")
        #expect(document.host.id == answer.headers["buildinfo-host"])
        #expect(document.nonce == "a\"b\\")
        #expect(answer.headers["buildinfo-nonce"] == "a\"b\\")
        #expect(document.gitSHA.value?.hex == String(repeating: "a", count: 40))
        #expect(document.state == .serving)
        #expect(RFC3339.isTimestamp(document.observedAt))
        #expect(LoopbackRequest("GET", "127.1.1.45:\(port)", "/buildinfo").answer()?.status == 404)
        #expect(LoopbackRequest("GET", "127.1.0.1:\(port)", "/buildinfo?nonce=%0a").answer()?.status == 400)
        #expect(LoopbackRequest("POST", "127.1.0.1:\(port)", "/buildinfo").answer()?.status == 405)
    }

    @Test("A request is held until its time ends, or until the host changes")
    func hold() async throws {
        let folder = try TemporaryFolder()
        try folder.write("script", "2s 1 target # then it has another container\n")
        let (running, port) = try await start(["--hosts", "2", "--script", folder.path("script")], folder)
        defer { running.kill() }
        var tags: [String] = []
        for host in 1...2 {
            let answer = try #require(LoopbackRequest("GET", "127.1.0.\(host):\(port)", "/buildinfo").answer())
            tags.append(try #require(answer.headers["etag"]))
        }
        var changing = LoopbackRequest("GET", "127.1.0.1:\(port)", "/buildinfo?nonce=1")
        changing.headers = [("If-None-Match", tags[0]), ("Prefer", "wait=9")]
        let changed = try #require(changing.answer())
        #expect(changed.status == 200)
        #expect(changed.headers["preference-applied"] == "wait=9")
        let document = try JSONDecoder().decode(Document.self, from: Data(changed.body))
        #expect(document.gitSHA.value?.hex == Self.target)
        var same = LoopbackRequest("GET", "127.1.0.2:\(port)", "/buildinfo?nonce=2")
        same.headers = [("If-None-Match", tags[1]), ("Prefer", "wait=1")]
        let kept = try #require(same.answer())
        #expect(kept.status == 304)
        #expect(kept.headers["etag"] == tags[1])
        #expect(kept.headers["buildinfo-nonce"] == "2")
        #expect(kept.headers["buildinfo-age"] != nil)
        #expect(kept.body.isEmpty)
    }

    @Test("Without long polls, an unchanged document is answered at once")
    func noLongPolls() async throws {
        let folder = try TemporaryFolder()
        let (running, port) = try await start(["--hosts", "1", "--no-long-polls"], folder)
        defer { running.kill() }
        var request = LoopbackRequest("GET", "127.1.0.1:\(port)", "/buildinfo")
        let tag = try #require(request.answer()?.headers["etag"])
        request.headers = [("If-None-Match", tag), ("Prefer", "wait=30")]
        let clock = ContinuousClock()
        let start = clock.now
        let answer = try #require(request.answer())
        #expect(answer.status == 304)
        #expect(answer.headers["preference-applied"] == nil)
        #expect(clock.now - start < .seconds(20))
    }

    @Test("Hosts refuse, fail, hang and recover as the script says")
    func faults() async throws {
        let folder = try TemporaryFolder()
        try folder.write("script", "0s 1 refuse\n0s 2 error\n0s 3 unhealthy\n0s 4 hang\n")
        let (running, port) = try await start(["--hosts", "5", "--script", folder.path("script")], folder)
        defer { running.kill() }
        func answer(_ host: Int) -> LoopbackRequest.Answer? {
            LoopbackRequest("GET", "127.1.0.\(host):\(port)", "/buildinfo").answer()
        }
        #expect(answer(1) == nil)
        #expect(answer(2)?.status == 500)
        let unhealthy = try #require(answer(3))
        #expect(try JSONDecoder().decode(Document.self, from: Data(unhealthy.body)).state == .unhealthy)
        // The request ends by its own time limit.
        #expect(answer(4) == nil)
        #expect(answer(5)?.status == 200)
        running.signal(SIGUSR1)
        try await eventually("statistics") { running.output.contains("connections 5,") }
        running.signal(SIGTERM)
        #expect(try await running.wait().exitCode == 0)
    }

    @Test(
        "A bad script is refused with its line and a remedy",
        arguments: [
            ("5 all target", "unit"), ("5s every target", "all, a number"), ("5s 3-1 target", "all, a number"),
            ("5s all slow", "duration"), ("5s all sleep", "unknown action"), ("5s all", "too few words"),
            ("5s 101% hang", "a share"), ("5s all hang 3s", "too many words"), ("0s all slow 61s", "at most 60s"),
        ])
    func badScript(line: String, problem: String) async throws {
        let folder = try TemporaryFolder()
        try folder.write("script", "# Comment\n\(line)\n")
        let outcome = try await Program.fleet().run(["--port", "0", "--script", folder.path("script")])
        #expect(outcome.exitCode == 64)
        #expect(outcome.error.contains("line 2"), "\(outcome.error)")
        #expect(outcome.error.contains(problem), "\(outcome.error)")
    }

    @Test("A fleet that converges with dead hosts within the limit is proven")
    func verify() async throws {
        let folder = try TemporaryFolder()
        let (running, _) = try await start(
            ["--hosts", "200", "--converge-over", "2s", "--dead", "1%", "--inventory", folder.path("fleet.json")],
            folder)
        defer { running.kill() }
        let outcome = try await Program.collector().run([
            "verify", "--fleet", folder.path("fleet.json"), "--sha", Self.target, "--store", "none", "--soak", "1s",
            "--max-unreachable", "2%", "--timeout", "40s", "--progress", "none",
        ])
        #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.error)")
        #expect(outcome.output.contains("198 of 200"), "\(outcome.output)")
    }
}
