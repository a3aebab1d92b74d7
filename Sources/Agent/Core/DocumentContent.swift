package import Shared

/// A document without the parts that change with every response: clock fields, the probe's latency, the nonce and the
/// agent's uptime.
///
/// Two observations of the same state have equal contents, and only a changed content is encoded again.
package struct DocumentContent: Hashable, Sendable {
    package var service: String
    package var gitSHA: GitSHA?
    package var digest: Digest?
    package var state: ServiceState
    package var reason: String?
    package var host: HostIdentity
    package var instances: [Instance]
    var instancesExpected: Int?
    package var leftOut: [LeftOutContainer]
    package var engine: EngineIdentity?
    /// The probe's result without its latency; nil if the service has no probe.
    package var served: ProbeResult?

    package init(
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

extension DocumentContent {
    /// The content without the text of health outputs, which can change with every check although nothing has changed.
    ///
    /// - Parameter keepingPresence: true to keep which instances have an output.
    package func withoutHealthOutputs(keepingPresence: Bool) -> DocumentContent {
        var content = self
        for index in content.instances.indices where content.instances[index].healthOutput != nil {
            content.instances[index].healthOutput = keepingPresence ? "" : nil
        }
        return content
    }
}

extension DocumentContent: Encodable {
    private enum CodingKeys: String, CodingKey {
        case schema, service, digest, state, reason, host, instances, engine, served
        case gitSHA = "git_sha"
        case instancesExpected = "instances_expected"
        case leftOut = "left_out"
    }

    /// Writes `null` for a value that is known to be missing, because an agent too old to know a key omits it.
    package func encode(to encoder: any Encoder) throws {
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

extension DocumentContent: Decodable {
    /// Decodes what ``encode(to:)`` wrote: the server receives contents from the reader.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            service: try container.decode(String.self, forKey: .service),
            gitSHA: try container.decodeIfPresent(GitSHA.self, forKey: .gitSHA),
            digest: try container.decodeIfPresent(Digest.self, forKey: .digest),
            state: try container.decode(ServiceState.self, forKey: .state),
            reason: try container.decodeIfPresent(String.self, forKey: .reason),
            host: try container.decode(HostIdentity.self, forKey: .host),
            instances: try container.decode([Instance].self, forKey: .instances),
            instancesExpected: try container.decodeIfPresent(Int.self, forKey: .instancesExpected),
            leftOut: try container.decodeIfPresent([LeftOutContainer].self, forKey: .leftOut) ?? [],
            engine: try container.decodeIfPresent(EngineIdentity.self, forKey: .engine),
            served: try container.decodeIfPresent(ProbeResult.self, forKey: .served))
    }
}
