import Shared

extension HostTrack {
    /// What a reader of the report wants to know of the last answer, and no rule depends on.
    struct Telling: Hashable, Sendable {
        var documentReason: String?
        var engine: EngineIdentity.Name?
        var hasHealthCheck = true
        var hostID: String?
        var observedAt: String?
        /// What the service said to its agent's probe; nil where it has none.
        var served: ServedAnswer?
        /// The instance that speaks for the service: the first one in the worst state.
        var worst: Instance?
        /// The deployments that the instances belong to, each once, sorted.
        var projects: [String] = []
        var instancesExpected: Int?
        var leftOut: [LeftOutContainer] = []
    }
}

extension HostTrack.Telling {
    init(_ document: Document) {
        documentReason = document.reason.map { Hygiene.line($0, limit: 200) }
        engine = document.engine?.name
        hasHealthCheck = document.instances.allSatisfy { ($0.health ?? .none) != .none }
        hostID = document.host.id
        observedAt = document.observedAt
        served = document.served
        worst = document.instances.first { $0.state == document.state }
        projects = Set(document.instances.compactMap(\.project)).sorted()
        instancesExpected = document.instancesExpected
        leftOut = document.leftOut
    }
}
