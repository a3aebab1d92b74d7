/// What `GET /buildinfo` answers with: schema 1 of the contract between agent and collector.
///
/// The agent writes it, the collector reads it; `Tests/Schemas/buildinfo.schema.json` is its schema. Field names in JSON
/// are snake case.
public struct Document: Codable, Hashable, Sendable {
    /// The version of the contract that this type follows.
    public static let schema = 1

    public var schema: Int
    /// The name under which the agent was told to report the service; 1 to 128 characters.
    public var service: String
    /// The commit of the image that every instance runs; absent when unknown, or not the same on all.
    public var gitSHA: Reported<GitSHA>
    /// The registry digest of the image that every instance runs; absent when there is none, or they differ.
    public var digest: Reported<Digest>
    /// The worst state of the instances.
    public var state: ServiceState
    /// One line for a person: why the state, the commit or the digest is what it is; at most 512 characters.
    public var reason: String?
    public var host: HostIdentity
    /// At most 256.
    public var instances: [Instance]
    /// How many instances the operator declared for the service; nil where none were declared. Fewer than this many
    /// instances do not prove anything.
    public var instancesExpected: Int?
    /// Containers that match the service's selector and are not counted as its instances; at most 64, in a fixed order.
    public var leftOut: [LeftOutContainer]
    /// nil where the source is no engine.
    public var engine: EngineIdentity?
    /// What the service itself answered; nil when it is not probed.
    public var served: ProbeResult?
    /// RFC 3339, the agent's wall clock: for people. No verdict depends on it.
    public var observedAt: String
    /// Seconds, 0 or more: how long before this answer the source was last known to be in this state.
    public var ageSeconds: Double
    /// The query's nonce, echoed byte for byte; nil when none was sent.
    public var nonce: String?
    public var agent: AgentIdentity

    public init(
        service: String, gitSHA: GitSHA?, digest: Digest?, state: ServiceState, reason: String? = nil,
        host: HostIdentity, instances: [Instance], instancesExpected: Int? = nil,
        leftOut: [LeftOutContainer] = [], engine: EngineIdentity? = nil, served: ProbeResult? = nil,
        observedAt: String, ageSeconds: Double, nonce: String? = nil, agent: AgentIdentity
    ) {
        schema = Self.schema
        self.service = service
        self.gitSHA = Reported(gitSHA)
        self.digest = Reported(digest)
        self.state = state
        self.reason = reason
        self.host = host
        self.instances = instances
        self.instancesExpected = instancesExpected
        self.leftOut = leftOut
        self.engine = engine
        self.served = served
        self.observedAt = observedAt
        self.ageSeconds = ageSeconds
        self.nonce = nonce
        self.agent = agent
    }

    private enum CodingKeys: String, CodingKey {
        case schema, service, digest, state, reason, host, instances, engine, served, nonce, agent
        case gitSHA = "git_sha"
        case instancesExpected = "instances_expected"
        case leftOut = "left_out"
        case observedAt = "observed_at"
        case ageSeconds = "age_seconds"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        schema = try container.decode(Int.self, forKey: .schema)
        service = try container.decode(String.self, forKey: .service)
        gitSHA = try container.decodeReported(forKey: .gitSHA)
        digest = try container.decodeReported(forKey: .digest)
        state = try container.decodeCase(forKey: .state)
        reason = try container.decodeIfPresent(String.self, forKey: .reason)
        host = try container.decode(HostIdentity.self, forKey: .host)
        instances = try container.decode([Instance].self, forKey: .instances)
        instancesExpected = try container.decodeIfPresent(Int.self, forKey: .instancesExpected)
        leftOut = try container.decodeIfPresent([LeftOutContainer].self, forKey: .leftOut) ?? []
        engine = try container.decodeIfPresent(EngineIdentity.self, forKey: .engine)
        served = try container.decodeIfPresent(ProbeResult.self, forKey: .served)
        observedAt = try container.decode(String.self, forKey: .observedAt)
        ageSeconds = try container.decode(Double.self, forKey: .ageSeconds)
        nonce = try container.decodeIfPresent(String.self, forKey: .nonce)
        agent = try container.decode(AgentIdentity.self, forKey: .agent)
    }
}

/// Which host answered.
public struct HostIdentity: Codable, Hashable, Sendable {
    /// Stable over reboots, 8 to 64 characters; derived from the machine id, and not reversible to it.
    public var id: String
    /// At most 255 characters.
    public var name: String
    /// Changes with every boot; at most 64 characters, empty when unknown.
    public var bootID: String

