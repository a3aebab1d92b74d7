import Logging
import Shared
import Testing

@testable import Agent

@Suite("Request limiter") struct RequestLimiterTests {
    private func time(_ milliseconds: Int64) -> UInt64 { (1 << 40) + UInt64(milliseconds) * 1_000_000 }

    @Test("A burst is permitted, then the rate, and another burst after a pause")
    func bucket() {
        let limiter = RateLimiter(rate: 10, burst: 20)
        func granted(at milliseconds: Int64, of count: Int = 100) -> Int {
            (0..<count).count { _ in limiter.refusal("10.0.0.1", now: time(milliseconds)) == nil }
        }
        #expect(granted(at: 0) == 20)
        #expect(granted(at: 99) == 0)
        #expect(granted(at: 100) == 1)
        #expect(granted(at: 1_100) == 10)
        #expect(granted(at: 60_000) == 20)
    }

    @Test("A refusal has the time to wait in whole seconds, at least one")
    func retryAfter() {
        let limiter = RateLimiter(rate: 1, burst: 1)
        #expect(limiter.refusal("a", now: time(0)) == nil)
        #expect(limiter.refusal("a", now: time(10)) == 1)
        #expect(limiter.refusal("a", now: time(1_000)) == nil)
        #expect(limiter.refusal("b", now: time(0)) == nil)
    }

    @Test("A slow client is never refused, however many addresses send requests")
    func manyAddresses() {
        let limiter = RateLimiter(rate: 2, burst: 2)
        for number in 0..<100_000 {
            #expect(limiter.refusal("10.\(number >> 16).\(number >> 8 & 255).\(number & 255)", now: time(1)) == nil)
        }
        for second in 1...10 { #expect(limiter.refusal("192.0.2.1", now: time(Int64(second) * 1_000)) == nil) }
    }

    @Test("An address above its rate stays known beside 100,000 others")
    func abuser() {
        let limiter = RateLimiter(rate: 1, burst: 50)
        for _ in 0..<50 { #expect(limiter.refusal("abuser", now: time(0)) == nil) }
        for number in 0..<100_000 { _ = limiter.refusal("10.0.\(number >> 8).\(number & 255)", now: time(1)) }
        #expect(limiter.refusal("abuser", now: time(2)) != nil)
    }

    @Test("An address above its rate gets 429 with Retry-After, before authentication, and others are answered")
    func server() async throws {
        var limits = ServerLimits()
        limits.requestsPerSecond = 1
        limits.burstSeconds = 3
        let folder = try TemporaryFolder()
        let configuration = AccessConfiguration(tokenFile: try folder.secret(AccessTests.token, to: "token"))
        let access = try AccessControl(configuration, logger: .init(label: "t", factory: { _ in LinesLog() }))
        try await withServer(limits: limits, access: access) { server in
            func ask(from source: String, _ count: Int) async throws -> String {
                let connection = try await RawConnection.open(server.address, from: source)
                connection.send(String(repeating: "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", count: count - 1))
                connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                #expect(try await connection.closes())
                return connection.text
            }
            let text = try await ask(from: "127.0.0.3", 20)
            let statuses = text.statuses
            // On a slow machine a second can pass, which permits one more.
            #expect(statuses.count == 20 && statuses.prefix(3).allSatisfy { $0 == "401" })
            #expect(statuses.count { $0 == "429" } >= 10)
            #expect(text.contains("Retry-After: 1"))
            #expect(try await ask(from: "127.0.0.4", 2).statuses == ["401", "401"])
            #expect(try await ask(from: "127.0.0.1", 20).statuses.allSatisfy { $0 == "401" })
        }
    }
}
