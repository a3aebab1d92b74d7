import Logging
import NIOCore
import NIOPosix
import Shared
import Support
import Synchronization
import Testing

@testable import Agent
@testable import AgentCore

/// A complete agent with a scripted engine and probed services.
@Suite struct ProbeObservationTests {
    /// A service whose answer changes.
    private final class Service: Sendable {
        private let answer: Mutex<ScriptedHostAnswer>

        init(_ answer: ScriptedHostAnswer) { self.answer = Mutex(answer) }

        func set(_ answer: ScriptedHostAnswer) { self.answer.withLock { $0 = answer } }
        var current: ScriptedHostAnswer { answer.withLock { $0 } }
    }

    private static let right = ScriptedHostAnswer.json("{\"git_sha\":\"\(Samples.sha)\"}")
    private static let wrong = ScriptedHostAnswer.json("{\"git_sha\":\"\(Samples.otherSHA)\"}")

    private static var script: FakeEngineScript {
        var script = EngineScripts.classic
        script.images[0].labels = Samples.revision
        return script
    }

    /// An agent with an engine and a probed service, followed by its events.
    private func withAgent(
        _ service: Service, services: [String] = ["canvas=compose:canvas"],
        _ body: (ServerFixture, FakeEngine, ScriptedHost) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: Self.script)
        try await engine.start()
        let host = try await ScriptedHost.start { _ in service.current }
        try await withServer(
            services: services, engines: [engine.socketPath], folder: folder,
            probes: ["canvas=http://127.0.0.1:\(host.port)/api/buildinfo"]
        ) { server in
            try await body(server, engine, host)
        }
        await host.stop()
        try await engine.stop()
    }

    private func becomes(_ server: ServerFixture, _ state: String, _ holds: (DocumentContent) -> Bool) async throws {
        try await eventually(state, detail: { "\(String(describing: server.documents.entry("canvas")?.body.content))" })
        {
            server.documents.entry("canvas").map { holds($0.body.content) } ?? false
        }
    }

    @Test("The service's answer is part of each observation and document")
    func served() async throws {
        try await withAgent(Service(Self.right)) { server, _, host in
            let body = try await server.get("/buildinfo?nonce=n").responseBody
            #expect(body.contains("\"state\":\"serving\""))
            #expect(body.contains("\"served\":{\"git_sha\":\"\(Samples.sha)\",\"outcome\":\"ok\""))
            #expect(body.contains("\"latency_seconds\":"))
            #expect(host.requests >= 1)
        }
    }

    @Test("A late answer is published without an event or a regular refresh")
    func comesUp() async throws {
        let service = Service(.close)
        try await withAgent(service) { server, _, _ in
            // The scripted container was started long ago.
            try await becomes(server, "the service does not answer") { $0.state == .unhealthy }
            let start = ContinuousClock.now
            service.set(Self.wrong)
            try await becomes(server, "it serves another commit") {
                $0.state == .serving && $0.reason?.hasPrefix("the service serves b2b2b2b2b2b2, its image") == true
            }
            service.set(Self.right)
            try await becomes(server, "it serves its image's commit") { $0.state == .serving && $0.reason == nil }
            #expect(ContinuousClock.now - start < .seconds(28))
        }
    }

    @Test("A request with a nonce is answered with a probe as fresh as the scan")
    func fresh() async throws {
        let service = Service(Self.right)
        try await withAgent(service) { server, _, _ in
            _ = try await server.get("/buildinfo?nonce=1")
            service.set(.status(503))
            try await eventually("the document is old") {
                server.documents.entry("canvas").map { !server.source.isFresh($0) } ?? false
            }
            let body = try await server.get("/buildinfo?nonce=2").responseBody
            #expect(body.contains("\"state\":\"unhealthy\""))
            #expect(body.contains("\"status\":503"))
        }
    }

    @Test("A service that hangs does not delay another one of its host")
    func hanging() async throws {
        let service = Service(.hang)
        try await withAgent(service, services: ["canvas=compose:canvas", "db=compose:db"]) { server, _, _ in
            for number in 1...5 {
                let start = ContinuousClock.now
                let body = try await server.get("/buildinfo/db?nonce=\(number)").responseBody
                #expect(body.contains("\"state\":\"serving\""))
                #expect(ContinuousClock.now - start < ProbeClient.timeLimit.duration)
            }
            try await becomes(server, "the hung service is observed, too") { $0.served?.outcome == .timeout }
        }
    }

    @Test("A changed latency does not answer a long poll")
    func unwoken() async throws {
        let service = Service(Self.right)
        try await withAgent(service) { server, _, _ in
            await server.source.refreshAll()
            let first = try #require(server.documents.entry("canvas"))
            service.set(.after(.milliseconds(150), Self.right))
            await server.source.refreshAll()
            try await eventually("a slower answer") {
                server.documents.entry("canvas").flatMap(\.probeLatency).map { $0 >= .milliseconds(150) } ?? false
            }
            #expect(server.documents.entry("canvas")?.body.entityTag == first.body.entityTag)
        }
    }

    @Test("A service in a file is probed, too, and is starting while the file is new")
    func file() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Samples.sha, to: "canvas")
        let service = Service(.close)
        try await withAgent(service, services: ["canvas=file:\(path)"]) { server, _, _ in
            try await becomes(server, "it does not answer") { $0.state == .starting && $0.served?.outcome == .other }
            service.set(Self.right)
            try await becomes(server, "it answers") { $0.state == .serving && $0.served?.outcome == .ok }
        }
    }

    @Test("print waits for its probes")
    func printed() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Samples.sha, to: "canvas")
        let host = try await ScriptedHost.start { _ in .after(.milliseconds(900), Self.right) }
        let configuration = SourceConfiguration(
            services: try ServiceDeclaration.all(
                parsing: ["canvas=file:\(path)"], probes: ["canvas=http://127.0.0.1:\(host.port)/"]),
            engines: try EngineSockets(parsing: [], environment: [:]), host: Samples.host)
        let log = StandardErrorLog(format: .text, clock: .system, logLevel: .critical)
        let (text, state) = try await OneShotObservation(configuration: configuration, clock: .system, log: log)
            .document()
        // Even on a loaded machine, nothing is printed before the result is known.
        #expect(state != .unknown)
        #expect(text.contains("\"served\":{"))
        await host.stop()
    }
}

extension TimeAmount {
    fileprivate var duration: Duration { .nanoseconds(nanoseconds) }
}
