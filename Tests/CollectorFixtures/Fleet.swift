@testable import Verdict

/// Simulated inventories.
enum Fleet {
    /// Creates `host-0`, `host-1`, … with the given labels.
    static func hosts(_ labels: [[String: String]]) -> [ExpectedHost] {
        labels.enumerated().map {
            ExpectedHost(name: "host-\($0)", url: "http://host-\($0):9480/buildinfo", labels: $1)
        }
    }

    /// Creates hosts of the groups `canary` and `stable`.
    static func hosts(canary: Int, stable: Int) -> [ExpectedHost] {
        hosts(
            Array(repeating: ["group": "canary"], count: canary)
                + Array(repeating: ["group": "stable"], count: stable))
    }

    /// Creates hosts without labels, of which the first `waived` are waived.
    static func hosts(_ count: Int, waived: Int = 0) -> [ExpectedHost] {
        var hosts = hosts(Array(repeating: [:], count: count))
        for index in 0..<waived { hosts[index].waiver = .active }
        return hosts
    }
}

extension Waiver {
    static let active = Waiver(until: "2027-01-01T00:00:00Z", reason: "disk swap", isExpired: false)
}

extension HostGroup {
    static let canary = HostGroup(key: "group", value: "canary")
    static let stable = HostGroup(key: "group", value: "stable")
}

extension GroupTolerance {
    init(_ group: HostGroup, _ tolerance: Tolerance) { self.init(group: group, tolerance: tolerance) }
}

extension HostSelector {
    /// Parses the terms as typed; invalid ones are left out.
    init(typed: String...) { self.init(typed.compactMap(Term.init(parsing:))) }
}
