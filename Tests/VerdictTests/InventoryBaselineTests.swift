import Testing

@testable import Collector
@testable import Verdict

@Suite("What an inventory's size is held against")
struct InventoryBaselineTests {
    @Test(
        "Small steps of one promotion do not add up; what grew counts, and so does a large step that was let through",
        arguments: [
            ([], 20, nil), ([10], 20, 10), ([10, 8], 20, 10), ([10, 8, 9], 20, 10), ([10, 12, 10], 20, 12),
            ([10, 4], 20, 4), ([10, 4, 5], 20, 5), ([10, 8, 7], 20, 7), ([10, 6], 50, 10), ([5, 4], 0, 5),
            ([0, 3], 20, 3), ([3, 0], 20, 0),
        ] as [([Int], Double, Int?)])
    func baseline(sizes: [Int], allowance: Double, expected: Int?) {
        #expect(InventoryBaseline.of(sizes, allowance: allowance) == expected)
    }
}
