package import Shared

extension Document {
    /// The worst of what the answer says for the service, its instances, their health, their number and its probe.
    ///
    /// A service that did not answer its own agent's probe serves nobody, whatever else the document says of it; and one that
    /// runs fewer instances than its operator declared is not up yet.
    package var runtime: ServiceState {
        let sick = instances.contains { $0.health == .unhealthy } ? [ServiceState.unhealthy] : []
        let undecided = instances.contains { $0.health == .starting } ? [ServiceState.starting] : []
        let said = ServiceState.worst(of: [state] + instances.map(\.state) + sick + undecided)
        guard said == .serving else { return said }
        if let served, served.outcome != .ok { return .starting }
        return shortage == nil ? said : .starting
    }

    /// How many instances run, of how many that the operator declared; nil where enough do, or none were declared.
    var shortage: (running: Int, expected: Int)? {
        guard let expected = instancesExpected else { return nil }
        let running = instances.count { $0.state == .serving }
        return running < expected ? (running, expected) : nil
    }
}

extension ServiceState {
    /// Whether a service in this state was started and does not run as it should.
    package var isDown: Bool {
        switch self {
        case .restarting, .exited, .unhealthy, .paused: true
        case .serving, .starting, .absent, .unknown: false
        }
    }
}
