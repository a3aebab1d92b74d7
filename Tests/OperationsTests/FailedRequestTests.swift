import Foundation
import Glibc
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Transfer
@testable import Verdict

/// The words for requests without a usable answer, made by real servers and libcurl.
@Suite("Failed requests")
struct FailedRequestTests {
    private static func text(_ url: String, _ access: RequestCredentials = RequestCredentials()) async throws -> String
    {
        let client = try TransferClient(limits: TransferLimits(openFiles: OpenFiles.raiseLimit(), concurrency: 1))
        client.submit([TransferRequest(id: 1, lane: 0, url: url, headers: [], timeout: .seconds(5), access: access)])
        var found = FailedRequest(.ok, detail: "")
        for await batch in client.completions {
            guard let completion = batch.first else { continue }
            switch completion.outcome {
            case .failure(let failure):
                found = FailedRequest(failure.reach, detail: failure.detail, url: url, service: "canvas")
            case .success(let response):
                if case .unusable(let outcome, let detail) = ResponseDecoder().read(
                    status: response.status, headers: response.headers, body: response.body)
                {
                    found = FailedRequest(outcome, detail: detail, url: url, service: "canvas")
                }
            }
            break
        }
        await client.shutdown()
        let text = found.text.sentence
        for raw in ["OpenSSL", "error:", "routines", "Couldn't", "milliseconds", "errno", "curl"] {
            #expect(!text.contains(raw), "\(text)")
        }
        return text
    }

    @Test("TLS against a plain port, and plain HTTP against a TLS port, name the scheme to write")
    func schemes() async throws {
        let plain = try #require(PlainServer())
        let text = try await Self.text("https://127.0.0.1:\(plain.port)/buildinfo")
        #expect(text == "the port does not speak TLS: write http:// in the inventory, or configure TLS on the agent")

        let secure = try await TLSHost()
        defer { secure.stop() }
        try await secure.serve()
        let other = try await Self.text("http://127.0.0.1:\(secure.port)/buildinfo")
        #expect(
            other.hasSuffix("if the port speaks TLS, write https:// in the inventory; else check what listens there"),
            "\(other)")
    }

    @Test("A certificate that is not trusted, or of another name, or missing, has its own remedy")
    func certificates() async throws {
        let host = try await TLSHost()
        defer { host.stop() }
        try await host.serve("-Verify 1 -verify_return_error -CAfile ca.pem")
        let url = "https://127.0.0.1:\(host.port)/"
        #expect(
            try await Self.text(url) == "its certificate is not issued by a trusted CA: give its CA with --ca")
        let trusted = RequestCredentials(certificateAuthorities: host.path("ca.pem"))
        #expect(
            try await Self.text("https://localhost:\(host.port)/", trusted)
                == "its certificate is for another name: correct the name in the inventory, or issue a certificate for it"
        )
        #expect(
            try await Self.text(url, trusted)
                == "it requires a client certificate: give --cert and --key, or access in the inventory")
    }

    @Test("A closed port, an unknown name and a connection that ends have plain words")
    func connections() async throws {
        let deaf = try #require(ScriptedHostDeafPort(.closed))
        #expect(
            try await Self.text("http://127.0.0.1:\(deaf.port)/buildinfo")
                == "connection refused: check that the agent runs (systemctl status buildinfo-agent), its port and the firewall"
        )
        #expect(
            try await Self.text("http://no-such-host.invalid/buildinfo")
                == "the name 'no-such-host.invalid' does not resolve: check the name in the inventory, and the resolver"
        )
        let host = try await ScriptedHost.start { _ in .close }
        #expect(
            try await Self.text(host.url()).hasPrefix(
                "it closed the connection without an answer: if the port speaks TLS"))
        await host.stop()
    }

    @Test(
        "A refusal by HTTP names the way to the agent",
        arguments: [
            (
                404, "<html>", "/", "answered HTTP 404: write ORIGIN/buildinfo/canvas in the inventory"
            ),
            (
                404, #"{"services":["web"]}"#, "/buildinfo/canvas",
                "answered HTTP 404: this agent serves web: check the service's name (--service, or service in the inventory)"
            ),
            (
                404, "", "/buildinfo/canvas",
                "answered HTTP 404: check what answers at this URL: an agent has ORIGIN/buildinfo/canvas"
            ),
            (
                401, "", "/buildinfo",
                "the host refuses access (HTTP 401): check the token (--token-file, or access in the inventory)"
            ),
            (
                403, "", "/buildinfo",
                "the host refuses access (HTTP 403): the agent does not accept this client certificate: check --cert, and --tls-client-name on the host"
            ),
            (
                429, "", "/buildinfo",
                "answered HTTP 429: query less often, or raise requests_per_second in its agent.yaml"
            ),
            (
                503, "", "/buildinfo",
                "answered HTTP 503: find the clients that hold its connections, or raise connections in its agent.yaml"
            ),
            (
                400, "Client sent an HTTP request to an HTTPS server.", "/buildinfo",
                "answered HTTP 400: the port expects TLS: write https:// in the inventory"
            ),
        ])
    func statuses(_ status: Int, _ body: String, _ path: String, _ expected: String) async throws {
        let host = try await ScriptedHost.start { _ in .status(status, body) }
        let origin = host.url("")
        let text = try await Self.text(origin + path)
        #expect(text == expected.replacing("ORIGIN", with: origin))
        await host.stop()
    }
}

/// Answers the first bytes of one connection with a refusal in plain HTTP, as an HTTP server does that cannot parse them.
private final class PlainServer: Sendable {
    let port: UInt16
    private let listener: Int32

    init?() {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 1) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        guard listener >= 0, isBound else { return nil }
        Thread.detachNewThread {
            let connection = accept(listener, nil, nil)
            var bytes = [UInt8](repeating: 0, count: 1_024)
            _ = recv(connection, &bytes, bytes.count, 0)
            let answer = Array("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".utf8)
            _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
            close(connection)
        }
    }

    deinit { close(listener) }
}
