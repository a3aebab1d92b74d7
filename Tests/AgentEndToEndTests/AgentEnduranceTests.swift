import Foundation
import Shared
import Support
import Testing

@testable import EndToEndFixtures

/// A long life in a short time: an engine double sends restarts as fast as the agent accepts them.
@Suite("End to end: 100,000 restarts", .timeLimit(.minutes(10)))
struct AgentEnduranceTests {
    private static let restarts = 100_000
    private static let digits = String(repeating: "1", count: 64)

    private static func script(restart: Int) -> FakeEngineScript {
        FakeEngineScript(
            .classic,
            containers: [
                .init(
                    id: String((String(restart, radix: 16) + digits).prefix(64)), name: "canvas-1",
                    typedImage: "registry.example/canvas:latest", imageID: "sha256:\(digits)",
                    restartCount: restart)
            ],
            images: [
                .init(
                    id: "sha256:\(digits)", tags: ["registry.example/canvas:latest"],
                    labels: [BuildinfoProtocol.revisionLabel: Commit.new])
            ])
    }

    private struct Footprint {
        /// KiB.
        var resident: Int
        var files: Int

        init(_ process: Int32) throws {
            let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
            resident = try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
            files = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
        }
    }

    @Test("Memory and descriptors stay constant, and the last state is reported")
    func endurance() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.path("e.sock"), script: Self.script(restart: 0))
        try await engine.start()
        let agent = try await HostAgent.start(
            "host-1", selector: "container:canvas-1", arguments: ["--engine", "unix://\(engine.socketPath)"])
        try await eventually("the event stream is open") { engine.streamCount == 1 }
        let (died, started) = (FakeEngine.event("container", "die"), FakeEngine.event("container", "start"))
        var early: Footprint?
        let step = 1_000
        for done in stride(from: step, through: Self.restarts, by: step) {
            for restart in (done - step + 1)...done {
                engine.script = Self.script(restart: restart)
                engine.emit(died + started)
            }
            try await eventually("the agent has received \(done) restarts") {
                try agent.metric("buildinfo_engine_events_total") >= Double(done * 2)
            }
            if done == Self.restarts / 5 { early = try Footprint(agent.program.processID) }
        }
        try await eventually("the last restart is seen") {
            let answer = try #require(LoopbackRequest("GET", agent.authority, "/buildinfo?nonce=1").answer())
            return answer.text.contains("\"restart_count\":\(Self.restarts)")
        }
        let (before, after) = (try #require(early), try Footprint(agent.program.processID))
        #expect(after.resident <= before.resident + 2_048, "\(before) \(after)")
        #expect(after.files <= before.files + 4, "\(before) \(after)")
        #expect(try agent.metric("buildinfo_engine_looks_total") > 10)
        agent.program.kill()
        try await engine.stop()
    }
}
