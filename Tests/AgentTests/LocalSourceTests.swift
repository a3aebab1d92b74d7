import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared
import Support
import Testing

@testable import Agent

@Suite struct LocalSourceTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private struct Parts {
        var board: DocumentStore
        var lookout: LocalSource
        var metrics: Metrics
        var group: MultiThreadedEventLoopGroup
    }

    private func parts(_ services: [String], engine: String, clock: Clock) throws -> Parts {
        let configuration = SourceConfiguration(
            services: try services.map(Samples.service),
            engines: try EngineSockets(parsing: ["unix://\(engine)"], environment: [:]),
            host: Samples.host)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let (board, metrics) = (try DocumentStore(configuration: configuration), Metrics())
        let lookout = LocalSource(
            configuration: configuration, board: board, group: group, metrics: metrics, clock: clock,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        return Parts(board: board, lookout: lookout, metrics: metrics, group: group)
    }

    @Test("Fresh evidence costs no look, older evidence one for all who wait, and its age counts from the look")
    func coalescing() async throws {
        let hand = HandClock()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let parts = try parts(["canvas=compose:canvas"], engine: engine.socketPath, clock: hand.clock)
        await parts.lookout.refresh("canvas")
        #expect(parts.metrics.current.looks == 1)
        hand.advance(.seconds(1))
        await parts.lookout.refresh("canvas")
        #expect(parts.metrics.current.looks == 1)
        hand.advance(.milliseconds(1))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { await parts.lookout.refresh("canvas") } }
        }
        #expect(parts.metrics.current.looks == 2)
        #expect(parts.board.entry("canvas")?.lookedAt == hand.clock.now())
        #expect(parts.board.entry("canvas")?.body.content.state == .serving)
        try await engine.stop()
        try await parts.group.shutdownGracefully()
    }

    @Test("A lost engine makes the state unknown with the next look, counted from that look")
    func lost() async throws {
        let hand = HandClock()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let parts = try parts(["canvas=compose:canvas"], engine: engine.socketPath, clock: hand.clock)
        await parts.lookout.lookAtAll()
        #expect(parts.board.entry("canvas")?.body.content.state == .serving)
        try await engine.stop()
        hand.advance(.seconds(3))
        await parts.lookout.refresh("canvas")
        let entry = try #require(parts.board.entry("canvas"))
        #expect(entry.body.content.state == .unknown)
        #expect(entry.body.content.gitSHA == nil)
        #expect(entry.lookedAt == hand.clock.now())
        #expect(parts.metrics.current.lookFailures == [.unreachable: 1])
        try await parts.group.shutdownGracefully()
    }

    @Test("While a look hangs, what is on the board only grows older")
    func hanging() async throws {
        let hand = HandClock()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let parts = try parts(["canvas=compose:canvas"], engine: engine.socketPath, clock: hand.clock)
        await parts.lookout.lookAtAll()
        let before = try #require(parts.board.entry("canvas")?.lookedAt)
        engine.update { $0.overrides["/info"] = .hang }
        hand.advance(.seconds(10))
        let look = Task { await parts.lookout.refresh("canvas") }
        await engine.waitForRequests(8)
        #expect(parts.board.entry("canvas")?.lookedAt == before)
        await look.value
        #expect(parts.board.entry("canvas")?.body.content.state == .unknown)
        #expect(parts.metrics.current.lookFailures == [.timeout: 1])
        try await engine.stop()
        try await parts.group.shutdownGracefully()
    }

    @Test("An unchanged content keeps its bytes; a changed one gets another entity tag")
    func entityTag() async throws {
        let hand = HandClock()
        let path = try folder.write(Samples.sha, to: "canvas")
        let parts = try parts(["canvas=file:\(path)"], engine: "/nowhere", clock: hand.clock)
        await parts.lookout.lookAtAll()
        let first = try #require(parts.board.entry("canvas"))
        hand.advance(.seconds(5))
        await parts.lookout.lookAtAll()
        let second = try #require(parts.board.entry("canvas"))
        #expect(second.body.entityTag == first.body.entityTag)
        #expect(second.lookedAt != first.lookedAt)
        try folder.write(Samples.otherSHA, to: "canvas")
        await parts.lookout.lookAtAll()
        #expect(parts.board.entry("canvas")?.body.entityTag != first.body.entityTag)
        #expect(parts.metrics.current.looks == 0)
        try await parts.group.shutdownGracefully()
    }

    @Test("A file is followed through removal, return and a rename over it")
    func followed() async throws {
        let path = folder.file("canvas")
        let parts = try parts(["canvas=file:\(path)"], engine: "/nowhere", clock: .system)
        let running = Task { await parts.lookout.run() }
        func becomes(_ sha: String?) async -> Bool {
            for _ in 0..<600 {
                if let entry = parts.board.entry("canvas"), entry.lookedAt != nil, entry.body.content.gitSHA?.hex == sha
                {
                    return true
                }
                try? await Task.sleep(for: .milliseconds(50))
            }
            return false
        }
        #expect(await becomes(nil))
        try folder.write(Samples.sha, to: "canvas")
        #expect(await becomes(Samples.sha))
        try folder.write(Samples.otherSHA, to: "next")
        #expect(rename(folder.file("next"), path) == 0)
        #expect(await becomes(Samples.otherSHA))
        #expect(unlink(path) == 0)
        #expect(await becomes(nil))
        #expect(parts.board.entry("canvas")?.body.content.state == .unknown)
        running.cancel()
        await running.value
        try await parts.group.shutdownGracefully()
    }

    @Test("An older look never replaces a newer one's evidence")
    func order() throws {
        let configuration = SourceConfiguration(
            services: [try Samples.service("canvas=file:/x")],
            engines: try EngineSockets(parsing: [], environment: [:]),
            host: Samples.host)
        let board = try DocumentStore(configuration: configuration)
        let now = ContinuousClock.now
        let content = { (state: ServiceState) in DocumentContent(service: "canvas", state: state, host: Samples.host) }
        try board.publish(content(.exited), lookedAt: now, observedAt: "")
        try board.publish(content(.serving), lookedAt: now - .seconds(1), observedAt: "")
        #expect(board.entry("canvas")?.body.content.state == .exited)
    }
}
