package import Shared

/// The details of a host's last answer, for reports and reasons.
package struct LastAnswerDetails: Sendable {
    /// The agent's own explanation of the service's state. One clean line.
    var explanation: String?
    var engine: EngineIdentity.Name?
    /// True if the agent keeps leftovers and one-off containers out of the instances. Such agents also report the engine's
    /// platform.
    var separatesInstances = false
    package private(set) var hasHealthCheck = true
    /// nil if no agent answered.
    package private(set) var hostID: String?
    private(set) var bootID: String?
    package private(set) var observedAt: String?
    /// The state that a host without an agent reported, in its words.
    var plainState: String?
    /// The numbers of running and of declared instances; nil unless too few run.
    private(set) var shortage: (running: Int, expected: Int)?
    /// True if the summary reports serving although an instance is not.
    private(set) var callsItServing = false
    /// The result of the agent's probe; nil without a probe.
    private(set) var served: ProbeResult?
    /// The setups of the instances; see ``ServiceSetup/all(of:)``.
    private var setups: [ServiceSetup] = []
    /// The instance that represents the service: the first one in the worst state.
    package private(set) var worst: Instance?
    /// The deployments that the instances belong to, distinct and sorted.
    package private(set) var projects: [String] = []
    package private(set) var instancesExpected: Int?
    package private(set) var leftOut: [LeftOutContainer] = []
    /// The time of the agent's observation by the host's clock, in milliseconds since 1970, and since the verification's
    /// start.
    private var clock: (observedAt: Int64, sinceStart: Int64)?

    /// Details before the first answer.
    init() {}

    init(_ document: Document) {
        explanation = document.reason.map { Sanitizer.singleLine($0, limit: 200) }
        engine = document.engine?.name
        separatesInstances = document.engine?.platform != nil
        hasHealthCheck = document.instances.allSatisfy { ($0.health ?? .none) != .none }
        hostID = document.host.id
        bootID = document.host.bootID
        observedAt = document.observedAt
        served = document.served
        shortage = document.shortage
        let runtime = document.runtime
        callsItServing = document.state == .serving && runtime != .serving && runtime != .starting
        worst =
            document.instances.first { $0.state == runtime }
            ?? document.instances.first { runtime == .unhealthy && $0.health == .unhealthy }
        setups = ServiceSetup.all(of: document)
        projects = Set(document.instances.compactMap(\.project)).sorted()
        instancesExpected = document.instancesExpected
        leftOut = document.leftOut
    }

    init(_ answer: PlainAnswer) {
        hasHealthCheck = false
        plainState = answer.stateText
    }

    /// The setup of a service on the host.
    ///
    /// - Parameter container: the name of one of its instances; empty or nil for any.
    func setup(of service: String, container: String? = nil) -> ServiceSetup {
        guard var setup = setups.first(where: { $0.container == container }) ?? setups.first else {
            return ServiceSetup(service: service, engine: engine)
        }
        if let container, !container.isEmpty, setup.engine != nil { setup.container = container }
        return setup
    }

    /// Records how long after the verification's start the agent observed the service, at the latest.
    mutating func observed(at moment: Duration) {
        // `observed_at` is that moment by the same clock as `started_at`.
        clock = observedAt.flatMap(RFC3339.unixMilliseconds).map { ($0, moment.milliseconds) }
    }

    /// True if the instance was started after the verification, by the host's own clock throughout.
    func startedSince(_ instance: Instance) -> Bool {
        guard let clock, let started = instance.startedAt.flatMap({ RFC3339.unixMilliseconds($0) }) else {
            return false
        }
        return clock.observedAt - started <= clock.sinceStart
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
