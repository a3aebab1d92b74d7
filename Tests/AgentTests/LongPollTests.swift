import Foundation
import NIOCore
import Shared
import Support
import Testing

@testable import Agent

@Suite struct LongPollTests {
    private func tag(_ server: ServerFixture, _ target: String = "/buildinfo") async throws -> String {
        try #require(try await server.get(target).header("ETag"))
    }

    /// A request that is held, on a connection of its own.
    private func hold(
        _ server: ServerFixture, _ target: String = "/buildinfo", wait: String = "wait=50", method: String = "GET",
        tag: String? = nil, close: Bool = true
    ) async throws -> RawConnection {
        let tag = if let tag { tag } else { try await self.tag(server, target) }
        let connection = try await RawConnection.open(server.address)
        let held = server.metrics.current.requestsHeld
        connection.send(request(target, tag: tag, wait: wait, method: method, close: close))
        try await eventually("the request is held") { server.metrics.current.requestsHeld == held + 1 }
        return connection
    }

    private func request(
        _ target: String = "/buildinfo", tag: String, wait: String, method: String = "GET", close: Bool = false
    ) -> String {
        "\(method) \(target) HTTP/1.1\r\nHost: x\r\nIf-None-Match: \(tag)\r\nPrefer: \(wait)\r\n"
            + (close ? "Connection: close\r\n\r\n" : "\r\n")
    }

    private func change(_ server: ServerFixture, to sha: String = Samples.otherSHA) throws {
        try server.folder.write(sha, to: "canvas")
    }

    @Test("A request is held until the content changes, and gets a complete answer")
    func changed() async throws {
        try await withServer { server in
            let before = try await tag(server)
            let connection = try await hold(server, "/buildinfo?nonce=n1", wait: "respond-async, wait=50")
            #expect(connection.text.isEmpty)
            try change(server)
            #expect(try await connection.closes())
            let text = connection.text
            #expect(text.statuses == ["200"])
            #expect(text.header("ETag") != before)
            #expect(text.header("Preference-Applied") == "wait=50")
            #expect(text.header("Buildinfo-Nonce") == "n1")
            #expect(text.header("Buildinfo-Host") == Samples.host.id)
            #expect((Double(text.header("Buildinfo-Age") ?? "") ?? 99) < 2)
            #expect(text.responseBody.contains(Samples.otherSHA))
            #expect(server.metrics.current.requestsHeld == 0)
        }
    }

    @Test("At the end of the time the answer is 304, from fresh evidence with a nonce", arguments: ["GET", "HEAD"])
    func timeIsUp(method: String) async throws {
        try await withServer { server in
            let before = try await tag(server)
            let start = ContinuousClock.now
            let connection = try await hold(server, "/buildinfo?nonce=n1", wait: "wait=3", method: method)
            #expect(try await connection.closes())
            #expect(ContinuousClock.now - start >= .seconds(3))
            let text = connection.text
            #expect(text.statuses == ["304"])
            #expect(text.header("ETag") == before)
            #expect(text.header("Preference-Applied") == "wait=3")
            #expect(text.header("Buildinfo-Nonce") == "n1")
            #expect(text.header("Buildinfo-Host") == Samples.host.id)
            // The file was read at the start, and is read every ten seconds: without a look it would be three.
            #expect((Double(text.header("Buildinfo-Age") ?? "") ?? 99) <= 2)
            #expect(text.responseBody.isEmpty)
        }
    }

    @Test("HEAD is held like GET, and gets the headers of the new document")
    func head() async throws {
        try await withServer { server in
            let connection = try await hold(server, method: "HEAD")
            try change(server)
            #expect(try await connection.closes())
            #expect(connection.text.statuses == ["200"])
            #expect((Int(connection.text.header("Content-Length") ?? "") ?? 0) > 100)
            #expect(connection.text.responseBody.isEmpty)
        }
    }

    struct AtOnce: CustomTestStringConvertible, Sendable {
        var headers: String
        var status: String
        var applied: String?
        var testDescription: String { "\(status) for \(headers.debugDescription)" }
    }

