import Support

/// A limit for the hosts with one label, as the oracle sees it.
struct StatusOracle: Sendable, CustomStringConvertible {
    var key: String
    var value: String
    /// A number of hosts or, if negative, a percentage: -34 is 34%.
    var number: Int

    var description: String { "\(key)=\(value):\(number)" }

    func covers(_ labels: [String: String]) -> Bool { labels[key] == value }
}

/// Labels, and the limits by label.
extension Schedule {
    private static let values = ["group": ["canary", "stable"], "region": ["eu", "us"]]

    mutating func chooseLabels(_ random: inout SplitMix64) {
        labels = hosts.map { _ in
            var labels: [String: String] = [:]
            for (key, values) in Self.values.sorted(by: { $0.key < $1.key }) where random.chance(80) {
                labels[key] = random.pick(from: values)
            }
            return labels
        }
        guard random.chance(30) else { return }
        stragglerRules = rules(&random)
        unreachableRules = rules(&random)
        failedRules = rules(&random)
    }

    /// Rules for labels of hosts. Some labels have only waived hosts, or none.
    private func rules(_ random: inout SplitMix64) -> [StatusOracle] {
        (0..<random.pick(0, 2)).map { _ in
            let key = random.pick(from: Self.values.keys.sorted())
            return StatusOracle(
                key: key, value: random.pick(from: Self.values[key] ?? []),
                number: random.pick(from: [0, 0, 1, 2, -34, -50, -100]))
        }
    }

    /// Chooses requirements for labels with hosts in the gate. Other requirements are refused before any host is queried.
    mutating func require(_ random: inout SplitMix64) {
        guard random.chance(20) else { return }
        let gated = labels.indices.filter { !waived.contains($0) }.map { labels[$0] }
        for (key, value) in gated.flatMap({ $0.sorted { $0.key < $1.key } }) where random.chance(50) {
            let count = gated.count { $0[key] == value }
            let number = random.chance(50) ? random.pick(1, count) : random.pick(from: [-1, -34, -50, -51, -100])
            required.append(StatusOracle(key: key, value: value, number: number))
        }
    }
}
