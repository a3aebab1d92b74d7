import Testing

@testable import Agent
@testable import AgentCore

@Suite struct BackoffTests {
    struct Attempt: CustomTestStringConvertible, Sendable {
        var stood: [Duration]
        var pauses: [Int]
        var testDescription: String { "\(pauses)" }
    }

    @Test(
        "Each failed attempt doubles the pause up to two seconds; a stable one resets it",
        arguments: [
            Attempt(
                stood: Array(repeating: .zero, count: 8), pauses: [100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]),
            // A connection that is closed at once counts as refused.
            Attempt(stood: [.milliseconds(1), .milliseconds(1), .seconds(4)], pauses: [100, 200, 400]),
            Attempt(stood: [.zero, .zero, .seconds(5), .zero], pauses: [100, 200, 100, 200]),
            Attempt(stood: [.seconds(3_600), .seconds(3_600)], pauses: [100, 100]),
        ])
    func pauses(attempt: Attempt) {
        var backoff = Backoff()
        #expect(attempt.stood.map { backoff.pause(after: $0) } == attempt.pauses.map(Duration.milliseconds))
    }
}
