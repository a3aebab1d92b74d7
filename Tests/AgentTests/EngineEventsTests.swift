import NIOPosix
import Shared
import Support
import Testing

@testable import Agent

/// The event stream of an engine that is played, and what the agent makes of it.
@Suite struct EngineEventsTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// An agent and its engine, which is stopped in any case, and which fails the test if it was asked for more than is
    /// permitted.
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

    /// Waits until nothing is looked at without a reason: a stream stands, and the evidence is much older than the two
    /// seconds after which it is looked at where nobody tells of changes.
    private func calm(_ server: ServerFixture) async throws {
        // A change that a look saw before it was announced is held against the engine for a minute.
        try await eventually("looks have become rare", within: .seconds(120)) {
            server.metrics.current.engineStreams.values.allSatisfy(\.isUp)
                && !server.metrics.current.engineStreams.isEmpty && age(server) > .seconds(6)
        }
    }

    private func age(_ server: ServerFixture) -> Duration {
        server.board.entry("canvas")?.lookedAt.map { ContinuousClock.now - $0 } ?? .zero
    }

    private func state(_ server: ServerFixture) -> ServiceState? {
        server.board.entry("canvas")?.body.content.state
    }

    private func stream(_ server: ServerFixture, _ engine: FakeEngine) -> Metrics.EngineStream {
        server.metrics.current.engineStreams[engine.socketPath] ?? Metrics.EngineStream()
    }

    /// The same container, no longer running.
    private static let exited =
        FakeEngineScript.running.replacing("\"running\"", with: "\"exited\"").replacing("true", with: "false")

    private func exit(_ engine: FakeEngine) { engine.update { $0.containers[0].state = Self.exited } }

    @Test(
        "An event is looked at at once, and costs neither a ping nor an info",
        arguments: [
            EngineScripts.classic, EngineScripts.containerd, EngineScripts.podman,
        ])
    func event(script: FakeEngineScript) async throws {
        try await withEngine(script) { engine, server in
            try await calm(server)
            #expect(state(server) == .serving)
            let asked = engine.requests.count
            let looks = server.metrics.current.looks
            exit(engine)
            engine.emit(FakeEngine.event("container", "die"))
            try await eventually("the new state is served") { state(server) == .exited }
            #expect(server.metrics.current.looks == looks + 1, "and not because half a minute had passed")
            let requests = engine.requests.dropFirst(asked)
            #expect(!requests.contains { $0.hasSuffix("/_ping") || $0.hasSuffix("/info") })
            #expect(requests.contains { $0.hasSuffix("/containers/json?all=1") })
            #expect(stream(server, engine) == .init(isUp: true, events: 1, openings: 1))
        }
    }

    @Test("An image's tag that moves is seen at once")
    func tagMoved() async throws {
        try await withEngine { engine, server in
            try await calm(server)
            #expect(server.board.entry("canvas")?.body.content.instances.first?.image.tagMoved == false)
            engine.update { script in
                script.images[0].tags = []
                script.images.append(.init(id: Samples.digestText("8"), tags: [EngineScripts.reference]))
            }
            let looks = server.metrics.current.looks
            engine.emit(FakeEngine.event("image", "tag"))
            try await eventually("the tag is seen to have moved") {
                server.board.entry("canvas")?.body.content.instances.first?.image.tagMoved == true
            }
            #expect(server.metrics.current.looks == looks + 1)
        }
    }

    @Test("An event that comes byte by byte counts when it is whole; one that matters to nobody causes no look")
    func bytes() async throws {
        try await withEngine { engine, server in
            try await calm(server)
            let looks = server.metrics.current.looks
            engine.emit(FakeEngine.event("container", "exec_create: /bin/true"))
            engine.emit(FakeEngine.event("network", "connect"))
            // What must not come can only be waited for; on a slow machine this notices less, and is never wrong.
            try await Task.sleep(for: .milliseconds(300))
            #expect(server.metrics.current.looks == looks)
            exit(engine)
            for byte in FakeEngine.event("container", "die").utf8 { engine.emit(String(UnicodeScalar(byte))) }
            try await eventually("the new state is served") { state(server) == .exited }
            // A look too many would be one that follows this one: what comes after it is waited for, too.
            engine.script = EngineScripts.classic
            engine.emit(FakeEngine.event("container", "start"))
            try await eventually("it is served again") { state(server) == .serving }
            #expect(server.metrics.current.looks == looks + 2)
            #expect(stream(server, engine).events == 2)
        }
    }

    @Test("A look is made after the stream was opened, so that nothing falls between")
    func order() async throws {
        try await withEngine { engine, server in
            try await eventually("two looks") { server.metrics.current.looks >= 2 }
            try await calm(server)
            let requests = engine.requests
            let opened = try #require(requests.firstIndex { $0.contains("/events?") })
            // The first one may have been under way; then comes the one that moby's late subscription asks for.
            #expect(requests[opened...].count { $0.hasSuffix("/containers/json?all=1") } >= 2)
        }
    }

    @Test("A storm of 10,000 events costs a few looks, and the last one is seen")
    func storm() async throws {
        try await withEngine { engine, server in
            try await calm(server)
            let looks = server.metrics.current.looks
            let start = ContinuousClock.now
            let line = FakeEngine.event("container", "start")
            for _ in 0..<99 { engine.emit(String(repeating: line, count: 100)) }
            try await eventually("most came") { stream(server, engine).events >= 9_900 }
            exit(engine)
            engine.emit(String(repeating: FakeEngine.event("container", "die"), count: 100))
            try await eventually("the new state is served") { state(server) == .exited }
            let took = ContinuousClock.now - start
            #expect(stream(server, engine).events == 10_000)
            // The last event's look comes alone.
            let allowed = 6 + Int(took / RefreshSchedule.spacing)
            #expect(server.metrics.current.looks - looks <= allowed, "in \(took)")
        }
    }

    struct Ending: CustomTestStringConvertible, Sendable {
        var name: String
        var end: @Sendable (FakeEngine) -> Void
        var testDescription: String { name }
    }

    @Test(
        "A stream that ends, for whatever reason, causes a look at once, and is opened again",
        arguments: [
            Ending(name: "closed") { $0.endStreams() },
            Ending(name: "garbage") { $0.emit("SSH-2.0-OpenSSH\n") },
            Ending(name: "not JSON") { $0.emit("{\"Type\":\n") },
            Ending(name: "a line without an end") { $0.emit(String(repeating: "x", count: 300_000)) },
        ])
    func ended(ending: Ending) async throws {
        try await withEngine { engine, server in
            try await calm(server)
            let looks = server.metrics.current.looks
            exit(engine)
            ending.end(engine)
            try await eventually("the new state is served") { state(server) == .exited }
            #expect(server.metrics.current.looks > looks)
            try await eventually("the stream stands again") { stream(server, engine).openings == 2 }
            try await eventually("one stream, not two") { engine.streamCount == 1 }
            // Another run of the engine may be another engine.
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
        "Where there is no stream, it is looked at every two seconds, and the stream is tried again",
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
            #expect(state(server) == .serving, "what is denied is the stream, not the look")
            exit(engine)
            try await eventually("the new state is found") { state(server) == .exited }
            let page = try await server.get("/metrics").responseBody
            #expect(page.contains("buildinfo_engine_event_stream_up{engine=\"\(engine.socketPath)\"} 0\n"))
            engine.update { $0.overrides = [:] }
            try await eventually("the stream stands") { stream(server, engine).isUp && engine.streamCount == 1 }
        }
    }

    @Test("An engine that is lost makes the state unknown at once, and one that comes back is found without a restart")
    func lost() async throws {
        let path = folder.file("e.sock")
        let first = FakeEngine(socketPath: path, script: EngineScripts.classic)
        try await first.start()
        try await withServer(services: ["canvas=compose:canvas"], engines: [path], folder: folder) { server in
            try await calm(server)
            let before = ContinuousClock.now
            try await first.stop()
            try await eventually("the state is unknown") { state(server) == .unknown }
            let lookedAt = try #require(server.board.entry("canvas")?.lookedAt)
            #expect(lookedAt >= before, "its age counts from the look that found nobody")
            #expect(ContinuousClock.now - before < .seconds(20), "and not because half a minute had passed")
            let second = FakeEngine(socketPath: path, script: EngineScripts.classic)
            try await second.start()
            try await eventually("it is found again") { state(server) == .serving }
            try await eventually("and followed") { stream(server, second).isUp }
            try await second.stop()
        }
    }

    @Test("An engine that hangs while its stream stands is unknown when a look took too long, and found again")
    func hanging() async throws {
        try await withEngine { engine, server in
            try await calm(server)
            engine.update { $0.overrides["/containers/json?all=1"] = .hang }
            // Somebody asks: the look's limit of time decides.
            #expect(try await server.get("/buildinfo?nonce=1").contains("\"state\":\"unknown\""))
            engine.update { $0.overrides = [:] }
            // Nobody tells of it, so it is looked for every two seconds.
            let start = ContinuousClock.now
            try await eventually("it is found again") { state(server) == .serving }
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(stream(server, engine).openings == 1)
        }
    }

    @Test("With several engines, looks become rare only when all of them tell, and each one's events count")
    func several() async throws {
        let engines = ["one", "two"].map {
            FakeEngine(socketPath: folder.file("\($0).sock"), script: EngineScripts.classic)
        }
        for engine in engines { try await engine.start() }
        engines[1].update { $0.overrides["/events"] = .status(403) }
        try await withServer(services: ["canvas=compose:canvas"], engines: engines.map(\.socketPath), folder: folder) {
            server in
            try await eventually("the first is followed") { stream(server, engines[0]).isUp }
            let looks = server.metrics.current.looks
            try await eventually("looks go on") { server.metrics.current.looks >= looks + 4 }
            engines[1].update { $0.overrides = [:] }
            try await calm(server)
            for engine in engines {
                let looks = server.metrics.current.looks
                engine.emit(FakeEngine.event("container", "start"))
                try await eventually("a look") { server.metrics.current.looks > looks }
            }
        }
        for engine in engines { try await engine.stop() }
    }

    @Test("When an engine appears that is asked by default before the one that is followed, it is followed instead")
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
            try await eventually("the other is let go") { engines[1].streamCount == 0 }
            #expect(!stream(server, engines[1]).isUp)
            #expect(state(server) == .exited)
        }
        for engine in engines { try await engine.stop() }
    }

    @Test("What an engine said of itself is kept for its stream alone, also when a look began before it")
    func greetings() async throws {
        try await withEngine { engine, server in
            try await eventually("the engine is followed") { engine.streamCount == 1 }
            let client = EngineClient(socketPath: engine.socketPath, group: MultiThreadedEventLoopGroup.singleton)
            let version = APIVersion(major: 1, minor: 41)
            let greeting = EngineSession.Greeting(
                identity: EngineIdentity(name: .docker, store: .classic), version: version)
            let streams = EngineStreams()
            #expect(streams.greeting(path: "/e") == nil)
            let stream = try await client.events(version: version) { _ in }
            streams.opened(stream, path: "/e")
            let first = try #require(streams.greeting(path: "/e"))
            #expect(first.greeting == nil)
            streams.learn(greeting, path: "/e", number: first.number)
            #expect(streams.greeting(path: "/e")?.greeting == greeting)
            streams.ended(path: "/e")
            #expect(streams.greeting(path: "/e") == nil)
            streams.opened(stream, path: "/e")
            #expect(streams.greeting(path: "/e")?.greeting == nil)
            // Learnt by a look that began under the first one.
            streams.learn(greeting, path: "/e", number: first.number)
            #expect(streams.greeting(path: "/e")?.greeting == nil)
            stream.close()
        }
    }

    @Test("A request with a nonce gets fresh evidence although nothing happened")
    func nonce() async throws {
        try await withEngine { _, server in
            try await calm(server)
            #expect((Double(try await server.get("/buildinfo").header("Buildinfo-Age") ?? "") ?? 0) > 2)
            #expect((Double(try await server.get("/buildinfo?nonce=1").header("Buildinfo-Age") ?? "") ?? 99) < 2)
        }
    }
}
