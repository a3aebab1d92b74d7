/// Median, 95th percentile and maximum, by the nearest-rank method: each is a value that occurred.
struct Percentiles: Hashable, Sendable {
    var p50: Double
    var p95: Double
    var max: Double

    /// nil for no values.
    ///
    /// - Parameter sorted: in ascending order.
    init?(_ sorted: [Double]) {
        guard let last = sorted.last else { return nil }
        func rank(_ share: Double) -> Double {
            sorted[Swift.max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
        }
        (p50, p95, max) = (rank(0.5), rank(0.95), last)
    }
}
