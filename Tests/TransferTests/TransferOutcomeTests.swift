import Support
import Testing

@testable import Transfer

/// Every behaviour of a host, over real sockets.
@Suite struct TransferOutcomeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var answer: ScriptedHostAnswer
        var expected: String
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "a document", answer: .json("{}"), expected: "200"),
        Case(name: "no content", answer: .status(204), expected: "204"),
        Case(name: "not modified", answer: .status(304), expected: "304"),
        Case(name: "unauthorized", answer: .status(401), expected: "401"),
        Case(name: "forbidden", answer: .status(403), expected: "403"),
        Case(name: "not found", answer: .status(404, "<html>"), expected: "404"),
        Case(name: "unavailable", answer: .status(503), expected: "503"),
        Case(name: "a late document", answer: .after(.milliseconds(50), .json("{}")), expected: "200"),
        Case(
            name: "an interim answer before the final one",
            answer: .bytes(Array("HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".utf8)),
            expected: "200"),
        Case(name: "reset", answer: .reset, expected: "protocolError"),
        Case(name: "closed without a byte", answer: .close, expected: "protocolError"),
        Case(name: "another protocol", answer: .garbage, expected: "protocolError"),
        Case(name: "HTTP/0.9", answer: .bytes(Array("{}".utf8)), expected: "protocolError"),
        Case(name: "a broken head", answer: .bytes(Array("HTTP/1.1 200 OK\r\nConte".utf8)), expected: "protocolError"),
        Case(
            name: "a body shorter than announced",
            answer: .closeEarly(status: 200, body: [0x7B], missing: 9), expected: "protocolError"),
        Case(
            name: "a broken chunk",
            answer: .bytes(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".utf8)),
            expected: "protocolError"),
        Case(name: "a body without end", answer: .flood(chunked: false), expected: "tooLarge"),
        Case(name: "chunks without end", answer: .flood(chunked: true), expected: "tooLarge"),
        Case(
            name: "a length over the limit",
            answer: .bytes(Array("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n".utf8)), expected: "tooLarge"),
        Case(name: "headers without end", answer: .floodHeaders, expected: "tooLarge"),
        Case(name: "a header line without end", answer: .endlessHeaderLine, expected: "tooLarge"),
    ]

    @Test("Each behaviour of a host has its outcome", arguments: cases)
    func outcome(_ example: Case) async throws {
        let host = try await ScriptedHost.start { _ in example.answer }
        let outcome = try await TransferFixture.run { await $0.ask(host.url()) }
        await host.stop()
        #expect(outcome.kind == example.expected, "\(outcome)")
        if case .failure(let failure) = outcome {
            #expect(!failure.detail.isEmpty)
            #expect(!failure.detail.contains("\n"))
        }
    }

    @Test("A body may be as long as the limit, and no longer", arguments: [1_000, 1_001])
    func bodyLimit(_ size: Int) async throws {
        // Without Content-Length, so that the received bytes count.
        let head = Array("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".utf8)
        let host = try await ScriptedHost.start { _ in .bytes(head + Array(repeating: 0x20, count: size)) }
        let outcome = try await TransferFixture.run(adjust: { $0.bodyBytes = 1_000 }) { await $0.ask(host.url()) }
        await host.stop()
        #expect(outcome.kind == (size == 1_000 ? "200" : "tooLarge"), "\(outcome)")
    }

    @Test("Without kept connections each request opens its own")
    func noReuse() async throws {
        let host = try await ScriptedHost.start { _ in .json("{}") }
        try await TransferFixture.run(adjust: { $0.keptConnections = 0 }) { bench in
            for _ in 1...3 { #expect(await bench.ask(host.url()).kind == "200") }
        }
        #expect(host.accepted == 3)
        await host.stop()
    }

    @Test("A closed port is refused, with the kernel's reason")
    func refused() async throws {
        let deaf = try #require(ScriptedHostDeafPort(.closed))
        let outcome = try await TransferFixture.run { await $0.ask("http://127.0.0.1:\(deaf.port)/") }
        guard case .failure(.refused(let detail)) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(detail.contains("refused"))
    }

    @Test("Silence ends at the request's timeout, before or after the connection", arguments: ["hang", "drip", "full"])
    func timeout(_ silence: String) async throws {
        let host = try await ScriptedHost.start { _ in
            silence == "hang" ? .hang : .drip(body: Array(repeating: 0x20, count: 1_000))
        }
        let deaf = try #require(ScriptedHostDeafPort(.full))
        let url = silence == "full" ? "http://127.0.0.1:\(deaf.port)/" : host.url()
        let completions = try await TransferFixture.run { bench in
            await bench.ask([TransferRequest(id: 1, lane: 0, url: url, timeout: .milliseconds(300))])
        }
        await host.stop()
        let completion = try #require(completions.first)
        #expect(completion.outcome.kind == "timeout", "\(completion.outcome)")
        let took = completion.startedAt.duration(to: completion.finishedAt)
        #expect(took >= .milliseconds(290))
        #expect(took < .seconds(10))
    }

    @Test("A name that cannot exist is a failure of name lookup")
    func dns() async throws {
        // RFC 6761, section 6.4: "invalid" never resolves.
        let outcome = try await TransferFixture.run {
            await $0.ask("http://no-such-host.invalid/", timeout: .seconds(60))
        }
        #expect(outcome.kind == "dns", "\(outcome)")
    }

    @Test("A redirect is returned and not followed")
    func redirect() async throws {
        let host = try await ScriptedHost.start { request in
            request.path == "/buildinfo" ? .redirect(to: "/elsewhere") : .json("{}")
        }
        let outcome = try await TransferFixture.run { await $0.ask(host.url()) }
        #expect(outcome.kind == "302")
        #expect(try outcome.get().headers["location"] == "/elsewhere")
        #expect(host.requests == 1)
        await host.stop()
    }

    @Test(
        "Only http and https are allowed",
        arguments: ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "not a url", "http://", ""])
    func foreignScheme(_ url: String) async throws {
        let outcome = try await TransferFixture.run { await $0.ask(url, timeout: .seconds(1)) }
        #expect(outcome.kind == "protocolError", "\(outcome)")
    }

    @Test("Body, status and kept headers arrive as sent; the first of two headers counts; trailers do not")
    func response() async throws {
        let text =
            "HTTP/1.1 103 Hints\r\nBuildinfo-Nonce: interim\r\n\r\nHTTP/1.1 200 OK\r\nbuildinfo-NONCE:  abc \r\n"
            + "Buildinfo-Nonce: second\r\nX-Other: 1\r\nETag: \(String(repeating: "e", count: 2_000))\r\n"
            + "Transfer-Encoding: chunked\r\nTrailer: Buildinfo-Host\r\n\r\n5\r\nhello\r\n0\r\nBuildinfo-Host: x\r\n\r\n"
        let host = try await ScriptedHost.start { _ in .bytes(Array(text.utf8)) }
        let response = try await TransferFixture.run { await $0.ask(host.url()) }.get()
        await host.stop()
        #expect(response.status == 200)
        #expect(response.body == Array("hello".utf8))
        #expect(response.headers["Buildinfo-Nonce"] == "abc")
        #expect(response.headers["X-Other"] == nil)
        #expect(response.headers["ETag"] == nil, "longer than a kept value may be")
        #expect(response.headers["Buildinfo-Host"] == nil, "a trailer")
    }

    @Test("Headers and token are sent with their request and not with the next")
    func requestHeaders() async throws {
        let host = try await ScriptedHost.start { request in
            let token = request.header("authorization") ?? "-"
            return .json("\(token)|\(request.header("x-one") ?? "-")|\(request.header("user-agent") ?? "-")")
        }
        // With a window of one, the requests share one easy handle.
        let bodies = try await TransferFixture.run(concurrency: 1) { bench in
            let access = RequestCredentials(bearerToken: "s3cret")
            let first = try await bench.ask(host.url(), headers: [("X-One", "1")], access: access).get()
            let second = try await bench.ask(host.url()).get()
            return [first, second].map { String(decoding: $0.body, as: UTF8.self) }
        }
        await host.stop()
        #expect(bodies[0].hasPrefix("Bearer s3cret|1|buildinfo-collector/"))
        #expect(bodies[1].hasPrefix("-|-|buildinfo-collector/"))
    }

    @Test("A header with a line break is not sent")
    func headerInjection() async throws {
        let host = try await ScriptedHost.start { _ in .json("{}") }
        let kinds = try await TransferFixture.run { bench in
            let header = await bench.ask(host.url(), headers: [("X", "a\r\nY: b")])
            let token = await bench.ask(host.url(), access: RequestCredentials(bearerToken: "t\n"))
            return [header.kind, token.kind]
        }
        #expect(kinds == ["protocolError", "protocolError"])
        #expect(host.requests == 0)
        await host.stop()
    }
}
