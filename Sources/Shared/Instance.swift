/// One container (or file) of a service on a host, as a ``Document`` reports it.
public struct Instance: Codable, Hashable, Sendable {
    public enum Health: String, Codable, Sendable {
        case healthy, unhealthy, starting
        /// The image has no health check, which is not the same as healthy.
        case none
    }

    /// The engine's id of the container; another id is another instance. At most 128 characters.
    public var id: String
    /// At most 255 characters.
    public var name: String
    /// The deployment that the container belongs to: the Compose project or Swarm stack; at most 255 characters. nil where
    /// the container names none.
    public var project: String?
    public var state: ServiceState
    public var health: Health?
    /// RFC 3339 as the engine wrote it; compared for equality only. nil when it never started.
    public var startedAt: String?
    /// How often the engine restarted it by itself; grows in a crash loop.
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

/// A container that matches a service's selector and is not counted as an instance.
public struct LeftOutContainer: Codable, Hashable, Sendable {
    /// Why a container does not count.
    public enum Reason: String, Codable, Sendable {
        /// Stopped, and replaced by a container of the same slot that was created later.
        case replaced
        /// Started for one command, for example with `docker compose run`.
        case oneOff = "one_off"
        /// A task that ran to its end before the service starts: an init or migration container.
        case task
        /// Infrastructure of the engine's, for example the pause container of a pod.
        case infrastructure
        /// Another reason, of a newer agent.
        case other
    }

    /// At most 128 characters.
    public var id: String
    /// At most 255 characters.
    public var name: String
    /// As ``Instance/project``.
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

/// Which image an instance runs, with every digest that can be told for it.
public struct ImageEvidence: Codable, Hashable, Sendable {
    public enum Origin: String, Codable, Sendable {
        /// At least one digest is a registry's (of an index or a manifest).
        case registry
        /// No registry digest is known: built here, loaded, committed, or untagged since.
        case none
    }

    /// As the operator wrote it when the container was created; at most 512 characters.
    public var reference: String
    /// `os/architecture[/variant]`; at most 64 characters.
    public var platform: String?
    public var origin: Origin
    /// In a fixed order, without duplicates; at most 64.
    public var digests: [DigestEvidence]
    /// Whether the reference's tag now resolves on this host to another image: pulled, not recreated.
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

/// One digest of an image: what it is the hash of, and which field of the engine's answer said so.
public struct DigestEvidence: Codable, Hashable, Sendable {
    /// What the digest is the hash of.
    public enum Kind: String, Codable, Sendable {
        case index, manifest
        case indexOrManifest = "index_or_manifest"
        /// The image configuration; Docker's classic store and Podman call it the image id.
        case config
        case unknown
    }

    /// The field that the digest was read from.
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
    /// Where a registry would know the digest, for example `registry.example/canvas`; nil when no repository is known.
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
