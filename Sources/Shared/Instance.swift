/// One container (or file) of a service on a host, as a ``Document`` reports it.
public struct Instance: Codable, Hashable, Sendable {
    public enum Health: String, Codable, Sendable {
        case healthy, unhealthy, starting
        /// The image has no health check, which does not mean healthy.
        case none
    }

    /// The engine's id of the container; at most 128 characters. A different id is a different instance.
    public var id: String
    /// The container's name; at most 255 characters.
    public var name: String
    /// The Compose project or Swarm stack that the container belongs to; at most 255 characters, nil without one.
    public var project: String?
    public var state: ServiceState
    public var health: Health?
    /// The start time in RFC 3339, as the engine wrote it; nil if the container never started.
    public var startedAt: String?
    /// The number of restarts by the engine, which grows in a crash loop.
    public var restartCount: Int?
    public var exitCode: Int?
    public var oomKilled: Bool?
    public var gitSHA: Reported<GitSHA>
    public var image: ImageEvidence

    public init(
        id: String, name: String, project: String? = nil, state: ServiceState, health: Health? = nil,
        startedAt: String? = nil, restartCount: Int? = nil, exitCode: Int? = nil, oomKilled: Bool? = nil,
        gitSHA: Reported<GitSHA>, image: ImageEvidence
    ) {
        self.id = id
        self.name = name
        self.project = project
        self.state = state
        self.health = health
        self.startedAt = startedAt
        self.restartCount = restartCount
        self.exitCode = exitCode
        self.oomKilled = oomKilled
        self.gitSHA = gitSHA
        self.image = image
    }

    private enum CodingKeys: String, CodingKey {
        case id, name, project, state, health, image
        case startedAt = "started_at"
        case restartCount = "restart_count"
        case exitCode = "exit_code"
        case oomKilled = "oom_killed"
        case gitSHA = "git_sha"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(String.self, forKey: .id)
        name = try container.decode(String.self, forKey: .name)
        project = try container.decodeIfPresent(String.self, forKey: .project)
        state = try container.decodeCase(forKey: .state)
        health = try container.decodeCaseIfPresent(forKey: .health)
        startedAt = try container.decodeIfPresent(String.self, forKey: .startedAt)
        restartCount = try container.decodeIfPresent(Int.self, forKey: .restartCount)
        exitCode = try container.decodeIfPresent(Int.self, forKey: .exitCode)
        oomKilled = try container.decodeIfPresent(Bool.self, forKey: .oomKilled)
        gitSHA = try container.decodeReported(forKey: .gitSHA)
        image = try container.decode(ImageEvidence.self, forKey: .image)
    }
}

/// A container that matches a service's selector but does not count as an instance.
public struct LeftOutContainer: Codable, Hashable, Sendable {
    /// The reason why a container does not count.
    public enum Reason: String, Codable, Sendable {
        /// Stopped, and replaced by a newer container of the same slot.
        case replaced
        /// Started for one command, for example with `docker compose run`.
        case oneOff = "one_off"
        /// An init or migration container, which ends before the service starts.
        case task
        /// The engine's infrastructure, for example the pause container of a pod.
        case infrastructure
        /// A reason that only a newer agent knows.
        case other
    }

    /// The engine's id of the container; at most 128 characters.
    public var id: String
    /// The container's name; at most 255 characters.
    public var name: String
    /// See ``Instance/project``.
    public var project: String?
    public var reason: Reason
    public var state: ServiceState
    public var exitCode: Int?
    public var restartCount: Int?

    public init(
        id: String, name: String, project: String? = nil, reason: Reason, state: ServiceState, exitCode: Int? = nil,
        restartCount: Int? = nil
    ) {
        self.id = id
        self.name = name
        self.project = project
        self.reason = reason
        self.state = state
        self.exitCode = exitCode
        self.restartCount = restartCount
    }

    private enum CodingKeys: String, CodingKey {
        case id, name, project, reason, state
        case exitCode = "exit_code"
        case restartCount = "restart_count"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(String.self, forKey: .id)
        name = try container.decode(String.self, forKey: .name)
        project = try container.decodeIfPresent(String.self, forKey: .project)
        reason = Reason(rawValue: try container.decode(String.self, forKey: .reason)) ?? .other
        state = try container.decodeCase(forKey: .state)
        exitCode = try container.decodeIfPresent(Int.self, forKey: .exitCode)
        restartCount = try container.decodeIfPresent(Int.self, forKey: .restartCount)
    }
}

