/// What an inventory's size is held against: what it was when its service was promoted last.
///
/// Not the size of the last verification, which may be one of many of the same promotion: a fleet that shrinks a little
/// before each of them would be gone in the end, and no step would have been too large.
package enum InventoryBaseline {
    /// - Parameters:
    ///   - sizes: of the verifications of one promotion, oldest first; without those that were refused for their size.
    ///   - allowance: how much smaller it may be, in percent. A step that is larger was let through on purpose, by another
    ///     allowance, and counts from then on.
    package static func of(_ sizes: [Int], allowance: Double) -> Int? {
        sizes.reduce(nil) { baseline, size in
            guard let baseline, size <= baseline else { return size }
            return isShrunk(size, from: baseline, allowance: max(allowance, standardAllowance)) ? size : baseline
        }
    }

    /// Of `--max-shrink`.
    package static let standardAllowance = 20.0

    package static func isShrunk(_ size: Int, from baseline: Int, allowance: Double) -> Bool {
        Double(size) < Double(baseline) * (1 - allowance / 100) - 1e-9
    }
}
