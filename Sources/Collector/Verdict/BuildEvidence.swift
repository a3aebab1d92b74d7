package import Shared

/// What an answer says about the build that a host serves, reduced to what can be compared.
package struct BuildEvidence: Hashable, Sendable {
    /// One instance of the service.
    package struct Instance: Hashable, Sendable {
        package var name: String
        package var gitSHA: Reported<GitSHA>
        /// Digests of indexes and manifests. Each is a hash of content, so that an equal one is the same image whoever
        /// made it; a different one is another image only where ``isFromRegistry`` holds.
        var registryDigests: Set<Digest>
        /// Whether a registry knows at least one of the digests.
        var isFromRegistry: Bool
        /// Digests of the image's configuration.
        var configDigests: Set<Digest>
        package var platform: Platform?
        /// The tag names another image on the host by now.
        package var tagMoved: Bool
        /// It runs, so that the host demonstrably runs its platform, natively or not.
        var isRunning = false

        package init(
            name: String, gitSHA: Reported<GitSHA>, registryDigests: Set<Digest>, isFromRegistry: Bool,
            configDigests: Set<Digest>, platform: Platform? = nil, tagMoved: Bool, isRunning: Bool = false
        ) {
            self.name = name
            self.gitSHA = gitSHA
            self.registryDigests = registryDigests
            self.isFromRegistry = isFromRegistry
            self.configDigests = configDigests
            self.platform = platform
            self.tagMoved = tagMoved
            self.isRunning = isRunning
        }
    }

    /// What the answer says for the service as a whole.
    package var gitSHA: Reported<GitSHA>
    package var digest: Digest?
    /// Never empty where something is served.
    package var instances: [Instance]
    /// What the service itself said to its agent's probe; nil where it has none.
    package var served: ProbeResult?
    /// The engine's own; nil where there is none, or an older agent does not tell it.
    var enginePlatform: Platform?

    init(_ document: Document) {
        enginePlatform = document.engine?.platform.flatMap { Platform(parsing: $0) }
        gitSHA = document.gitSHA
        digest = document.digest.value
        served = document.served
        instances = document.instances.map { Instance($0, claimed: document.digest.value) }
        // A source that knows a build but lists no instance speaks for one.
        if instances.isEmpty, document.state != .absent, document.state != .unknown {
            instances = [
                Instance(
                    name: document.service, gitSHA: gitSHA, registryDigests: Set([digest].compactMap { $0 }),
                    isFromRegistry: digest != nil, configDigests: [], platform: nil, tagMoved: false)
            ]
        }
    }

    init(_ answer: PlainAnswer) {
        gitSHA = answer.gitSHA
        digest = nil
        instances = [
            Instance(
                name: "", gitSHA: answer.gitSHA, registryDigests: [], isFromRegistry: false, configDigests: [],
                platform: nil, tagMoved: false)
        ]
    }

    /// The digest to show for the host: what it says for the service, else what all its instances have in common.
    package var shownDigest: Digest? {
        guard digest == nil, let first = instances.first?.registryDigests, first.count == 1 else { return digest }
        return instances.allSatisfy { $0.isFromRegistry && $0.registryDigests == first } ? first.first : nil
    }
}

extension BuildEvidence.Instance {
    fileprivate init(_ instance: Instance, claimed: Digest?) {
        let image = instance.image
        name = instance.name
        gitSHA = instance.gitSHA
        platform = image.platform.flatMap { Platform(parsing: $0) }
        tagMoved = image.tagMoved
        configDigests = Set(image.digests.filter { $0.kind == .config }.map(\.digest))
        let listed = image.digests.filter { $0.kind != .config }.map(\.digest)
        isFromRegistry = image.origin == .registry
        isRunning = instance.state == .serving || instance.state == .unhealthy
        registryDigests = Set(listed.isEmpty && isFromRegistry ? [claimed].compactMap { $0 } : listed)
    }
}
