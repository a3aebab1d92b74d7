import Shared

extension HostTrack {
    /// What a reader of the report wants to know of the last answer, and no rule depends on.
    struct Telling: Hashable, Sendable {
        var documentReason: String?
        var engine: EngineIdentity.Name?
        /// Whether the agent leaves leftovers and one-offs out of the instances. Agents that do also tell the engine's platform.
        var separatesInstances = false
        var hasHealthCheck = true
        var hostID: String?
        var bootID: String?
        /// The host's own name.
        var hostName: String?
        var observedAt: String?
        /// By the host's clock: when it answered, in milliseconds since 1970, and how long before that the verification began.
        var elapsed: Elapsed?
        /// What a host without an agent said of its state.
        var plainState: String?
        /// How many instances run, of how many that were declared, where too few do.
        var shortage: Shortage?
        /// The summary says serving, and an instance does not.
        var callsItServing = false
        /// What the service said to its agent's probe; nil where it has none.
        var served: ServedAnswer?
        /// The instance that speaks for the service: the first one in the worst state.
        var worst: Instance?
        /// The deployments that the instances belong to, each once, sorted.
        var projects: [String] = []
        var instancesExpected: Int?
        var leftOut: [LeftOutContainer] = []

        struct Shortage: Hashable, Sendable {
            var running: Int
            var expected: Int
        }

        struct Elapsed: Hashable, Sendable {
            var at: Int64
            var sinceStart: Int64
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
    func elapsed(since look: Duration) -> HostTrack.Telling.Elapsed? {
        // observed_at is the look's time, by the clock that started_at is by.
        RFC3339.unixMilliseconds(observedAt).map {
            HostTrack.Telling.Elapsed(
                at: $0,
                sinceStart: look.components.seconds * 1_000 + look.components.attoseconds / 1_000_000_000_000_000)
        }
    }
}

extension HostTrack.Telling {
    init(_ document: Document) {
        documentReason = document.reason.map { Hygiene.line($0, limit: 200) }
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
