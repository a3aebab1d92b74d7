import Shared
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Operations
@testable import Registry
@testable import Verdict

@Suite("What may be promoted")
struct PromotionRulesTests {
    @Test(
        "Tags that name a build are never moved, others only where they are declared",
        arguments: [
            ("latest", nil), ("stable", nil), ("staging-c0ffee5", TagPolicy.Objection.writtenOnce),
            ("staging-c0ffee5eed1234567890abcdef1234567890abcd", .writtenOnce), ("sha-1", .writtenOnce),
            ("v1", .writtenOnce), ("v2.3.4", .writtenOnce), ("staging", .undeclared), ("staging-new", .undeclared),
            ("production", .undeclared), ("vanilla", .undeclared), ("Latest", .undeclared),
        ])
    func tags(tag: String, objection: TagPolicy.Objection?) {
        #expect(TagPolicy(moving: ["latest", "stable", "v1"]).objection(to: tag) == objection)
    }

    @Test("With another pattern, its candidates are never moved")
    func candidates() throws {
        let rules = TagPolicy(
            moving: ["c0ffee5-build", "staging-c0ffee5"], candidates: try CandidatePattern(parsing: "{sha}-build"))
        #expect(rules.objection(to: "c0ffee5-build") == .writtenOnce)
        #expect(rules.objection(to: "staging-c0ffee5") == nil)
    }

    @Test("A tag is moved, still what it was, or another writer's")
    func findings() throws {
        let (old, new, third) = (
            try LedgerFixtures.digest("a"), try LedgerFixtures.digest("b"), try LedgerFixtures.digest("c")
        )
        #expect(TagOutcome.state(now: new, intended: new, former: old) == .moved)
        #expect(TagOutcome.state(now: old, intended: new, former: old) == .unmoved)
        #expect(TagOutcome.state(now: third, intended: new, former: old) == .contested)
        #expect(TagOutcome.state(now: nil, intended: new, former: old) == .contested)
        #expect(TagOutcome.state(now: nil, intended: new, former: nil) == .unmoved)
        #expect(TagOutcome.state(now: old, intended: old, former: old) == .moved)
    }
}
