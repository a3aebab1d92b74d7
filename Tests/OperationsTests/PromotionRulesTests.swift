import Shared
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Registry
@testable import Verdict

@Suite("Promotion rules")
struct PromotionRulesTests {
    @Test(
        "A tag that names a build never moves; other tags move only if they are declared",
        arguments: [
            ("latest", nil), ("stable", nil), ("staging-c0ffee5", TagPolicy.Refusal.writtenOnce),
            ("staging-c0ffee5eed1234567890abcdef1234567890abcd", .writtenOnce), ("sha-1", .writtenOnce),
            ("v1", .writtenOnce), ("v2.3.4", .writtenOnce), ("staging", .undeclared), ("staging-new", .undeclared),
            ("production", .undeclared), ("vanilla", .undeclared), ("Latest", .undeclared),
        ])
    func movingTags(tag: String, refusal: TagPolicy.Refusal?) {
        #expect(TagPolicy(moving: ["latest", "stable", "v1"]).refusal(of: tag) == refusal)
    }

    @Test("The tags of another candidate pattern never move either")
    func candidatePattern() throws {
        let policy = TagPolicy(moving: ["latest"], candidates: try CandidatePattern(parsing: "build-{sha}"))
        #expect(policy.refusal(of: "build-c0ffee5") == .writtenOnce)
        #expect(policy.refusal(of: "staging-c0ffee5") == .undeclared)
        let request = try PromotionRequest(
            service: "canvas", image: "registry.example/canvas", gitSHA: try LedgerFixtures.sha("a"), from: nil,
            to: "latest", rules: policy, allowsRollback: false, actor: "me")
        #expect(request.sourceName == "build-\(try LedgerFixtures.sha("a").hex)")
    }

    @Test("A tag shows the intended build, the former build, or another writer's")
    func tagState() throws {
        let (old, new, third) = (
            try LedgerFixtures.digest("a"), try LedgerFixtures.digest("b"), try LedgerFixtures.digest("c")
        )
        #expect(TagReadback.state(now: new, intended: new, former: old) == .moved)
        #expect(TagReadback.state(now: old, intended: new, former: old) == .unmoved)
        #expect(TagReadback.state(now: third, intended: new, former: old) == .contested)
        #expect(TagReadback.state(now: nil, intended: new, former: old) == .contested)
        #expect(TagReadback.state(now: nil, intended: new, former: nil) == .unmoved)
        #expect(TagReadback.state(now: old, intended: old, former: old) == .moved)
    }
}
