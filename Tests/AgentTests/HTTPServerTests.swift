import Foundation
import NIOCore
import Shared
import Support
import Testing

@testable import Agent

@Suite("HTTP server") struct HTTPServerTests {
    private static let fixedHeaders = ["Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"]

    @Test("A document has its headers, nonce and age")
    func document() async throws {
        try await withServer { server in
            let response = try await server.get("/buildinfo?nonce=a%22%5Cb")
            #expect(response.hasPrefix("HTTP/1.1 200 OK\r\n"))
            for (name, value) in Self.fixedHeaders { #expect(response.header(name) == value) }
            #expect(response.header("Content-Type") == "application/json")
            #expect(response.header("Buildinfo-Nonce") == "a\"\\b")
            #expect(response.header("Buildinfo-Host") == Samples.host.id)
            let document = try JSONDecoder().decode(Document.self, from: Data(response.responseBody.utf8))
            #expect(document.nonce == "a\"\\b")
            #expect(document.gitSHA.value?.hex == Samples.sha)
            #expect(document.host == Samples.host)
            #expect(response.header("Buildinfo-Age") == String(format: "%.3f", document.ageSeconds))
            #expect(response.header("Content-Length") == "\(response.responseBody.utf8.count)")
        }
    }

    @Test("Unchanged content is 304 with nonce, host and age, and changed content 200")
    func notModified() async throws {
        try await withServer { server in
            let tag = try #require(try await server.get("/buildinfo?nonce=1").header("ETag"))
            let response = try await server.get("/buildinfo?nonce=2", headers: "If-None-Match: \"x\", W/\(tag)\r\n")
            #expect(response.hasPrefix("HTTP/1.1 304 "))
            #expect(response.responseBody.isEmpty)
            #expect(response.header("ETag") == tag)
            #expect(response.header("Buildinfo-Nonce") == "2")
            #expect(response.header("Buildinfo-Host") == Samples.host.id)
            #expect(response.header("Buildinfo-Age") != nil)
            #expect(response.header("Cache-Control") == "no-store")
            #expect(try await server.get("/buildinfo", headers: "If-None-Match: \"x\"\r\n").hasPrefix("HTTP/1.1 200 "))
            #expect(try await server.get("/buildinfo", headers: "If-None-Match: *\r\n").hasPrefix("HTTP/1.1 304 "))
        }
    }

    @Test("HEAD has the headers of GET and no body")
    func head() async throws {
        try await withServer { server in
            let response = try await server.get("/api/buildinfo", method: "HEAD")
            #expect(response.hasPrefix("HTTP/1.1 200 "))
            #expect(response.header("ETag") != nil)
            #expect((response.header("Content-Length").flatMap { Int($0) } ?? 0) > 100)
            #expect(response.responseBody.isEmpty)
        }
    }

    @Test("Unknown paths all answer the same 404")
    func notFound() async throws {
        try await withServer { server in
            let responses = [
                try await server.get("/"), try await server.get("/buildinfo/other"),
                try await server.get("/etc/passwd"),
                try await server.get("/buildinfo/canvas/x?nonce=1"),
            ]
            #expect(Set(responses).count == 1)
            let response = try #require(responses.first)
            #expect(response.hasPrefix("HTTP/1.1 404 "))
            #expect(response.header("Content-Type") == "application/json")
            #expect(
                response.responseBody == #"""
                    {"error":"not found: this agent answers /buildinfo, /buildinfo/SERVICE, /healthz and /metrics",\#
                    "services":["canvas"]}
                    """#)
            #expect(try await server.get("/x", method: "HEAD").responseBody.isEmpty)
        }
    }

    @Test("The services in a 404 are limited, and the number of the others is named")
    func manyServices() throws {
        let names = (1...1_000).map { "service-\($0)-" + String(repeating: "x", count: 100) }
        let body = NotFoundBody(services: names)
        #expect(body.services == Array(names.prefix(64)))
        #expect(body.moreServices == 936)
        #expect(try JSONEncoder().encode(body).count < 16_384)
        let few = NotFoundBody(services: Array(names.prefix(64)))
        #expect(few.moreServices == nil)
        #expect(try JSONDecoder().decode(NotFoundBody.self, from: JSONEncoder().encode(few)) == few)
    }

    struct Refused: CustomTestStringConvertible, Sendable {
        var request: String
        var status: String
        var testDescription: String { "\(status) for \(request.prefix(60).debugDescription)" }
    }

    @Test(
        "An invalid request gets one answer, and the connection is closed",
        arguments: [
            Refused(request: "POST /buildinfo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", status: "413"),
            Refused(request: "GET /buildinfo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", status: "413"),
            Refused(
                request:
                    "GET /buildinfo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                status: "413"),
            Refused(request: "GET /buildinfo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n", status: "413"),
            Refused(
                request: "GET /buildinfo HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n", status: "400"),
            Refused(request: "GET /" + String(repeating: "a", count: 4_090) + " HTTP/1.1\r\n\r\n", status: "414"),
            Refused(request: "GET /" + String(repeating: "a", count: 20_000) + " HTTP/1.1\r\n\r\n", status: "431"),
            Refused(
                request: "GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 9_000) + "\r\n\r\n", status: "431"),
            Refused(
                request: "GET / HTTP/1.1\r\n"
                    + String(repeating: "X: " + String(repeating: "a", count: 1_000) + "\r\n", count: 9) + "\r\n",
                status: "431"),
            Refused(request: "GET / HTTP/1.1\r\n" + String(repeating: "X: a\r\n", count: 200) + "\r\n", status: "431"),
            Refused(request: "SSH-2.0-OpenSSH_9\r\n", status: "400"),
            Refused(request: "GET /buildinfo\r\n\r\n", status: "400"),
            Refused(request: "GET / HTTP/9.9\r\n\r\n", status: "400"),
            Refused(request: "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", status: "400"),
            Refused(request: "\u{16}\u{3}\u{1}\u{0}\u{1}", status: "400"),
            Refused(request: "GET / HTTP/1.1\r\nX: a\u{0}b\r\n\r\n", status: "400"),
        ])
    func refused(example: Refused) async throws {
        try await withServer { server in
            let response = try await server.exchange(example.request)
            #expect(response.statuses == [example.status])
            #expect(response.header("Connection") == "close")
            // The server still answers.
            #expect(try await server.get("/healthz").hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("A header of exactly the permitted size passes")
    func permittedSizes() async throws {
        try await withServer { (server: ServerFixture) async throws in
            #expect(try await server.get("/" + String(repeating: "a", count: 4_000)).statuses == ["404"])
            #expect(
                try await server.get("/healthz", headers: "X: \(String(repeating: "a", count: 7_000))\r\n").statuses
                    == ["200"])
            #expect(try await server.get("/healthz", headers: "Content-Length: 0\r\n").statuses == ["200"])
        }
    }

    @Test(
        "Other methods are refused with the permitted ones",
        arguments: ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
    func methods(method: String) async throws {
        try await withServer { server in
            let response = try await server.get("/buildinfo", method: method)
            if method == "BREW" {
                #expect(["400", "405"].contains(response.statuses.first ?? ""))
            } else {
                #expect(response.statuses == ["405"])
                #expect(response.header("Allow") == "GET, HEAD")
            }
        }
    }

    @Test("A bad nonce is 400, and is not echoed")
    func badNonce() async throws {
        try await withServer { server in
            let response = try await server.get("/buildinfo?nonce=%0d%0aSet-Cookie:x")
            #expect(response.statuses == ["400"])
            #expect(!response.contains("Set-Cookie"))
            #expect(response.header("Buildinfo-Nonce") == nil)
        }
    }

    @Test("Pipelined requests are answered in order")
    func pipelining() async throws {
        try await withServer { server in
            let count = 2_000
            let requests = (1...count).map { "GET /buildinfo?nonce=n\($0)n HTTP/1.1\r\nHost: x\r\n\r\n" }.joined()
            let connection = try await RawConnection.open(server.address)
            connection.send(requests + "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(try await connection.closes())
            let nonces = connection.text.split(separator: "\"nonce\":\"n").dropFirst().map { $0.prefix { $0 != "n" } }
            #expect(nonces.count == count)
            #expect(nonces.elementsEqual((1...count).map { Substring("\($0)") }))
            #expect(connection.text.hasSuffix("ok\n"))
        }
    }

    @Test("A request after a refused one is not answered")
    func nothingBehindRefusal() async throws {
        try await withServer { server in
            let response = try await server.exchange(
                "GET /buildinfo HTTP/1.1\r\nContent-Length: 44\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n"
            )
            #expect(response.statuses == ["413"])
        }
    }

    @Test("A peer that closed its side still gets its answer")
    func halfClosed() async throws {
        try await withServer { server in
            let connection = try await RawConnection.open(server.address)
            try await connection.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            try await connection.finishWriting()
            #expect(try await connection.closes())
            #expect(connection.text.statuses == ["200"])
        }
    }

    @Test("HTTP/1.0 is answered, and the connection closed")
    func oldVersion() async throws {
        try await withServer { (server: ServerFixture) async throws in
            #expect(
                try await server.exchange("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").statuses == ["200"]
            )
        }
    }

    @Test("A unix socket replaces a stale file, and leaves none behind")
    func unixSocket() async throws {
        try await withServer { server in
            let path = server.folder.file("agent.sock")
            let stale = FakeEngine(socketPath: path, script: EngineScripts.classic)
            try await stale.start()
            await #expect(throws: AgentError.addressInUse("unix:\(path)")) {
                try await server.server.start([.address(.unix(path: path))])
            }
            try await stale.stop()
            _ = try await server.server.start([.address(.unix(path: path))])
            let connection = try await RawConnection.open(try SocketAddress(unixDomainSocketPath: path))
            try await connection.write("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(try await connection.closes())
            #expect(connection.text.statuses == ["200"])
            await server.server.stop()
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test("An address in use is an error that names it")
    func addressInUse() async throws {
        try await withServer { server in
            let port = try #require(server.address.port)
            await #expect(throws: AgentError.addressInUse("127.0.0.1:\(port)")) {
                try await server.server.start([.address(.tcp(host: "127.0.0.1", port: port))])
            }
        }
    }

    @Test("An existing file at the socket's path is not deleted")
    func fileInTheWay() async throws {
        try await withServer { server in
            let path = try server.folder.write("precious", to: "agent.sock")
            await #expect(throws: AgentError.self) { try await server.server.start([.address(.unix(path: path))]) }
            #expect(FileManager.default.fileExists(atPath: path))
        }
    }

    @Test("Metrics show the served build, and count answers by code")
    func metrics() async throws {
        try await withServer { server in
            _ = try await server.get("/nowhere")
            let page = try await server.get("/metrics").responseBody
            #expect(
                page.contains(
                    "buildinfo_served_info{service=\"canvas\",git_sha=\"\(Samples.sha)\",digest=\"\",state=\"serving\"} 1\n"
                ))
            #expect(page.contains("buildinfo_http_requests_total{code=\"404\"} 1\n"))
            #expect(page.contains("buildinfo_engine_look_failures_total{reason=\"denied\"} 0\n"))
            let names = page.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
            #expect(Set(names).count == names.count)
        }
    }
}
