import NIOCore
import Shared
import Support
import Testing

@testable import Agent

@Suite struct ServerLimitsTests {
    @Test("Slow headers are cut off at their total time limit")
    func slowHeaders() async throws {
        var limits = ServerLimits()
        limits.headerTime = .milliseconds(600)
        try await withServer(limits: limits) { server in
            let connection = try await RawConnection.open(server.address)
            connection.send("GET /healthz HTTP/1.1\r\n")
            // Each read comes well within the limit, all together do not.
            let trickle = Task {
                while !Task.isCancelled, !connection.isClosed {
                    connection.send("X: y\r\n")
                    try? await Task.sleep(for: .milliseconds(100))
                }
            }
            #expect(try await connection.closes())
            trickle.cancel()
            #expect(connection.text.statuses == ["408"])
        }
    }

    @Test("An idle connection is closed, and one with occasional requests is kept")
    func idle() async throws {
        var limits = ServerLimits()
        limits.idleTime = .milliseconds(400)
        try await withServer(limits: limits) { server in
            let silent = try await RawConnection.open(server.address)
            #expect(try await silent.closes())
            #expect(silent.text.isEmpty)
        }
    }

    @Test("A peer that never reads is disconnected, and occupies little memory")
    func slowReader() async throws {
        var limits = ServerLimits()
        limits.writeTime = .milliseconds(600)
        try await withServer(limits: limits) { server in
            let connection = try await RawConnection.open(server.address, reads: false)
            let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
            for _ in 0..<200 { connection.send(String(repeating: request, count: 100)) }
            for _ in 0..<3_000 where server.metrics.current.connectionsOpen > 0 {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(server.metrics.current.connectionsOpen == 0)
            // Most of the 20,000 were never answered: nothing was prepared for somebody who does not read.
            #expect((server.metrics.current.requests[200] ?? 0) < 19_000)
            connection.close()
        }
    }

    @Test("Connections beyond the limit get 503 with Retry-After until there is room")
    func cap() async throws {
        var limits = ServerLimits()
        limits.connections = 3
        try await withServer(limits: limits) { server in
            let tag = try #require(try await server.get("/buildinfo").header("ETag"))
            var held: [RawConnection] = []
            for count in 1...3 {
                let connection = try await RawConnection.open(server.address)
                connection.send(
                    "GET /buildinfo HTTP/1.1\r\nHost: x\r\nIf-None-Match: \(tag)\r\nPrefer: wait=50\r\n\r\n")
                try await eventually("it is held") { server.metrics.current.requestsHeld == count }
                held.append(connection)
            }
            let refused = try await server.get("/healthz")
            #expect(refused.statuses == ["503"])
            #expect(refused.header("Retry-After") == "1")
            held.first?.close()
            for _ in 0..<3_000 where server.metrics.current.connectionsOpen > 2 {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(try await server.get("/healthz").statuses == ["200"])
            #expect(server.metrics.current.connectionsRefused == 1)
        }
    }

    @Test("At the limit, the connection idle for longest is closed for a new one")
    func giveWay() async throws {
        var limits = ServerLimits()
        limits.connections = 3
        try await withServer(limits: limits) { server in
            let silent = try await RawConnection.open(server.address)
            let slow = try await RawConnection.open(server.address)
            try await slow.write("GET /healthz HTTP/1.1\r\n")
            let kept = try await RawConnection.open(server.address)
            kept.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await kept.text { $0.hasSuffix("ok\n") }.statuses == ["200"])
            #expect(try await server.get("/healthz").statuses == ["200"])
            #expect(try await silent.closes())
            #expect(silent.text.isEmpty && !slow.isClosed && !kept.isClosed)
            #expect(server.metrics.current.connectionsGivenUp == 1)
            #expect(server.metrics.current.connectionsRefused == 0)
        }
    }

    @Test("One address cannot use up the limit")
    func capPerAddress() async throws {
        var limits = ServerLimits()
        limits.connectionsPerAddress = 2
        limits.exemptsLoopback = false
        try await withServer(limits: limits) { server in
            var held: [RawConnection] = []
            for _ in 0..<2 {
                let connection = try await RawConnection.open(server.address, from: "127.0.0.2")
                connection.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                try await connection.text { $0.hasSuffix("ok\n") }
                held.append(connection)
            }
            let third = try await RawConnection.open(server.address, from: "127.0.0.2")
            #expect(try await third.closes())
            #expect(third.text.statuses == ["503"])
            #expect(try await server.get("/healthz").statuses == ["200"])
            for connection in held { connection.close() }
        }
    }

    @Test("Loopback is exempt from the limit per address")
    func exemption() throws {
        var limits = ServerLimits()
        let loopback = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        let other = try SocketAddress(ipAddress: "10.0.0.1", port: 1)
        #expect(ConnectionLimiter(limits: limits).cappedAddress(loopback) == nil)
        #expect(ConnectionLimiter(limits: limits).cappedAddress(other) == "10.0.0.1")
        #expect(ConnectionLimiter(limits: limits).cappedAddress(try SocketAddress(unixDomainSocketPath: "/x")) == nil)
        for (text, counted) in [
            ("::1", nil), ("::ffff:127.0.0.1", nil), ("127.0.0.2", "127.0.0.2"), ("::ffff:10.1.2.3", "10.1.2.3"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ] {
            let address = try SocketAddress(ipAddress: text, port: 1)
            #expect(ConnectionLimiter(limits: limits).cappedAddress(address) == counted, "\(text)")
        }
        limits.exemptsLoopback = false
        #expect(ConnectionLimiter(limits: limits).cappedAddress(loopback) == "127.0.0.1")
    }

    @Test("Connections beyond the limit for 503 are closed without an answer")
    func census() {
        var limits = ServerLimits()
        limits.connections = 1
        limits.refusals = 1
        let census = ConnectionLimiter(limits: limits)
        #expect(census.admit("a") == .accepted)
        #expect(census.admit("b") == .refused)
        #expect(census.admit("c") == .cut)
        census.leave("b", .refused)
        #expect(census.admit("d") == .refused)
        census.leave("a", .accepted)
        #expect(census.admit("e") == .accepted)
    }

    @Test("A request with a nonce never gets evidence older than a second without an observation")
    func nonceLooks() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        try await withServer(services: ["canvas=compose:canvas"], engines: [engine.socketPath], folder: folder) {
            server in
            for number in 0..<6 {
                let response = try await server.get("/buildinfo?nonce=\(number)")
                #expect((Double(response.header("Buildinfo-Age") ?? "") ?? 99) < 2)
                try await Task.sleep(for: .milliseconds(400))
            }
            #expect(server.metrics.current.scans >= 2)
        }
        try await engine.stop()
    }

    @Test("While the engine hangs, a request with a nonce waits for the observation and gets unknown")
    func hangingEngine() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        try await withServer(services: ["canvas=compose:canvas"], engines: [engine.socketPath], folder: folder) {
            server in
            #expect(try await server.get("/buildinfo").contains("\"state\":\"serving\""))
            engine.update { $0.overrides["/containers/json?all=1"] = .hang }
            // Evidence grows older than a second while nobody can look.
            for _ in 0..<1_000 {
                guard let entry = server.documents.entry("canvas"), server.source.isFresh(entry) else { break }
                try await Task.sleep(for: .milliseconds(10))
            }
            let response = try await server.get("/buildinfo?nonce=1")
            #expect(response.contains("\"state\":\"unknown\""))
            #expect(response.contains("did not answer"))
        }
        try await engine.stop()
    }

