import Testing

@testable import Operations

/// The properties that a nonce needs: it is used once and cannot be predicted.
@Suite("Guards of a session")
struct SessionGuardTests {
    @Test("Every request carries a nonce of its own, whichever host it goes to and however often it is asked")
    func ownNonce() {
        var queue = PollSchedule(noncePrefix: "run", interval: .seconds(1))
        var nonces: [String] = []
        for round in 0..<50 {
            for host in 0..<20 { queue.schedule(host, at: .seconds(round)) }
            for (id, request) in queue.takeDue(at: .seconds(round)) {
                nonces.append(request.nonce)
                _ = queue.finish(id)
            }
        }
        #expect(nonces.count == 1_000)
        #expect(Set(nonces).count == 1_000)
        #expect(nonces.allSatisfy { $0.hasPrefix("run-") })
    }

    @Test("No two verifications share their nonces, which have 128 random bits")
    func ownPrefix() {
        let prefixes = (0..<200).map { _ in RunID.nonce() }
        #expect(Set(prefixes).count == 200)
        #expect(prefixes.allSatisfy { $0.utf8.count == 32 })
        // Every digit varies: none of the bytes is a constant.
        for digit in 0..<32 {
            #expect(Set(prefixes.map { Array($0.utf8)[digit] }).count > 1)
        }
    }
}