/// The image that an instance runs, with its known digests.
public struct ImageEvidence: Codable, Hashable, Sendable {
    public enum Origin: String, Codable, Sendable {
        /// At least one digest (of an index or a manifest) is the registry's.
        case registry
        /// No registry digest is known: the image was built on the host, loaded, committed, or untagged since.
        case none
    }

    /// The reference that the container was created from, as the operator wrote it; at most 512 characters.
    public var reference: String
    /// The platform as `os/architecture[/variant]`; at most 64 characters.
    public var platform: String?
    public var origin: Origin
    /// The digests in a fixed order, without duplicates; at most 64.
    public var digests: [DigestEvidence]
    /// True if the reference's tag now resolves to another image on this host: pulled, but not recreated.
    public var tagMoved: Bool

    public init(
        reference: String, platform: String? = nil, origin: Origin, digests: [DigestEvidence], tagMoved: Bool
    ) {
        self.reference = reference
        self.platform = platform
        self.origin = origin
        self.digests = digests
        self.tagMoved = tagMoved
    }

    private enum CodingKeys: String, CodingKey {
        case reference, platform, origin, digests
        case tagMoved = "tag_moved"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        reference = try container.decode(String.self, forKey: .reference)
        platform = try container.decodeIfPresent(String.self, forKey: .platform)
        origin = try container.decodeCase(forKey: .origin)
        digests = try container.decode([DigestEvidence].self, forKey: .digests)
        tagMoved = try container.decode(Bool.self, forKey: .tagMoved)
    }
}

/// One digest of an image, with the kind of object that it identifies and the field of the engine's response that contains
/// it.
public struct DigestEvidence: Codable, Hashable, Sendable {
    /// The kind of object that the digest identifies.
    public enum Kind: String, Codable, Sendable {
        case index, manifest
        case indexOrManifest = "index_or_manifest"
        /// The image configuration, whose digest Docker's classic store and Podman use as the image id.
        case config
        case unknown
    }

    /// The field that contains the digest.
    public enum Source: String, Codable, Sendable {
        case containerImage = "container.Image"
        case containerManifestDescriptor = "container.ImageManifestDescriptor"
        case imageRepoDigests = "image.RepoDigests"
        case libpodImageDigest = "libpod.ImageDigest"
        case configPin = "config.pin"
        case file
    }

    public var digest: Digest
    public var kind: Kind
    /// The repository of the digest, for example `registry.example/canvas`; nil if unknown.
    public var repository: String?
    public var source: Source

    private enum CodingKeys: String, CodingKey {
        case digest, kind, repository, source
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        digest = try container.decodeContractText(forKey: .digest)
        kind = try container.decodeCase(forKey: .kind)
        repository = try container.decodeIfPresent(String.self, forKey: .repository)
        source = try container.decodeCase(forKey: .source)
    }

    public init(digest: Digest, kind: Kind, repository: String? = nil, source: Source) {
        self.digest = digest
        self.kind = kind
        self.repository = repository
        self.source = source
    }
}

/// The state of an instance or of a whole service, from best to worst.
///
/// A service has the worst state of its instances.
public enum ServiceState: String, Codable, Sendable, CaseIterable {
    /// Running; the health check, if any, passes.
    case serving
    /// Running; the health check has no result yet.
    case starting
    /// Running; the health check fails.
    case unhealthy
    /// Frozen by the engine, for example with `docker pause`. Docker's `Running` flag stays set.
    case paused
    /// Died; the engine is about to start it again.
    case restarting
    /// Not running.
    case exited
    /// Without a container.
    case absent
    /// Not known, since the source cannot be read.
    case unknown

    private var severity: Int { Self.allCases.firstIndex(of: self) ?? Self.allCases.count }

    /// The worst of several states; ``absent`` without any.
    public static func worst(of states: some Sequence<ServiceState>) -> ServiceState {
        states.max { $0.severity < $1.severity } ?? .absent
    }
}
