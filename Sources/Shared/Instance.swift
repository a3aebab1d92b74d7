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
    /// The tool that created the container; nil if the agent does not report it.
    public var deployment: Deployment?
    public var state: ServiceState
    public var health: Health?
    /// The last output of a failing health check in this run, on one line and without secrets; at most 256 characters, nil
    /// for a healthy container. A check that printed nothing has its exit code here.
    public var healthOutput: String?
    /// The start time in RFC 3339, as the engine wrote it; nil if the container never started.
    public var startedAt: String?
    /// The number of restarts by the engine, which grows in a crash loop.
    public var restartCount: Int?
    public var exitCode: Int?
    public var oomKilled: Bool?
    /// The engine's reason why the container could not be started, on one line; at most 256 characters, nil without one.
    public var error: String?
    public var gitSHA: Reported<GitSHA>
    public var image: ImageEvidence

    public init(
        id: String, name: String, project: String? = nil, deployment: Deployment? = nil, state: ServiceState,
        health: Health? = nil, healthOutput: String? = nil, startedAt: String? = nil, restartCount: Int? = nil,
        exitCode: Int? = nil, oomKilled: Bool? = nil, error: String? = nil, gitSHA: Reported<GitSHA>,
        image: ImageEvidence
    ) {
        self.id = id
        self.name = name
        self.project = project
        self.deployment = deployment
        self.state = state
        self.health = health
        self.healthOutput = healthOutput
        self.startedAt = startedAt
        self.restartCount = restartCount
        self.exitCode = exitCode
        self.oomKilled = oomKilled
        self.error = error
        self.gitSHA = gitSHA
        self.image = image
    }

    private enum CodingKeys: String, CodingKey {
        case id, name, project, deployment, state, health, error, image
        case healthOutput = "health_output"
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
        deployment = try container.decodeIfPresent(Deployment.self, forKey: .deployment)
        state = try container.decodeCase(forKey: .state)
        health = try container.decodeCaseIfPresent(forKey: .health)
        healthOutput = try container.decodeIfPresent(String.self, forKey: .healthOutput)
        startedAt = try container.decodeIfPresent(String.self, forKey: .startedAt)
        restartCount = try container.decodeIfPresent(Int.self, forKey: .restartCount)
        exitCode = try container.decodeIfPresent(Int.self, forKey: .exitCode)
        oomKilled = try container.decodeIfPresent(Bool.self, forKey: .oomKilled)
        error = try container.decodeIfPresent(String.self, forKey: .error)
        gitSHA = try container.decodeReported(forKey: .gitSHA)
        image = try container.decode(ImageEvidence.self, forKey: .image)
    }
}

extension Instance {
    /// The tool that created a container, with the names that its commands need. Read from the container's labels.
    public struct Deployment: Codable, Hashable, Sendable {
        public enum Tool: String, Codable, Sendable {
            /// Docker Compose or Podman Compose.
            case compose
            case swarm
            case kamal
            case nomad
            case kubernetes
            /// A systemd unit of Podman, for example of a Quadlet file.
            case systemd
            /// No tool: `docker run`, `podman run` or the engine's API.
            case direct
            /// A tool without a case of its own, for example Amazon ECS or Dokku, or one that only a newer agent knows.
            case other
        }

        public var tool: Tool
        /// The Compose project, Swarm stack, Kamal destination, Nomad job or Kubernetes namespace; at most 255 characters.
        public var group: String?
        /// The tool's name for the container: the Compose, Swarm or Kamal service, Nomad task, Kubernetes container or systemd
        /// unit; at most 255 characters.
        public var name: String?
        /// The absolute path of the Compose project's folder on the host; at most 512 characters.
        public var directory: String?
        /// The absolute paths of the Compose files, if they are not the ones that Compose finds in ``directory`` by itself; at
        /// most 8, of at most 512 characters each.
        public var files: [String]

        public init(
            tool: Tool, group: String? = nil, name: String? = nil, directory: String? = nil, files: [String] = []
        ) {
            self.tool = tool
            self.group = group
            self.name = name
            self.directory = directory
            self.files = files
        }

        private enum CodingKeys: String, CodingKey { case tool, group, name, directory, files }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            tool = Tool(rawValue: try container.decode(String.self, forKey: .tool)) ?? .other
            group = try container.decodeIfPresent(String.self, forKey: .group)
            name = try container.decodeIfPresent(String.self, forKey: .name)
            directory = try container.decodeIfPresent(String.self, forKey: .directory)
            files = try container.decodeIfPresent([String].self, forKey: .files) ?? []
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(tool, forKey: .tool)
            try container.encodeIfPresent(group, forKey: .group)
            try container.encodeIfPresent(name, forKey: .name)
            try container.encodeIfPresent(directory, forKey: .directory)
            if !files.isEmpty { try container.encode(files, forKey: .files) }
        }
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