    @Test("Only a limited number of pipelined requests is queued")
    func pipelined() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        var limits = ServerLimits()
        limits.pipelined = 3
        try await withServer(
            services: ["canvas=compose:canvas"], engines: [engine.socketPath], limits: limits, folder: folder
        ) { server in
            engine.update { $0.overrides["/containers/json?all=1"] = .hang }
            try await eventually("the evidence is old") {
                server.documents.entry("canvas").map { !server.source.isFresh($0) } ?? false
            }
            let many = String(repeating: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", count: 10)
            let connection = try await RawConnection.open(server.address)
            connection.send("GET /buildinfo?nonce=1 HTTP/1.1\r\nHost: x\r\n\r\n\(many)")
            #expect(try await connection.closes())
            #expect(connection.text.statuses == ["200", "200", "200", "200"])
        }
        try await engine.stop()
    }

    @Test("Stopping finishes requests in flight and closes idle connections")
    func draining() async throws {
        let folder = try TemporaryFolder()
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let server = try await ServerFixture(
            services: ["canvas=compose:canvas"], engines: [engine.socketPath], folder: folder)
        let idle = try await RawConnection.open(server.address)
        idle.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        try await idle.text { $0.hasSuffix("ok\n") }
        engine.update { $0.overrides["/containers/json?all=1"] = .hang }
        for _ in 0..<1_000 {
            guard let entry = server.documents.entry("canvas"), server.source.isFresh(entry) else { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        let waiting = try await RawConnection.open(server.address)
        waiting.send("GET /buildinfo?nonce=last HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in 0..<1_000 where server.metrics.current.connectionsOpen < 2 {
            try await Task.sleep(for: .milliseconds(10))
        }
        // The request's bytes are on their way by now; the engine's answer is not.
        try await Task.sleep(for: .milliseconds(200))
        try await server.stop()
        #expect(try await idle.closes())
        #expect(try await waiting.closes())
        #expect(waiting.text.header("Buildinfo-Nonce") == "last")
        #expect(waiting.text.header("Connection") == "close")
        await #expect(throws: (any Error).self) { _ = try await RawConnection.open(server.address) }
        try await engine.stop()
    }

    @Test("A connection that is open when the agent begins to stop can still send its first request")
    func lateRequest() async throws {
        var limits = ServerLimits()
        (limits.graceTime, limits.drainTime) = (.seconds(30), .seconds(40))
        try await withServer(limits: limits) { server in
            let connection = try await RawConnection.open(server.address)
            try await eventually("it is taken") { server.metrics.current.connectionsOpen == 1 }
            let stopping = Task { [http = server.server] in await http.stop() }
            try await eventually("nobody else is taken any more") {
                do {
                    try await RawConnection.open(server.address).close()
                    return false
                } catch {
                    return true
                }
            }
            #expect(!connection.isClosed)
            connection.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await connection.closes())
            #expect(connection.text.statuses == ["200"])
            #expect(connection.text.header("Connection") == "close")
            await stopping.value
        }
    }
}
