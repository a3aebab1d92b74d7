import Shared

/// A document without what changes from answer to answer: clock fields, a probe's latency, nonce, the agent's uptime.
///
/// Two looks that saw the same give equal contents, and only a changed content is encoded again.
struct DocumentContent: Hashable, Sendable {
    var service: String
    var gitSHA: GitSHA?
    var digest: Digest?
    var state: ServiceState
    var reason: String?
    var host: HostIdentity
    var instances: [Instance]
    /// As in ``Document``.
    var instancesExpected: Int?
    /// As in ``Document``.
    var leftOut: [LeftOutContainer]
    var engine: EngineIdentity?
    /// Without its latency; nil where the service has no probe.
    var served: ProbeResult?

    init(
        service: String, gitSHA: GitSHA? = nil, digest: Digest? = nil, state: ServiceState, reason: String? = nil,
        host: HostIdentity, instances: [Instance] = [], instancesExpected: Int? = nil,
        leftOut: [LeftOutContainer] = [], engine: EngineIdentity? = nil, served: ProbeResult? = nil
    ) {
        self.service = service
        self.gitSHA = gitSHA
        self.digest = digest
        self.state = state
        self.reason = reason
        self.host = host
        self.instances = instances
        self.instancesExpected = instancesExpected
        self.leftOut = leftOut
        self.engine = engine
        self.served = served
    }
}

extension DocumentContent: Encodable {
    enum CodingKeys: String, CodingKey {
        case schema, service, digest, state, reason, host, instances, engine, served
        case gitSHA = "git_sha"
        case instancesExpected = "instances_expected"
        case leftOut = "left_out"
    }

    /// Writes `null` where something is known not to be there, so that a reader can tell it from an older agent's silence.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Document.schema, forKey: .schema)
        try container.encode(service, forKey: .service)
        try container.encode(Reported(gitSHA), forKey: .gitSHA)
        try container.encode(Reported(digest), forKey: .digest)
        try container.encode(state, forKey: .state)
        try container.encodeIfPresent(reason, forKey: .reason)
        try container.encode(host, forKey: .host)
        try container.encode(instances, forKey: .instances)
        try container.encodeIfPresent(instancesExpected, forKey: .instancesExpected)
        if !leftOut.isEmpty { try container.encode(leftOut, forKey: .leftOut) }
        try container.encode(engine, forKey: .engine)
        try container.encode(served, forKey: .served)
    }
}
