/// What state an instance, or a whole service, is in.
///
/// The order is the contract's "worst state": of several instances, the greatest one speaks for the service.
public enum ServiceState: String, Codable, Sendable, CaseIterable {
    /// Runs, and its health check (if it has one) passes.
    case serving
    /// Runs, and its health check has not decided yet.
    case starting
    /// Runs, and its health check fails.
    case unhealthy
    /// Its processes are frozen; engines call it running all the same.
    case paused
    /// The engine is about to start it again after it died.
    case restarting
    /// Exists and does not run.
    case exited
    /// There is none.
    case absent
    /// The source of this knowledge could not be read.
    case unknown

    private var severity: Int { Self.allCases.firstIndex(of: self) ?? Self.allCases.count }

    /// The worst of several states; ``absent`` for none.
    public static func worst(of states: some Sequence<ServiceState>) -> ServiceState {
        states.max { $0.severity < $1.severity } ?? .absent
    }
}