    public init(id: String, name: String, bootID: String) {
        self.id = id
        self.name = name
        self.bootID = bootID
    }

    private enum CodingKeys: String, CodingKey {
        case id, name
        case bootID = "boot_id"
    }
}

/// Which engine the evidence comes from.
public struct EngineIdentity: Codable, Hashable, Sendable {
    public enum Name: String, Codable, Sendable {
        case docker, podman
    }

    /// How the engine keeps images, which decides what its ids mean.
    public enum Store: String, Codable, Sendable {
        /// Docker's graph drivers: an image id is a config digest.
        case classic
        /// Docker on containerd's snapshotters: an image id is an index or manifest digest.
        case containerd
        case podman
        case unknown
    }

    public var name: Name
    public var store: Store
    /// At most 64 characters.
    public var version: String?
    /// The API version that was agreed on; at most 16 characters.
    public var apiVersion: String?
    /// The platform of the engine's host as `os/architecture[/variant]`, from the engine's `/info`; at most 64 characters.
    /// Images may claim another one, or run under emulation.
    public var platform: String?

    public init(
        name: Name, store: Store, version: String? = nil, apiVersion: String? = nil, platform: String? = nil
    ) {
        self.name = name
        self.store = store
        self.version = version
        self.apiVersion = apiVersion
        self.platform = platform
    }

    private enum CodingKeys: String, CodingKey {
        case name, store, version, platform
        case apiVersion = "api_version"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decodeCase(forKey: .name)
        store = try container.decodeCase(forKey: .store)
        version = try container.decodeIfPresent(String.self, forKey: .version)
        apiVersion = try container.decodeIfPresent(String.self, forKey: .apiVersion)
        platform = try container.decodeIfPresent(String.self, forKey: .platform)
    }
}

/// What the service itself answered to the agent's probe.
public struct ProbeResult: Codable, Hashable, Sendable {
    public enum Outcome: String, Codable, Sendable {
        case ok, refused, timeout, other
        case httpStatus = "http_status"
        case notBuildinfo = "not_buildinfo"
        case tooLarge = "too_large"
    }

    /// At most 2,048 characters.
    public var url: String
    public var outcome: Outcome
    public var status: Int?
    /// Whatever the service said, at most 128 characters; nil where it gave no answer that could hold a commit.
    public var gitSHA: Reported<GitSHA>?
    /// Seconds, 0 or more.
    public var latencySeconds: Double?

    public init(
        url: String, outcome: Outcome, status: Int? = nil, gitSHA: Reported<GitSHA>? = nil,
        latencySeconds: Double? = nil
    ) {
        self.url = url
        self.outcome = outcome
        self.status = status
        self.gitSHA = gitSHA
        self.latencySeconds = latencySeconds
    }

    private enum CodingKeys: String, CodingKey {
        case url, outcome, status
        case gitSHA = "git_sha"
        case latencySeconds = "latency_seconds"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        url = try container.decode(String.self, forKey: .url)
        outcome = try container.decodeCase(forKey: .outcome)
        status = try container.decodeIfPresent(Int.self, forKey: .status)
        // A null is an answer without a commit, and no key is no answer.
        gitSHA = container.contains(.gitSHA) ? try container.decodeReported(forKey: .gitSHA) : nil
        latencySeconds = try container.decodeIfPresent(Double.self, forKey: .latencySeconds)
    }

    /// What a service says stands here as it said it, usable or not.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(url, forKey: .url)
        try container.encode(outcome, forKey: .outcome)
        try container.encodeIfPresent(status, forKey: .status)
        switch gitSHA {
        case .known(let sha)?: try container.encode(sha.hex, forKey: .gitSHA)
        case .unusable(let text)?: try container.encode(text, forKey: .gitSHA)
        case .absent?: try container.encodeNil(forKey: .gitSHA)
        case nil: break
        }
        try container.encodeIfPresent(latencySeconds, forKey: .latencySeconds)
    }
}

/// Which agent wrote the document.
public struct AgentIdentity: Codable, Hashable, Sendable {
    /// At most 64 characters.
    public var version: String
    public var uptimeSeconds: Double

    public init(version: String, uptimeSeconds: Double) {
        self.version = version
        self.uptimeSeconds = uptimeSeconds
    }

    private enum CodingKeys: String, CodingKey {
        case version
        case uptimeSeconds = "uptime_seconds"
    }
}
