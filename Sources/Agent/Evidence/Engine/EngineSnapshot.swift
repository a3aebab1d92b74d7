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
    /// `.ImageManifestDescriptor`, on Docker's containerd store.
    var manifest: DescriptorFacts?
    /// `.ImageDigest`, on Podman.
    var libpodImageDigest: Digest?
    /// nil where the engine no longer knows the image by its id.
    var image: ImageFacts?
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
    var startedAt: String?
    var health: String?
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
