import NIOPosix
import Shared
import Support
import Testing

@testable import Agent
@testable import AgentCore

/// The agent with the event stream of a scripted engine.
@Suite struct EngineEventsTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Runs an agent with its engine, which is always stopped, and which fails the test on a request that is not permitted.
    private func withEngine(
        _ script: FakeEngineScript = EngineScripts.classic, _ body: (FakeEngine, ServerFixture) async throws -> Void
    ) async throws {
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: script)
        try await engine.start()
        do {
            try await withServer(services: ["canvas=compose:canvas"], engines: [engine.socketPath], folder: folder) {
                try await body(engine, $0)
            }
        } catch {
            try? await engine.stop()
            throw error
        }
        try await engine.stop()
    }

    /// Waits until scans are rare: a stream is open, and the document is much older than the two seconds between scans
    /// without events.
    private func calm(_ server: ServerFixture) async throws {
        // After a change that a scan saw before its event, events are not relied on for a minute.
        try await eventually("scans have become rare", within: .seconds(120)) {
            server.metrics.current.engineStreams.values.allSatisfy(\.isUp)
                && !server.metrics.current.engineStreams.isEmpty && age(server) > .seconds(6)
        }
    }

    private func age(_ server: ServerFixture) -> Duration {
        server.documents.entry("canvas")?.startedAt.map { ContinuousClock.now - $0 } ?? .zero
    }

    private func state(_ server: ServerFixture) -> ServiceState? {
        server.documents.entry("canvas")?.body.content.state
    }

    private func stream(_ server: ServerFixture, _ engine: FakeEngine) -> Metrics.EngineStream {
        server.metrics.current.engineStreams[engine.socketPath] ?? Metrics.EngineStream()
    }

    /// The same container, no longer running.
    private static let exited =
        FakeEngineScript.running.replacing("\"running\"", with: "\"exited\"").replacing("true", with: "false")

    private func exit(_ engine: FakeEngine) { engine.update { $0.containers[0].state = Self.exited } }

    @Test(
        "An event causes a scan at once, without a ping or an info request",
        arguments: [
            EngineScripts.classic, EngineScripts.containerd, EngineScripts.podman,
        ])
    func event(script: FakeEngineScript) async throws {
        try await withEngine(script) { engine, server in
            try await calm(server)
            #expect(state(server) == .serving)
            let asked = engine.requests.count
            let scans = server.metrics.current.scans
            exit(engine)
            engine.emit(FakeEngine.event("container", "die"))
            try await eventually("the new state is served") { state(server) == .exited }
            #expect(server.metrics.current.scans == scans + 1, "and not because of the regular scan")
            let requests = engine.requests.dropFirst(asked)
            #expect(!requests.contains { $0.hasSuffix("/_ping") || $0.hasSuffix("/info") })
            #expect(requests.contains { $0.hasSuffix("/containers/json?all=1") })
            #expect(stream(server, engine) == .init(isUp: true, events: 1, openings: 1))
        }
    }

    @Test("A moved image tag is seen at once")
    func tagMoved() async throws {
        try await withEngine { engine, server in
            try await calm(server)
            #expect(server.documents.entry("canvas")?.body.content.instances.first?.image.tagMoved == false)
            engine.update { script in
                script.images[0].tags = []
                script.images.append(.init(id: Samples.digestText("8"), tags: [EngineScripts.reference]))
            }
            let scans = server.metrics.current.scans
            engine.emit(FakeEngine.event("image", "tag"))
            try await eventually("the tag has moved") {
                server.documents.entry("canvas")?.body.content.instances.first?.image.tagMoved == true
            }
            #expect(server.metrics.current.scans == scans + 1)
        }
    }

    @Test("An event in single bytes counts when it is complete; an irrelevant one causes no scan")
    func bytes() async throws {
        try await withEngine { engine, server in
            try await calm(server)
            let scans = server.metrics.current.scans
            engine.emit(FakeEngine.event("container", "exec_create: /bin/true"))
            engine.emit(FakeEngine.event("network", "connect"))
            // An absence can only be waited for; on a slow machine this check is weaker, but never wrong.
            try await Task.sleep(for: .milliseconds(300))
            #expect(server.metrics.current.scans == scans)
            exit(engine)
            for byte in FakeEngine.event("container", "die").utf8 { engine.emit(String(UnicodeScalar(byte))) }
            try await eventually("the new state is served") { state(server) == .exited }
            // A superfluous scan would follow this one, so the next change is awaited, too.
            engine.script = EngineScripts.classic
            engine.emit(FakeEngine.event("container", "start"))
            try await eventually("it is served again") { state(server) == .serving }
            #expect(server.metrics.current.scans == scans + 2)
            #expect(stream(server, engine).events == 2)
        }
    }

    @Test("A scan follows the opening of the stream, so that no change is missed")
    func order() async throws {
        try await withEngine { engine, server in
            try await eventually("two scans") { server.metrics.current.scans >= 2 }
            try await calm(server)
            let requests = engine.requests
            let opened = try #require(requests.firstIndex { $0.contains("/events?") })
            // The first scan can have been in flight; then follows the one for moby's late subscription.
            #expect(requests[opened...].count { $0.hasSuffix("/containers/json?all=1") } >= 2)
        }
    }

    @Test("10,000 events cost a few scans, and the last event is seen")
    func storm() async throws {
        try await withEngine { engine, server in
            try await calm(server)
            let scans = server.metrics.current.scans
            let start = ContinuousClock.now
            let line = FakeEngine.event("container", "start")
            for _ in 0..<99 { engine.emit(String(repeating: line, count: 100)) }
            try await eventually("most events have arrived") { stream(server, engine).events >= 9_900 }
            exit(engine)
            engine.emit(String(repeating: FakeEngine.event("container", "die"), count: 100))
            try await eventually("the new state is served") { state(server) == .exited }
            let took = ContinuousClock.now - start
            #expect(stream(server, engine).events == 10_000)
            // The scan for the last event follows separately.
            let allowed = 6 + Int(took / RefreshSchedule.spacing)
            #expect(server.metrics.current.scans - scans <= allowed, "in \(took)")
        }
    }

    struct Ending: CustomTestStringConvertible, Sendable {
        var name: String
        var end: @Sendable (FakeEngine) -> Void
        var testDescription: String { name }
    }

    @Test(
        "The end of a stream causes a scan at once, and the stream is opened again",
        arguments: [
            Ending(name: "closed") { $0.endStreams() },
            Ending(name: "garbage") { $0.emit("SSH-2.0-OpenSSH\n") },
            Ending(name: "not JSON") { $0.emit("{\"Type\":\n") },
            Ending(name: "a line without an end") { $0.emit(String(repeating: "x", count: 300_000)) },
        ])
    func ended(ending: Ending) async throws {
        try await withEngine { engine, server in
            try await calm(server)
            let scans = server.metrics.current.scans
            exit(engine)
            ending.end(engine)
            try await eventually("the new state is served") { state(server) == .exited }
            #expect(server.metrics.current.scans > scans)
            try await eventually("the stream is open again") { stream(server, engine).openings == 2 }
            try await eventually("one stream, not two") { engine.streamCount == 1 }
            // Another run of the engine can be another engine.
            try await calm(server)
            let opened = try #require(engine.requests.lastIndex { $0.contains("/events?") })
            #expect(engine.requests[opened...].contains { $0.hasSuffix("/info") })
            let page = try await server.get("/metrics").responseBody
            let label = "{engine=\"\(engine.socketPath)\"}"
            #expect(page.contains("buildinfo_engine_event_stream_up\(label) 1\n"))
            #expect(page.contains("buildinfo_engine_events_total\(label) 0\n"))
            #expect(page.contains("buildinfo_engine_event_stream_reconnects_total\(label) 1\n"))
        }
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        var answer: FakeEngineAnswer
        var testDescription: String { "\(answer)" }
    }

    @Test(
        "Without a stream, scans follow every two seconds, and the stream is retried",
        arguments: [
            Refusal(answer: .status(403)), Refusal(answer: .status(404)), Refusal(answer: .status(500)),
            Refusal(answer: .hang), Refusal(answer: .raw("SSH-2.0-OpenSSH\r\n\r\n")),
            // As Podman does without a log of events.
            Refusal(answer: .plain("", headers: [:])), Refusal(answer: .flood(bytes: 1_000_000)),
        ])
    func refused(refusal: Refusal) async throws {
        var script = EngineScripts.classic
        script.overrides["/events"] = refusal.answer
        try await withEngine(script) { engine, server in
            try await eventually("the stream was tried three times") {
                engine.requests.count { $0.contains("/events?") } >= 3
            }
            #expect(!stream(server, engine).isUp)
            #expect(state(server) == .serving, "the stream is denied, not the scan")
            exit(engine)
            try await eventually("the new state is found") { state(server) == .exited }
            let page = try await server.get("/metrics").responseBody
            #expect(page.contains("buildinfo_engine_event_stream_up{engine=\"\(engine.socketPath)\"} 0\n"))
            engine.update { $0.overrides = [:] }
            try await eventually("the stream is open") { stream(server, engine).isUp && engine.streamCount == 1 }
        }
    }

    @Test("A lost engine makes the state unknown at once, and is found again without a restart")
    func lost() async throws {
        let path = folder.file("e.sock")
        let first = FakeEngine(socketPath: path, script: EngineScripts.classic)
        try await first.start()
        try await withServer(services: ["canvas=compose:canvas"], engines: [path], folder: folder) { server in
            try await calm(server)
            let before = ContinuousClock.now
            try await first.stop()
            try await eventually("the state is unknown") { state(server) == .unknown }
            let startedAt = try #require(server.documents.entry("canvas")?.startedAt)
            #expect(startedAt >= before, "its age counts from the scan that found no engine")
            #expect(ContinuousClock.now - before < .seconds(20), "and not because of the regular scan")
            let second = FakeEngine(socketPath: path, script: EngineScripts.classic)
            try await second.start()
            try await eventually("it is found again") { state(server) == .serving }
            try await eventually("and followed") { stream(server, second).isUp }
            try await second.stop()
        }
    }

    @Test("An engine that hangs with an open stream becomes unknown after the time limit, and is found again")
    func hanging() async throws {
        try await withEngine { engine, server in
            try await calm(server)
            engine.update { $0.overrides["/containers/json?all=1"] = .hang }
            // A request is made: the time limit of the scan decides.
            #expect(try await server.get("/buildinfo?nonce=1").contains("\"state\":\"unknown\""))
            engine.update { $0.overrides = [:] }
            // No event announces it, so a scan every two seconds finds it.
            let start = ContinuousClock.now
            try await eventually("it is found again") { state(server) == .serving }
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(stream(server, engine).openings == 1)
        }
    }

    @Test("With several engines, scans become rare only when all have streams, and the events of each count")
    func several() async throws {
        let engines = ["one", "two"].map {
            FakeEngine(socketPath: folder.file("\($0).sock"), script: EngineScripts.classic)
        }
        for engine in engines { try await engine.start() }
        engines[1].update { $0.overrides["/events"] = .status(403) }
        try await withServer(services: ["canvas=compose:canvas"], engines: engines.map(\.socketPath), folder: folder) {
            server in
            try await eventually("the first is followed") { stream(server, engines[0]).isUp }
            let scans = server.metrics.current.scans
            try await eventually("scans go on") { server.metrics.current.scans >= scans + 4 }
            engines[1].update { $0.overrides = [:] }
            try await calm(server)
            for engine in engines {
                let scans = server.metrics.current.scans
                engine.emit(FakeEngine.event("container", "start"))
                try await eventually("a scan") { server.metrics.current.scans > scans }
            }
        }
        for engine in engines { try await engine.stop() }
    }

    @Test("A new default engine with precedence over the followed one is followed instead")
    func otherDefault() async throws {
        let engines = ["one", "two"].map {
            FakeEngine(socketPath: folder.file("\($0).sock"), script: EngineScripts.classic)
        }
        try await engines[1].start()
        let sockets = EngineSockets(defaults: engines.map(\.socketPath))
        try await withServer(services: ["canvas=compose:canvas"], sockets: sockets, folder: folder) { server in
            try await eventually("the only one is followed") { stream(server, engines[1]).isUp }
            exit(engines[0])
            try await engines[0].start()
            engines[1].emit(FakeEngine.event("container", "start"))
            try await eventually("the first one is followed") { stream(server, engines[0]).isUp }
            try await eventually("the other stream is closed") { engines[1].streamCount == 0 }
            #expect(!stream(server, engines[1]).isUp)
            #expect(state(server) == .exited)
        }
        for engine in engines { try await engine.stop() }
    }

    @Test("A handshake is kept only for its own stream, even if the scan began before it")
    func handshakes() async throws {
        try await withEngine { engine, server in
            try await eventually("the engine is followed") { engine.streamCount == 1 }
            let client = EngineClient(
                address: .unix(path: engine.socketPath), group: MultiThreadedEventLoopGroup.singleton)
            let version = APIVersion(major: 1, minor: 41)
            let handshake = EngineSession.Handshake(
                identity: EngineIdentity(name: .docker, store: .classic), version: version)
            let streams = EngineEventStreams()
            #expect(streams.handshake(address: "/e") == nil)
            let stream = try await client.events(version: version) { _ in }
            streams.opened(stream, address: "/e")
            let first = try #require(streams.handshake(address: "/e"))
            #expect(first.handshake == nil)
            streams.store(handshake, address: "/e", number: first.number)
            #expect(streams.handshake(address: "/e")?.handshake == handshake)
            streams.ended(address: "/e")
            #expect(streams.handshake(address: "/e") == nil)
            streams.opened(stream, address: "/e")
            #expect(streams.handshake(address: "/e")?.handshake == nil)
            // Stored by a scan that began under the first stream.
            streams.store(handshake, address: "/e", number: first.number)
            #expect(streams.handshake(address: "/e")?.handshake == nil)
            stream.close()
        }
    }

    @Test("A request with a nonce gets a fresh document without any event")
    func nonce() async throws {
        try await withEngine { _, server in
            try await calm(server)
            #expect((Double(try await server.get("/buildinfo").header("Buildinfo-Age") ?? "") ?? 0) > 2)
            #expect((Double(try await server.get("/buildinfo?nonce=1").header("Buildinfo-Age") ?? "") ?? 99) < 2)
        }
    }
}
