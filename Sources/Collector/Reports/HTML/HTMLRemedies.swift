import Verdict

/// What is to be done, once for all hosts that it is to be done on.
struct HTMLRemedies {
    /// Hosts of one status with one thing to do.
    struct Group: Hashable, Sendable {
        var status: HostStatus
        /// One line.
        var todo: String
        /// Indices into the report's hosts, in their order.
        var hosts: [Int]
    }

    /// Worst status first, then what most hosts need.
    let groups: [Group]

    /// Takes the hosts that the gate is about and that are not converged, and whose reason says what to do.
    init(_ report: Report) {
        if case .done = report.remedy {
            groups = []
            return
        }
        var positions: [Key: Int] = [:]
        var groups: [Group] = []
        for (index, host) in report.hosts.enumerated() {
            guard host.status != .converged, host.waived?.expired ?? true,
                let todo = host.explanation.remedy
            else { continue }
            let key = Key(status: host.status, todo: todo)
            if let position = positions[key] {
                groups[position].hosts.append(index)
            } else {
                positions[key] = groups.count
                groups.append(Group(status: key.status, todo: key.todo, hosts: [index]))
            }
        }
        self.groups = groups.sorted { left, right in
            (left.status.rank, -left.hosts.count, left.hosts[0]) < (
                right.status.rank, -right.hosts.count, right.hosts[0]
            )
        }
    }

    private struct Key: Hashable {
        var status: HostStatus
        var todo: String
    }
}
