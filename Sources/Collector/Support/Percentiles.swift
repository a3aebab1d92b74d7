/// Median, 95th percentile and maximum, by the nearest-rank method: each is a value that occurred.
package struct Percentiles: Hashable, Sendable {
    package var p50: Double
    package var p95: Double
    package var max: Double

    /// nil for no values.
    ///
    /// - Parameter sorted: in ascending order.
    package init?(_ sorted: [Double]) {
        guard let last = sorted.last else { return nil }
        func rank(_ share: Double) -> Double {
            sorted[Swift.max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
        }
        (p50, p95, max) = (rank(0.5), rank(0.95), last)
    }
}
