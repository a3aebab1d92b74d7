package import Shared

/// The facts found by one scan of one engine, before they are judged.
package struct EngineSnapshot: Hashable, Sendable {
    package var engine: EngineIdentity
    package var containers: [ContainerFacts]

    package init(engine: EngineIdentity, containers: [ContainerFacts]) {
        self.engine = engine
        self.containers = containers
    }
}

/// One container that belongs to at least one service.
package struct ContainerFacts: Hashable, Sendable {
    var id: String
    /// The container's name without the leading slash.
    var name: String
    /// The names of the services that the container belongs to.
    var services: Set<String>
    /// `.Config.Image`: the reference as the operator typed it.
    package var typedImage: String
    /// `.Image`: the id of the image that the container was created from.
    package var imageID: Digest
    var state: ContainerStateFacts
    var restartCount: Int?
    /// `.HostConfig.RestartPolicy.Name`; nil if the engine does not report it.
    var restartPolicy: String?
    /// The creation time, only for comparison with other containers; nil if the engine does not report it.
    var createdAt: EngineTime?
    var origin = ContainerOrigin()
    /// True if Podman reports the container as the infrastructure of a pod.
    var isPodInfrastructure = false
    /// `.ImageManifestDescriptor`, on Docker's containerd store.
    var manifest: DescriptorFacts?
    /// `.ImageDigest`, on Podman.
    var libpodImageDigest: Digest?
    /// The container's image; nil if the engine no longer knows the image by its id.
    package var image: ImageFacts?
    /// True if ``image`` describes another platform than the container's, because the engine cannot inspect the right one.
    var isImageOfOtherPlatform = false
    /// The id of the image that the typed reference's tag names now; nil without a tag, or if the tag does not exist.
    package var tagImageID: Digest?
}

/// `.State` of a container's inspection.
struct ContainerStateFacts: Hashable, Sendable {
    var status = ""
    var running = false
    var paused = false
    var restarting = false
    var oomKilled = false
    var exitCode: Int?
    /// The start time in RFC 3339; Go's zero time if the container never started.
    var startedAt: String?
    var finishedAt: String?
    /// The engine's reason why the last start failed; nil or empty if it did not fail.
    var error: String?
    var health: String?
    /// The results behind ``health``, in any order; nil if the engine omits the list.
    var healthLog: [HealthCheckResult]?
    /// The number of failures in a row that make the container unhealthy; nil if the engine does not report it.
    var healthRetries: Int?

    /// One run of a health check.
    struct HealthCheckResult: Hashable, Sendable {
        /// The start time of the run; nil if the engine does not report it.
        var startedAt: EngineTime?
        var exitCode: Int?
        /// The raw output of a failed check; nil for a passed one.
        var output: String?
    }

    /// The start time; nil if the container never started.
    var startTime: EngineTime? { startedAt.flatMap(EngineTime.init) }

    /// True if the engine keeps the container up: it runs, is paused, or is about to be restarted.
    var isUp: Bool { running || paused || restarting || ["running", "paused", "restarting"].contains(status) }

    /// True if the container does not run and will not start by itself. With an unknown status it is neither up nor stopped.
    var isStopped: Bool { !isUp && Self.stoppedStatuses.contains(status) }

    /// True if the container was created, and has neither started nor failed to start. Compose creates containers first, and
    /// starts each one when its dependencies are ready.
    var isWaiting: Bool {
        !isUp && ["created", "configured", "initialized"].contains(status) && (error ?? "").isEmpty
            && (exitCode ?? 0) == 0
    }

    /// The statuses of a stopped container: Docker's (created, removing, exited, dead) and Podman's.
    private static let stoppedStatuses = [
        "created", "removing", "exited", "dead", "configured", "initialized", "stopped", "stopping", "",
    ]
}

/// An image's inspection.
package struct ImageFacts: Hashable, Sendable {
    var revision: String?
    var repoDigests: [String] = []
    var platform: Platform?
    var descriptor: DescriptorFacts?
}

/// A content descriptor: a digest and the kind of content that it identifies.
struct DescriptorFacts: Hashable, Sendable {
    var digest: Digest
    var kind: DigestEvidence.Kind
    var platform: Platform?
}

/// A moment on an engine's clock, to be compared only with others of that clock.
struct EngineTime: Hashable, Sendable, Comparable {
    /// Seconds since 1970-01-01T00:00:00Z; negative before.
    private let seconds: Int64
    /// Nanoseconds of the second, 0 to 999,999,999.
    private let nanoseconds: Int64

    init(unixSeconds: Int64) { (seconds, nanoseconds) = (unixSeconds, 0) }

    /// Parses RFC 3339, with any offset and fraction; nil for anything else, and for Go's zero time (year 1), which engines
    /// write for "never".
    init?(_ text: String) {
        guard !text.hasPrefix("0001-"), let moment = RFC3339(text) else { return nil }
        (seconds, nanoseconds) = (moment.seconds, moment.nanoseconds)
    }

    static func < (one: EngineTime, other: EngineTime) -> Bool {
        (one.seconds, one.nanoseconds) < (other.seconds, other.nanoseconds)
    }
}
