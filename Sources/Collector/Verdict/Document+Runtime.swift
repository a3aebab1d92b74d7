import Shared

extension Document {
    /// The worst of what the answer says for the service, its instances, their health and its probe.
    ///
    /// A service that did not answer its own agent's probe serves nobody, whatever else the document says of it.
    var runtime: ServiceState {
        let sick = instances.contains { $0.health == .unhealthy } ? [ServiceState.unhealthy] : []
        let said = ServiceState.worst(of: [state] + instances.map(\.state) + sick)
        guard said == .serving, let served, served.outcome != .ok else { return said }
        return .starting
    }
}

extension ServiceState {
    /// Whether a service in this state was started and does not run as it should.
    var isDown: Bool {
        switch self {
        case .restarting, .exited, .unhealthy, .paused: true
        case .serving, .starting, .absent, .unknown: false
        }
    }
}
