import Shared

/// Whether an inventory is enough to verify anything against: nothing, or much less than last time, is never fine.
struct InventoryCheck: Codable, Hashable, Sendable {
    /// Fewer hosts are an error.
    var minimumHosts = 1
    /// An empty inventory was asked for.
    var allowsEmpty = false
    /// How much smaller than last time it may be; 0 to 100.
    var maximumShrinkPercent = 20.0

    enum CodingKeys: String, CodingKey {
        case minimumHosts = "min_hosts"
        case allowsEmpty = "allow_empty"
        case maximumShrinkPercent = "max_shrink_percent"
    }

    /// The conclusion that ends a verification before it starts, or nil where the inventory will do.
    ///
    /// - Parameters:
    ///   - expected: hosts that the gate is about, so without the waived ones.
    ///   - listed: all hosts of the inventory.
    ///   - previous: how many hosts the last promotion of the service was verified on; nil where none was.
    func refusal(expected: Int, listed: Int, previous: Int?) -> Conclusion? {
        if expected == 0 {
            let isAllowed = allowsEmpty && listed == 0 && minimumHosts <= 1
            let message =
                if isAllowed {
                    "the inventory is empty, as --allow-empty permits: nothing was verified"
                } else if listed > 0 {
                    "all \(listed) hosts are waived: there is nothing to verify"
                } else {
                    "the inventory holds no host: check --fleet, or say --allow-empty"
                }
            return conclusion(.emptyInventory, exitCode: isAllowed ? 0 : nil, message)
        }
        if listed < minimumHosts {
            return conclusion(
                .inventoryShrunk, "the inventory holds \(listed) hosts, --min-hosts asks for \(minimumHosts)")
        }
        if let previous, Double(listed) < Double(previous) * (1 - maximumShrinkPercent / 100) - 1e-9 {
            let text = "the inventory shrank from \(previous) hosts to \(listed)"
            return conclusion(
                .inventoryShrunk,
                "\(text), more than --max-shrink \(Tolerance.percent(maximumShrinkPercent)): "
                    + "is the source complete?")
        }
        return nil
    }

    private func conclusion(_ verdict: Verdict, exitCode: Int32? = nil, _ message: String) -> Conclusion {
        Conclusion(
            verdict: verdict, exitCode: exitCode ?? verdict.exitCode,
            reasons: [Reason(verdict: verdict, hosts: 0, message: message)], at: .zero)
    }
}
