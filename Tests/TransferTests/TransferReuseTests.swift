import Support
import Synchronization
import Testing

@testable import CollectorFixtures
@testable import Transfer

/// Requests share handles and connections, and nothing else.
@Suite struct TransferReuseTests {
    /// The requests that a host received, in order.
    private final class Received: Sendable {
        private let requests = Mutex<[ScriptedHostRequest]>([])

        func append(_ request: ScriptedHostRequest) { requests.withLock { $0.append(request) } }
        var last: ScriptedHostRequest? { requests.withLock(\.last) }

        /// The last request without its connection.
        var text: String {
            guard let last else { return "" }
            let headers = last.headers.map { "\($0.name): \($0.value)" }.sorted()
            return ([last.method, last.target] + headers + [String(decoding: last.body, as: UTF8.self)])
                .joined(separator: "\n")
        }
    }

    private static func variants(_ url: String) -> [TransferRequest] {
        func request(
            _ path: String, _ method: TransferRequest.Method = .get, _ headers: [(name: String, value: String)] = [],
            token: String? = nil, isFresh: Bool = false
        ) -> TransferRequest {
            TransferRequest(
                id: 1, lane: 0, method: method, url: url + path, headers: headers, timeout: .seconds(20),
                access: RequestCredentials(bearerToken: token), isFresh: isFresh)
        }
        let body = TransferRequest.Body(mediaType: "text/plain", bytes: Array("hello".utf8))
        return [
            request("/plain"),
            request("/token", token: "first"),
            request("/other-token", token: "second"),
            request("/header", .get, [("If-None-Match", "\"a\"")]),
            request("/other-value", .get, [("If-None-Match", "\"b\"")]),
            request("/more", .get, [("If-None-Match", "\"a\""), ("Prefer", "wait=5")]),
            request("/both", .get, [("If-None-Match", "\"a\"")], token: "first"),
            request("/head", .head),
            request("/post", .post(body), token: "first"),
            request("/put", .put(body)),
            request("/fresh", isFresh: true),
        ]
    }

    @Test("A request on a used handle is the same as on a new one")
    func sameRequest() async throws {
        let received = Received()
        let host = try await ScriptedHost.start { request in
            received.append(request)
            return request.path == "/head" ? .answer(status: 200, headers: [], body: []) : .json("{}")
        }
        let requests = Self.variants(host.url(""))
        var expected: [String] = []
        for request in requests {
            _ = try await TransferFixture.run(concurrency: 1) { await $0.ask([request]) }
            expected.append(received.text)
        }
        #expect(Set(expected).count == requests.count)
        try await TransferFixture.run(concurrency: 1) { bench in
            for former in requests {
                for (request, text) in zip(requests, expected) {
                    _ = await bench.ask([former])
                    let before = host.accepted
                    let outcome = await bench.ask([request]).first?.outcome
                    #expect(outcome?.kind == "200")
                    #expect(received.text == text, "after \(former.url)")
                    let isNew = host.accepted > before
                    #expect(
                        isNew == (request.isFresh || request.url.hasSuffix("/put")),
                        "\(request.url) after \(former.url)")
                }
            }
        }
        await host.stop()
    }

    @Test("Each request has its own time limit")
    func timeouts() async throws {
        let host = try await ScriptedHost.start { request in
            switch request.path {
            case "/hang": .hang
            case "/slow": .after(.milliseconds(400), .json("{}"))
            default: .json("{}")
            }
        }
        try await TransferFixture.run(concurrency: 1) { bench in
            for _ in 1...2 {
                _ = await bench.ask(host.url("/quick"), timeout: .milliseconds(300))
                #expect(await bench.ask(host.url("/slow")).kind == "200", "the limit before was shorter")
                #expect(await bench.ask(host.url("/hang"), timeout: .milliseconds(300)).kind == "timeout")
            }
        }
        await host.stop()
    }

    @Test("Only as many lanes keep their connections as fit; the others close them")
    func keptLanes() async throws {
        let fleet = try await ScriptedHost.start { _ in .json("{}") }
        try await TransferFixture.run(concurrency: 20, adjust: { $0.keptConnections = 8 }) { bench in
            for sweep in 1...3 {
                let completions = await bench.ask(
                    (0..<20).map { TransferRequest(id: UInt64($0), lane: $0, url: fleet.url(host: $0)) })
                #expect(completions.allSatisfy { $0.outcome.kind == "200" })
                await fleet.reached { $0.open == 8 }
                #expect(fleet.accepted == 20 + 12 * (sweep - 1))
            }
        }
        await fleet.stop()
    }

    @Test("A request that does not keep its connection closes it, and the next one keeps its own")
    func closes() async throws {
        let host = try await ScriptedHost.start { _ in .json("{}") }
        try await TransferFixture.run(concurrency: 1) { bench in
            for (keeps, accepted) in [(false, 1), (false, 2), (true, 3), (true, 3), (false, 3), (true, 4)] {
                var request = TransferRequest(id: 1, lane: 0, url: host.url())
                request.keepsConnection = keeps
                #expect(await bench.ask([request]).first?.outcome.kind == "200")
                await host.reached { $0.open == (keeps ? 1 : 0) }
                #expect(host.accepted == accepted)
            }
        }
        await host.stop()
    }

    @Test(
        "Clients that share a fleet split its lanes, and each uses all of its multi handles evenly",
        arguments: [1, 2, 3], [1, 4, 32])
    func split(_ clients: Int, _ multiHandles: Int) {
        var limits = TransferLimits(openFiles: 20_000, multiHandles: multiHandles)
        limits.clients = clients
        limits.keptConnections = 3 * multiHandles
        var lanes: [[Int]: Int] = [:]
        var kept: [[Int]: Int] = [:]
        for lane in 0..<(5 * clients * multiHandles) {
            let places = (0..<clients).filter { place in
                limits.place = place
                return limits.serves(lane: lane)
            }
            #expect(places.count == 1)
            let handle = places + [limits.multiHandle(lane: lane)]
            lanes[handle, default: 0] += 1
            if limits.keepsConnection(lane: lane) { kept[handle, default: 0] += 1 }
        }
        #expect(lanes.count == clients * multiHandles)
        #expect(lanes.values.allSatisfy { $0 == 5 })
        #expect(kept.count == clients * multiHandles)
        #expect(kept.values.allSatisfy { $0 == 3 })
    }
}
