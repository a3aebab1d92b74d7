package import Shared

extension HostTracker {
    /// What a reader of the report wants to know of the last answer, and no rule depends on.
    package struct Telling: Hashable, Sendable {
        var documentReason: String?
        package var engine: EngineIdentity.Name?
        /// Whether the agent leaves leftovers and one-offs out of the instances. Agents that do also tell the engine's platform.
        var separatesInstances = false
        package var hasHealthCheck = true
        package var hostID: String?
        package var bootID: String?
        /// The host's own name.
        package var hostName: String?
        package var observedAt: String?
        /// By the host's clock: when it answered, in milliseconds since 1970, and how long before that the verification began.
        package var elapsed: Elapsed?
        /// What a host without an agent said of its state.
        var plainState: String?
        /// How many instances run, of how many that were declared, where too few do.
        var shortage: Shortage?
        /// The summary says serving, and an instance does not.
        var callsItServing = false
        /// What the service said to its agent's probe; nil where it has none.
        package var served: ProbeResult?
        /// The instance that speaks for the service: the first one in the worst state.
        package var worst: Instance?
        /// The deployments that the instances belong to, each once, sorted.
        package var projects: [String] = []
        package var instancesExpected: Int?
        package var leftOut: [LeftOutContainer] = []

        package init(
            documentReason: String? = nil, engine: EngineIdentity.Name? = nil, separatesInstances: Bool = false,
            hasHealthCheck: Bool = true, hostID: String? = nil, bootID: String? = nil, hostName: String? = nil,
            observedAt: String? = nil, elapsed: Elapsed? = nil, plainState: String? = nil, shortage: Shortage? = nil,
            callsItServing: Bool = false, served: ProbeResult? = nil, worst: Instance? = nil, projects: [String] = [],
            instancesExpected: Int? = nil, leftOut: [LeftOutContainer] = []
        ) {
            self.documentReason = documentReason
            self.engine = engine
            self.separatesInstances = separatesInstances
            self.hasHealthCheck = hasHealthCheck
            self.hostID = hostID
            self.bootID = bootID
            self.hostName = hostName
            self.observedAt = observedAt
            self.elapsed = elapsed
            self.plainState = plainState
            self.shortage = shortage
            self.callsItServing = callsItServing
            self.served = served
            self.worst = worst
            self.projects = projects
            self.instancesExpected = instancesExpected
            self.leftOut = leftOut
        }

        package struct Shortage: Hashable, Sendable {
            var running: Int
            var expected: Int
        }

        package struct Elapsed: Hashable, Sendable {
            package var at: Int64
            var sinceStart: Int64

            package init(at: Int64, sinceStart: Int64) {
                self.at = at
                self.sinceStart = sinceStart
            }
        }

        /// Whether the instance was started after the verification, by the host's own clock throughout.
        func startedSince(_ instance: Instance) -> Bool {
            guard let elapsed, let started = instance.startedAt.flatMap({ RFC3339.unixMilliseconds($0) }) else {
                return false
            }
            return elapsed.at - started <= elapsed.sinceStart
        }
    }
}

extension Document {
    /// - Parameter look: since the verification's start; when the source was looked at, at the latest.
    package func elapsed(since look: Duration) -> HostTracker.Telling.Elapsed? {
        // observed_at is the look's time, by the clock that started_at is by.
        RFC3339.unixMilliseconds(observedAt).map {
            HostTracker.Telling.Elapsed(
                at: $0,
                sinceStart: look.components.seconds * 1_000 + look.components.attoseconds / 1_000_000_000_000_000)
        }
    }
}

extension HostTracker.Telling {
    init(_ document: Document) {
        documentReason = document.reason.map { Sanitizer.singleLine($0, limit: 200) }
        engine = document.engine?.name
        separatesInstances = document.engine?.platform != nil
        hasHealthCheck = document.instances.allSatisfy { ($0.health ?? .none) != .none }
        hostID = document.host.id
        bootID = document.host.bootID
        hostName = document.host.name
        observedAt = document.observedAt
        served = document.served
        shortage = document.shortage.map { Shortage(running: $0.running, expected: $0.expected) }
        let runtime = document.runtime
        callsItServing = document.state == .serving && runtime != .serving && runtime != .starting
        worst =
            document.instances.first { $0.state == runtime }
            ?? document.instances.first { runtime == .unhealthy && $0.health == .unhealthy }
        projects = Set(document.instances.compactMap(\.project)).sorted()
        instancesExpected = document.instancesExpected
        leftOut = document.leftOut
    }
}
