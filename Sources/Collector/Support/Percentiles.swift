/// Median, 95th percentile and maximum by the nearest-rank method: each is one of the values.
package struct Percentiles: Hashable, Sendable {
    package let p50: Double
    package let p95: Double
    package let max: Double

    /// - Parameter sorted: the values in ascending order; nil if there are none.
    package init?(_ sorted: [Double]) {
        guard let last = sorted.last else { return nil }
        func rank(_ share: Double) -> Double {
            sorted[Swift.max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
        }
        (p50, p95, max) = (rank(0.5), rank(0.95), last)
    }
}
