import Shared

@testable import Verdict

/// What a policy tolerates and requires of hosts at the end, counted again in whole numbers.
struct GroupLimits {
    struct Host {
        var labels: [String: String]
        var label: HostStatus
    }

    /// Those that the gate is about.
    let hosts: [Host]
    let schedule: Schedule

    /// A share is of the hosts that the limit is for, rounded down.
    private func most(_ number: Int, of count: Int) -> Int { number < 0 ? count * -number / 100 : number }

    /// Whether no more hosts have such a label than is tolerated: by each rule of the hosts that it covers, and by the
    /// plain number of all that no rule covers.
    func areTolerated(_ labels: Set<HostStatus>, _ plain: Int, _ rules: [StatusOracle]) -> Bool {
        let others = hosts.filter { host in rules.allSatisfy { !$0.covers(host.labels) } }
        let parts = rules.map { rule in (hosts.filter { rule.covers($0.labels) }, rule.number) } + [(others, plain)]
        return parts.allSatisfy { part, number in
            part.count { labels.contains($0.label) } <= most(number, of: part.count)
        }
    }

    /// The requirements for which too few hosts are proven; a share of these is rounded up.
    var unmet: [StatusOracle] {
        schedule.required.filter { rule in
            let part = hosts.filter { rule.covers($0.labels) }
            let least = rule.number < 0 ? (part.count * -rule.number + 99) / 100 : rule.number
            return part.count { $0.label == .converged } < least
        }
    }

    /// Whether hosts with such a label are what a requirement lacks.
    func isUnmet(by labels: Set<HostStatus>) -> Bool {
        unmet.contains { rule in hosts.contains { rule.covers($0.labels) && labels.contains($0.label) } }
    }

    /// Whether so few are proven that nothing is tolerated.
    var isShort: Bool {
        let proven = hosts.count { $0.label == .converged }
        return proven < hosts.count && proven < max(1, most(schedule.minProven, of: hosts.count))
    }
}
