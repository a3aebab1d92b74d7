import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared
import Support
import Testing

@testable import Agent
@testable import AgentCore

@Suite struct LocalSourceTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private struct Parts {
        var documents: DocumentStore
        var source: LocalSource
        var metrics: Metrics
        var group: MultiThreadedEventLoopGroup
    }

    private func parts(_ services: [String], engine: String, clock: Clock) throws -> Parts {
        let configuration = SourceConfiguration(
            services: try services.map(Samples.service),
            engines: try EngineSockets(parsing: ["unix://\(engine)"], environment: [:]),
            host: Samples.host)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let (documents, metrics) = (try DocumentStore(configuration: configuration), Metrics())
        let source = LocalSource(
            configuration: configuration, documents: documents, group: group, metrics: metrics, clock: clock,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        return Parts(documents: documents, source: source, metrics: metrics, group: group)
    }

    @Test("A fresh document costs no scan, an older one costs one for all requests, and ages count from its start")
    func coalescing() async throws {
        let hand = HandClock()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let parts = try parts(["canvas=compose:canvas"], engine: engine.socketPath, clock: hand.clock)
        await parts.source.refresh("canvas")
        #expect(parts.metrics.current.scans == 1)
        hand.advance(.seconds(1))
        await parts.source.refresh("canvas")
        #expect(parts.metrics.current.scans == 1)
        hand.advance(.milliseconds(1))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { await parts.source.refresh("canvas") } }
        }
        #expect(parts.metrics.current.scans == 2)
        #expect(parts.documents.entry("canvas")?.startedAt == hand.clock.now())
        #expect(parts.documents.entry("canvas")?.body.content.state == .serving)
        try await engine.stop()
        try await parts.group.shutdownGracefully()
    }

    @Test("A lost engine makes the state unknown at the next scan, from which its age counts")
    func lost() async throws {
        let hand = HandClock()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let parts = try parts(["canvas=compose:canvas"], engine: engine.socketPath, clock: hand.clock)
        await parts.source.refreshAll()
        #expect(parts.documents.entry("canvas")?.body.content.state == .serving)
        try await engine.stop()
        hand.advance(.seconds(3))
        await parts.source.refresh("canvas")
        let entry = try #require(parts.documents.entry("canvas"))
        #expect(entry.body.content.state == .unknown)
        #expect(entry.body.content.gitSHA == nil)
        #expect(entry.startedAt == hand.clock.now())
        #expect(parts.metrics.current.scanFailures == [.unreachable: 1])
        try await parts.group.shutdownGracefully()
    }

    @Test("While a scan hangs, the last document only grows older")
    func hanging() async throws {
        let hand = HandClock()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let parts = try parts(["canvas=compose:canvas"], engine: engine.socketPath, clock: hand.clock)
        await parts.source.refreshAll()
        let before = try #require(parts.documents.entry("canvas")?.startedAt)
        engine.update { $0.overrides["/info"] = .hang }
        hand.advance(.seconds(10))
        let refresh = Task { await parts.source.refresh("canvas") }
        await engine.waitForRequests(8)
        #expect(parts.documents.entry("canvas")?.startedAt == before)
        await refresh.value
        #expect(parts.documents.entry("canvas")?.body.content.state == .unknown)
        #expect(parts.metrics.current.scanFailures == [.timeout: 1])
        try await engine.stop()
        try await parts.group.shutdownGracefully()
    }

    @Test("An unchanged content keeps its entity tag; a changed one gets another")
    func entityTag() async throws {
        let hand = HandClock()
        let path = try folder.write(Samples.sha, to: "canvas")
        let parts = try parts(["canvas=file:\(path)"], engine: "/nowhere", clock: hand.clock)
        await parts.source.refreshAll()
        let first = try #require(parts.documents.entry("canvas"))
        hand.advance(.seconds(5))
        await parts.source.refreshAll()
        let second = try #require(parts.documents.entry("canvas"))
        #expect(second.body.entityTag == first.body.entityTag)
        #expect(second.startedAt != first.startedAt)
        try folder.write(Samples.otherSHA, to: "canvas")
        await parts.source.refreshAll()
        #expect(parts.documents.entry("canvas")?.body.entityTag != first.body.entityTag)
        #expect(parts.metrics.current.scans == 0)
        try await parts.group.shutdownGracefully()
    }

    @Test("A file is followed through removal, creation and a rename over it")
    func followed() async throws {
        let path = folder.file("canvas")
        let parts = try parts(["canvas=file:\(path)"], engine: "/nowhere", clock: .system)
        let running = Task { await parts.source.run() }
        func becomes(_ sha: String?) async -> Bool {
            for _ in 0..<600 {
                if let entry = parts.documents.entry("canvas"), entry.startedAt != nil,
                    entry.body.content.gitSHA?.hex == sha
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
        #expect(parts.documents.entry("canvas")?.body.content.state == .unknown)
        running.cancel()
        await running.value
        try await parts.group.shutdownGracefully()
    }

    @Test("An older observation never replaces a newer one")
    func order() throws {
        let configuration = SourceConfiguration(
            services: [try Samples.service("canvas=file:/x")],
            engines: try EngineSockets(parsing: [], environment: [:]),
            host: Samples.host)
        let documents = try DocumentStore(configuration: configuration)
        let now = ContinuousClock.now
        let content = { (state: ServiceState) in DocumentContent(service: "canvas", state: state, host: Samples.host) }
        try documents.publish(content(.exited), startedAt: now, observedAt: "")
        try documents.publish(content(.serving), startedAt: now - .seconds(1), observedAt: "")
        #expect(documents.entry("canvas")?.body.content.state == .exited)
    }
}