    @Test(
        "Requests without a valid wait are answered at once",
        arguments: [
            AtOnce(headers: "If-None-Match: \"other\"\r\nPrefer: wait=50\r\n", status: "200", applied: "wait=50"),
            AtOnce(headers: "If-None-Match: \"other\"\r\nPrefer: wait=500\r\n", status: "200", applied: "wait=55"),
            AtOnce(headers: "If-None-Match: @\r\nPrefer: wait=0\r\n", status: "304", applied: "wait=0"),
            AtOnce(headers: "If-None-Match: @\r\n", status: "304"),
            AtOnce(headers: "If-None-Match: *\r\n", status: "304"),
            AtOnce(headers: "If-None-Match: \"x\", W/@\r\n", status: "304"),
            AtOnce(headers: "If-None-Match: @\r\nPrefer: wait=soon\r\n", status: "304"),
            AtOnce(headers: "If-None-Match: @\r\nPrefer: wait=-1\r\n", status: "304"),
            AtOnce(headers: "If-None-Match: @\r\nPrefer: respond-async\r\n", status: "304"),
            AtOnce(headers: "Prefer: wait=50\r\n", status: "200"),
        ])
    func atOnce(example: AtOnce) async throws {
        try await withServer { server in
            let tag = try await tag(server)
            let start = ContinuousClock.now
            let text = try await server.get("/buildinfo", headers: example.headers.replacing("@", with: tag))
            #expect(text.statuses == [example.status])
            #expect(text.header("Preference-Applied") == example.applied)
            #expect(ContinuousClock.now - start < .seconds(40))
            #expect(text.header("Buildinfo-Age") != nil)
        }
    }

    @Test("Only requests for documents are held", arguments: ["/healthz", "/metrics", "/nowhere"])
    func otherRoutes(target: String) async throws {
        try await withServer { server in
            let text = try await server.get(target, headers: "If-None-Match: *\r\nPrefer: wait=50\r\n")
            #expect(text.header("Preference-Applied") == nil)
            #expect(text.statuses == [target == "/nowhere" ? "404" : "200"])
        }
    }

    @Test(
        "A list of tags and any tag are held, and a change within the list is not an answer",
        arguments: ["list", "any"])
    func lists(kind: String) async throws {
        try await withServer { server in
            let first = try await tag(server)
            try change(server)
            try await eventually("the change is seen") { try await tag(server) != first }
            let second = try await tag(server)
            let connection = try await hold(
                server, wait: "wait=4", tag: kind == "any" ? "*" : "\(first), W/\(second)")
            try change(server, to: Samples.sha)
            try await eventually("the change is seen") { try await tag(server) == first }
            #expect(server.metrics.current.requestsHeld == 1)
            #expect(try await connection.closes())
            #expect(connection.text.statuses == ["304"])
            #expect(connection.text.header("ETag") == first)
        }
    }

    @Test("A change of another service answers no request")
    func otherService() async throws {
        let folder = try TemporaryFolder()
        let services = try ["canvas", "web"].map { "\($0)=file:\(try folder.write(Samples.sha, to: $0))" }
        try await withServer(services: services, folder: folder) { server in
            let canvas = try await hold(server, "/buildinfo/canvas")
            let web = try await hold(server, "/buildinfo/web")
            try folder.write(Samples.otherSHA, to: "web")
            #expect(try await web.closes())
            #expect(server.metrics.current.requestsHeld == 1)
            #expect(canvas.text.isEmpty)
            try folder.write(Samples.otherSHA, to: "canvas")
            #expect(try await canvas.closes())
        }
    }

