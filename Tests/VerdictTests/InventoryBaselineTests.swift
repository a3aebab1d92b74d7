import Testing

@testable import Verdict

@Suite("Inventory baseline")
struct InventoryBaselineTests {
    @Test(
        "Small decreases within a promotion do not add up; growth and permitted large decreases count",
        arguments: [
            ([], 20, nil), ([10], 20, 10), ([10, 8], 20, 10), ([10, 8, 9], 20, 10), ([10, 12, 10], 20, 12),
            ([10, 4], 20, 4), ([10, 4, 5], 20, 5), ([10, 8, 7], 20, 7), ([10, 6], 50, 10), ([5, 4], 0, 5),
            ([0, 3], 20, 3), ([3, 0], 20, 0),
        ] as [([Int], Double, Int?)])
    func baseline(sizes: [Int], allowance: Double, expected: Int?) {
        #expect(InventoryBaseline.of(sizes, allowance: allowance) == expected)
    }
}
