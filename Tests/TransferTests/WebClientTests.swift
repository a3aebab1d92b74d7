import Support
import Testing

@testable import Transfer

@Suite(.timeLimit(.minutes(1)))
struct WebClientTests {
    @Test("A body is sent whole, with its media type, length and method")
    func bodies() async throws {
        let host = try await ScriptedHost.start { request in
            .answer(
                status: 201,
                headers: [("Location", "\(request.method) \(request.header("content-type") ?? "none")")],
                body: request.body.reversed() + Array((request.header("expect") ?? "no expect").utf8))
        }
        let client = try WebClient()
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        for (method, name) in [
            (TransferRequest.Method.put(.init(mediaType: "application/x-one", bytes: bytes)), "PUT application/x-one"),
            (.post(.init(mediaType: "text/x-two", bytes: [])), "POST text/x-two"),
        ] {
            let answer = try await client.send(WebRequest(method, url: host.url(), within: .seconds(20)))
            #expect(answer.status == 201)
            #expect(answer.headers["location"] == name)
            let sent = name.hasPrefix("PUT") ? bytes : []
            #expect(answer.body == sent.reversed() + Array("no expect".utf8))
        }
        await client.close()
        await host.stop()
    }

    @Test("Repeated challenge headers form one list; redirects are returned")
    func lists() async throws {
        let host = try await ScriptedHost.start { _ in
            .answer(
                status: 302,
                headers: [
                    ("WWW-Authenticate", #"Bearer realm="https://a.example/token""#), ("Location", "/first"),
                    ("www-authenticate", #"Basic realm="b""#), ("Location", "/second"),
                ], body: [])
        }
        let client = try WebClient()
        let answer = try await client.send(WebRequest(url: host.url(), within: .seconds(20)))
        #expect(answer.status == 302)
        #expect(answer.headers["www-authenticate"] == #"Bearer realm="https://a.example/token", Basic realm="b""#)
        #expect(answer.headers["location"] == "/first")
        await client.close()
        await host.stop()
    }

    @Test("Cancelling a caller cancels its request; a closed client fails all requests")
    func ends() async throws {
        let host = try await ScriptedHost.start { _ in .hang }
        let client = try WebClient()
        let url = host.url()
        let asking = Task { () async -> TransferFailure? in
            do throws(TransferFailure) {
                _ = try await client.send(WebRequest(url: url, within: .seconds(600)))
                return nil
            } catch {
                return error
            }
        }
        await host.reached { $0.requests == 1 }
        asking.cancel()
        #expect(await asking.value == .cancelled)
        await client.close()
        await #expect(throws: TransferFailure.cancelled) {
            try await client.send(WebRequest(url: url, within: .seconds(600)))
        }
        await host.stop()
    }
}
