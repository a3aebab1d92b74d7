import Shared

/// What one look at one engine saw: facts, not yet judged.
struct EngineSnapshot: Hashable, Sendable {
    var engine: EngineIdentity
    var containers: [ContainerFacts]
}

/// One container that belongs to at least one service.
struct ContainerFacts: Hashable, Sendable {
    var id: String
    /// Without the leading slash.
    var name: String
    /// Names of the services that it belongs to.
    var services: Set<String>
    /// `.Config.Image`: what the operator typed.
    var typedImage: String
    /// `.Image`: fixed when the container was created.
    var imageID: Digest
    var state: ContainerStateFacts
    var restartCount: Int?
    /// `.HostConfig.RestartPolicy.Name`; nil where the engine does not say.
    var restartPolicy: String?
    /// Compared with other containers' alone; nil where the engine does not say.
    var createdAt: EngineTime?
    var origin = ContainerOrigin()
    /// Whether Podman calls it the infrastructure of a pod.
    var isPodInfrastructure = false
    /// `.ImageManifestDescriptor`, on Docker's containerd store.
    var manifest: DescriptorFacts?
    /// `.ImageDigest`, on Podman.
    var libpodImageDigest: Digest?
    /// nil where the engine no longer knows the image by its id.
    var image: ImageFacts?
    /// Whether ``image`` is of another platform than the container's, because the engine shows no other.
    var isImageOfOtherPlatform = false
    /// What the typed reference's tag names now; nil where it has no tag, or the tag names nothing.
    var tagImageID: Digest?
}

/// `.State` of a container's inspection.
struct ContainerStateFacts: Hashable, Sendable {
    var status = ""
    var running = false
    var paused = false
    var restarting = false
    var oomKilled = false
    var exitCode: Int?
    /// RFC 3339; Go's zero time where it never started.
    var startedAt: String?
    var finishedAt: String?
    /// Why the last start failed, in the engine's words; nil or empty where it did not.
    var error: String?
    var health: String?
    /// The results that ``health`` comes from, in any order; nil where the engine lists none at all.
    var healthLog: [HealthCheckResult]?
    /// How many failures in a row make it unhealthy; nil where the engine does not say.
    var healthRetries: Int?

    /// One run of a health check.
    struct HealthCheckResult: Hashable, Sendable {
        /// nil where the engine does not say.
        var startedAt: EngineTime?
        var exitCode: Int?
    }

    /// nil where it never started.
    var startTime: EngineTime? { startedAt.flatMap(EngineTime.init) }

    /// Whether the engine keeps it up: it runs, is paused, or is about to be started again.
    var isUp: Bool { running || paused || restarting || ["running", "paused", "restarting"].contains(status) }

    /// Whether it does not run, and will not by itself. A word that is not known is neither this nor up.
    var isStopped: Bool { !isUp && Self.stoppedWords.contains(status) }

    /// Whether it was created, and neither started nor failed to. Compose makes containers first, and starts each when
    /// what it depends on is ready.
    var isWaiting: Bool {
        !isUp && ["created", "configured", "initialized"].contains(status) && (error ?? "").isEmpty
            && (exitCode ?? 0) == 0
    }

    /// The rest of Docker's words (created, removing, exited, dead) and of Podman's.
    private static let stoppedWords = [
        "created", "removing", "exited", "dead", "configured", "initialized", "stopped", "stopping", "",
    ]
}

/// An image's inspection.
struct ImageFacts: Hashable, Sendable {
    var revision: String?
    var repoDigests: [String] = []
    var platform: Platform?
    var descriptor: DescriptorFacts?
}

/// A content descriptor: a digest, and what it is the hash of.
struct DescriptorFacts: Hashable, Sendable {
    var digest: Digest
    var kind: DigestEvidence.Kind
    var platform: Platform?
}
