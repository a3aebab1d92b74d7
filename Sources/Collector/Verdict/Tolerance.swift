/// A number of hosts, or a share of the expected ones: `3` or `5%`.
package enum Tolerance: Hashable, Sendable {
    case hosts(Int)
    /// 0 to 100.
    case percent(Double)

    package static let none = Tolerance.hosts(0)

    /// Parses `N` or `P%`; nil for anything else.
    package init?(parsing text: String) {
        if text.hasSuffix("%") {
            guard let percent = Double(text.dropLast()), (0...100).contains(percent) else { return nil }
            self = .percent(percent)
        } else {
            guard let hosts = Int(text), hosts >= 0 else { return nil }
            self = .hosts(hosts)
        }
    }

    /// The number of hosts it stands for, of `expected` ones; a percentage is rounded down.
    package func limit(of expected: Int) -> Int {
        switch self {
        case .hosts(let hosts): hosts
        // The small addition keeps 29% of 100 from becoming 28 in binary floating point.
        case .percent(let percent): Int((Double(expected) * percent / 100 + 1e-9).rounded(.down))
        }
    }
}

extension Tolerance: CustomStringConvertible {
    package var description: String {
        switch self {
        case .hosts(let hosts): "\(hosts)"
        case .percent(let percent):
            percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
        }
    }
}
