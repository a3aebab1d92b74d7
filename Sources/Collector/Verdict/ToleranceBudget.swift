/// Every limit of a policy with what it has to hold for, counted as labels change: to ask whether they hold costs nothing.
package struct ToleranceBudget: Sendable {
    private(set) var pools: [LimitScope]
    /// For every host the pools that it is in; empty where every host is in every pool.
    private let memberships: [[Int]]

    init(policy: Policy, hosts: [ExpectedHost]) {
        let pools = LimitScope.all(policy: policy, hosts: hosts)
        self.pools = pools
        let isByLabel = pools.contains { $0.group != nil }
        memberships = isByLabel ? hosts.map { host in pools.indices.filter { pools[$0].contains(host) } } : []
    }

    /// A host that the gate is about changed its status.
    package mutating func move(_ host: Int, from before: HostStatus, to after: HostStatus) {
        let changes = (Self.count(after, .converged, before), Self.count(after, .failed, before))
        guard changes != (0, 0) else { return }
        func change(_ pool: Int) {
            pools[pool].converged += changes.0
            pools[pool].failed += changes.1
        }
        if memberships.isEmpty {
            for pool in pools.indices { change(pool) }
        } else {
            for pool in memberships[host] { change(pool) }
        }
    }

    private static func count(_ after: HostStatus, _ status: HostStatus, _ before: HostStatus) -> Int {
        (after == status ? 1 : 0) - (before == status ? 1 : 0)
    }

    /// Whether more hosts failed than anything allows, so that nobody needs to wait for the others.
    var isBrokenByFailures: Bool { pools.contains(where: \.isBrokenByFailures) }

    /// Whether every limit holds if the hosts that are neither proven nor failed gave no answer until the end.
    var holdsWithoutTheRest: Bool { pools.allSatisfy(\.holdsWithoutTheRest) }

    func pools(_ purpose: LimitScope.Purpose) -> [LimitScope] { pools.filter { $0.purpose == purpose } }
}
