/// The body of `GET /buildinfo`: schema 1 of the contract between agent and collector.
///
/// The agent writes it and the collector reads it; `Tests/Schemas/buildinfo.schema.json` is its schema. JSON keys are in
/// snake case.
public struct Document: Codable, Hashable, Sendable {
    /// The version of the contract that this type implements.
    public static let schema = 1

    public var schema: Int
    /// The name under which the agent reports the service; 1 to 128 characters.
    public var service: String
    /// The commit of the image that every instance runs; absent if unknown or if the instances differ.
    public var gitSHA: Reported<GitSHA>
    /// The registry digest of the image that every instance runs; absent if unknown or if the instances differ.
    public var digest: Reported<Digest>
    /// The worst state of the instances.
    public var state: ServiceState
    /// One human-readable line: the reason for the state, the commit or the digest; at most 512 characters.
    public var reason: String?
    public var host: HostIdentity
    /// The service's containers or files; at most 256.
    public var instances: [Instance]
    /// The number of instances that the operator declared for the service; nil without a declaration. With fewer instances,
    /// the host is not proven.
    public var instancesExpected: Int?
    /// Containers that match the service's selector but do not count as its instances; at most 64, in a fixed order.
    public var leftOut: [LeftOutContainer]
    /// The engine that was asked; nil if the source is a file.
    public var engine: EngineIdentity?
    /// The service's own answer to the probe; nil without a probe.
    public var served: ProbeResult?
    /// The time of the observation in RFC 3339, by the agent's wall clock, for display. No verdict depends on it.
    public var observedAt: String
    /// The time since the source was last known to be in this state, in seconds; 0 or more.
    public var ageSeconds: Double
    /// The query's nonce, echoed byte for byte; nil if the request had none.
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

/// The host that answered.
public struct HostIdentity: Codable, Hashable, Sendable {
    /// An id that survives reboots; 8 to 64 characters. It is derived from the machine id and does not reveal it.
    public var id: String
    /// The host's name; at most 255 characters.
    public var name: String
    /// An id that changes with every boot; at most 64 characters, empty if unknown.
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

/// The engine that the agent asked.
public struct EngineIdentity: Codable, Hashable, Sendable {
    public enum Name: String, Codable, Sendable {
        case docker, podman
    }

    /// The engine's image store, which determines the meaning of its image ids.
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
    /// The engine's version; at most 64 characters.
    public var version: String?
    /// The negotiated API version; at most 16 characters.
    public var apiVersion: String?
    /// The platform of the engine's host as `os/architecture[/variant]`, from the engine's `/info`; at most 64 characters.
    /// An image can declare another platform, or run under emulation.
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

/// The result of the agent's probe: one request to the service itself.
public struct ProbeResult: Codable, Hashable, Sendable {
    public enum Outcome: String, Codable, Sendable {
        case ok, refused, timeout, other
        case httpStatus = "http_status"
        case notBuildinfo = "not_buildinfo"
        case tooLarge = "too_large"
    }

    /// The probed URL; at most 2,048 characters.
    public var url: String
    public var outcome: Outcome
    /// The HTTP status; nil without an HTTP answer.
    public var status: Int?
    /// The commit that the service reported, at most 128 characters; nil without an answer that can hold a commit.
    public var gitSHA: Reported<GitSHA>?
    /// The time until the answer, in seconds; 0 or more.
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
        // null: an answer without a commit. No key: no answer.
        gitSHA = container.contains(.gitSHA) ? try container.decodeReported(forKey: .gitSHA) : nil
        latencySeconds = try container.decodeIfPresent(Double.self, forKey: .latencySeconds)
    }

    /// Keeps an unusable commit as the service sent it, unlike ``Reported/encode(to:)``.
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

/// The comparison of a service's own commit with that of its image: one rule for agent and collector.
extension ProbeResult {
    /// The result of the comparison.
    public enum Agreement: Hashable, Sendable {
        case same
        /// The service reports no usable commit: nothing, `dev`, or other text.
        case silent
        /// The service reports another commit than its image.
        case other
        /// No expected commit is known.
        case nothing
    }

    /// The minimum length of a shortened commit in digits, as Git abbreviates by default.
    private static let abbreviation = 7

    /// Compares with the expected commits; a shortened commit agrees with those that begin with it.
    public func agreement(with commits: some Collection<GitSHA>) -> Agreement {
        switch gitSHA {
        case nil, .absent?: return .silent
        case .known(let served)?:
            if commits.isEmpty { return .nothing }
            return commits.contains(served) ? .same : .other
        case .unusable(let text)?:
            let digits = text.lowercased()
            guard case .shortened? = GitSHA.problem(with: digits), digits.utf8.count >= Self.abbreviation,
                digits.utf8.contains(where: { $0 != UInt8(ascii: "0") })
            else { return .silent }
            if commits.isEmpty { return .nothing }
            return commits.contains { $0.hex.hasPrefix(digits) } ? .same : .other
        }
    }

    /// The commit for display; "no commit" if the service reported none.
    public var shownCommit: String {
        switch gitSHA {
        case .known(let sha)?: sha.short
        case .unusable(let text)? where !text.isEmpty: Sanitizer.singleLine(text, limit: 48)
        case .unusable?, .absent?, nil: "no commit"
        }
    }
}

/// The agent that wrote the document.
public struct AgentIdentity: Codable, Hashable, Sendable {
    /// The agent's version; at most 64 characters.
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
