import Shared

@testable import Verdict

/// The tolerances and requirements of a policy at the end, computed independently in whole numbers.
struct GroupLimits {
    struct Host {
        var labels: [String: String]
        var label: HostStatus
    }

    /// The hosts in the gate.
    let hosts: [Host]
    let schedule: Schedule

    /// The maximum number of exceptions. A negative number is a percentage of the hosts that the limit covers, rounded down.
    private func most(_ number: Int, of count: Int) -> Int { number < 0 ? count * -number / 100 : number }

    /// True if the number of hosts with such a status is tolerated: by each rule for the hosts that it covers, and by the
    /// plain number for the hosts that no rule covers.
    func areTolerated(_ labels: Set<HostStatus>, _ plain: Int, _ rules: [StatusOracle]) -> Bool {
        let others = hosts.filter { host in rules.allSatisfy { !$0.covers(host.labels) } }
        let parts = rules.map { rule in (hosts.filter { rule.covers($0.labels) }, rule.number) } + [(others, plain)]
        return parts.allSatisfy { part, number in
            part.count { labels.contains($0.label) } <= most(number, of: part.count)
        }
    }

    /// The requirements for which too few hosts are proven; their shares are rounded up.
    var unmet: [StatusOracle] {
        schedule.required.filter { rule in
            let part = hosts.filter { rule.covers($0.labels) }
            let least = rule.number < 0 ? (part.count * -rule.number + 99) / 100 : rule.number
            return part.count { $0.label == .converged } < least
        }
    }

    /// True if hosts with such a status cause an unmet requirement.
    func isUnmet(by labels: Set<HostStatus>) -> Bool {
        unmet.contains { rule in hosts.contains { rule.covers($0.labels) && labels.contains($0.label) } }
    }

    /// True if so few hosts are proven that nothing is tolerated.
    var isShort: Bool {
        let proven = hosts.count { $0.label == .converged }
        return proven < hosts.count && proven < max(1, most(schedule.minProven, of: hosts.count))
    }
}