    @Test("Requests after a held one wait for it, and are answered in order")
    func pipelined() async throws {
        try await withServer { server in
            let connection = try await hold(server, "/buildinfo?nonce=first", close: false)
            connection.send("GET /buildinfo?nonce=second HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            // Another connection is served meanwhile.
            #expect(try await server.get("/healthz").statuses == ["200"])
            #expect(connection.text.isEmpty)
            try change(server)
            #expect(try await connection.closes())
            #expect(connection.text.statuses == ["200", "200", "200"])
            let nonces = connection.text.split(separator: "Buildinfo-Nonce: ").dropFirst().map {
                $0.prefix { $0 != "\r\n" }
            }
            #expect(nonces == ["first", "second"])
            #expect(connection.text.hasSuffix("ok\n"))
        }
    }

    @Test("One connection can hold one request after another")
    func repeated() async throws {
        try await withServer { server in
            let connection = try await hold(server, close: false)
            for count in 1...5 {
                try change(server, to: count % 2 == 1 ? Samples.otherSHA : Samples.sha)
                try await connection.text { $0.statuses.count == count }
                let tag = try await tag(server)
                connection.send(request(tag: tag, wait: "wait=50"))
                try await eventually("the next one is held") { server.metrics.current.requestsHeld == 1 }
            }
            #expect(connection.text.statuses == Array(repeating: "200", count: 5))
            connection.close()
            try await eventually("nobody waits any more") { server.metrics.current.requestsHeld == 0 }
        }
    }

    @Test("Time limits for connections do not apply to a held request, and apply again afterwards")
    func deadlines() async throws {
        var limits = ServerLimits()
        limits.idleTime = .seconds(2)
        limits.writeTime = .seconds(2)
        limits.headerTime = .seconds(2)
        try await withServer(limits: limits) { server in
            let connection = try await hold(server, wait: "wait=5", close: false)
            try await connection.text { $0.contains("304") }
            #expect(connection.text.statuses == ["304"])
            // Idle now.
            #expect(try await connection.closes())
        }
    }

    @Test("A closed connection releases its request, and a half-closed one gets its answer at once")
    func peerCloses() async throws {
        try await withServer { server in
            for _ in 0..<3 {
                let gone = try await hold(server)
                gone.close()
                try await eventually("nobody waits any more") { server.metrics.current.requestsHeld == 0 }
            }
            let half = try await hold(server, "/buildinfo?nonce=half", close: false)
            try await half.finishWriting()
            #expect(try await half.closes())
            #expect(half.text.statuses == ["304"])
            #expect(half.text.header("Buildinfo-Nonce") == "half")
            try await eventually("every connection is gone") { server.metrics.current.connectionsOpen == 0 }
        }
    }

    @Test("Input and a close after a held request are noticed")
    func pipelinedThenGone() async throws {
        try await withServer { server in
            let connection = try await hold(server, close: false)
            connection.send(String(repeating: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", count: 50))
            connection.close()
            try await eventually("every connection is gone") { server.metrics.current.connectionsOpen == 0 }
            #expect(server.metrics.current.requestsHeld == 0)
        }
    }

    @Test("A reset connection releases its held request")
    func reset() async throws {
        try await withServer { server in
            let connection = try await hold(server)
            try await connection.abort()
            try await eventually("the request is let go") { server.metrics.current.requestsHeld == 0 }
            try await eventually("and the connection with it") { server.metrics.current.connectionsOpen == 0 }
        }
    }

    @Test("One change answers a thousand held requests")
    func many() async throws {
        var limits = ServerLimits()
        limits.connections = 2_000
        try await withServer(limits: limits) { server in
            let tag = try await tag(server)
            var connections: [RawConnection] = []
            for number in 0..<1_000 {
                let connection = try await RawConnection.open(server.address)
                connection.send(request("/buildinfo?nonce=\(number)", tag: tag, wait: "wait=50", close: true))
                connections.append(connection)
            }
            try await eventually("all are held") { server.metrics.current.requestsHeld == 1_000 }
            try change(server)
            for (number, connection) in connections.enumerated() {
                #expect(try await connection.closes())
                #expect(connection.text.statuses == ["200"])
                #expect(connection.text.header("Buildinfo-Nonce") == "\(number)")
            }
            #expect(server.metrics.current.requestsHeld == 0)
        }
    }

    @Test("Stopping answers held requests at once, and closes their connections")
    func stopping() async throws {
        let server = try await ServerFixture()
        let before = try await tag(server)
        var held: [RawConnection] = []
        for number in 0..<10 { held.append(try await hold(server, "/buildinfo?nonce=\(number)", close: false)) }
        let start = ContinuousClock.now
        try await server.stop()
        #expect(ContinuousClock.now - start < .seconds(40))
        for (number, connection) in held.enumerated() {
            #expect(try await connection.closes())
            #expect(connection.text.statuses == ["304"])
            #expect(connection.text.header("ETag") == before)
            #expect(connection.text.header("Buildinfo-Nonce") == "\(number)")
            #expect(connection.text.header("Connection") == "close")
        }
    }

    @Test("A service that becomes unknown answers held requests at once")
    func unknown() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        try await withServer(services: ["canvas=compose:canvas"], engines: [engine.socketPath], folder: folder) {
            server in
            try await eventually("the engine is followed") { engine.streamCount == 1 }
            let connection = try await hold(server, "/buildinfo?nonce=n1")
            try await engine.stop()
            #expect(try await connection.closes())
            #expect(connection.text.statuses == ["200"])
            #expect(connection.text.contains("\"state\":\"unknown\""))
            #expect(connection.text.header("Buildinfo-Nonce") == "n1")
        }
    }

    @Test(
        "A request with a nonce causes an observation before it is held")
    func staleAtStart() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        try await withServer(services: ["canvas=compose:canvas"], engines: [engine.socketPath], folder: folder) {
            server in
            let tag = try await tag(server)
            try await eventually("the evidence is old") {
                server.documents.entry("canvas")?.startedAt.map { ContinuousClock.now - $0 > .seconds(6) } == true
            }
            // Nobody tells of it.
            engine.update { $0.containers[0].restartCount = 7 }
            let text = try await server.get(
                "/buildinfo?nonce=1", headers: "If-None-Match: \(tag)\r\nPrefer: wait=50\r\n")
            #expect(text.statuses == ["200"])
            #expect(text.contains("\"restart_count\":7"))
        }
        try await engine.stop()
    }
}
