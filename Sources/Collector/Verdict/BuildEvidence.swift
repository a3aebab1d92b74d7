package import Shared

/// An answer's statements about the build that a host serves, reduced to comparable values.
package struct BuildEvidence: Hashable, Sendable {
    /// One instance of the service.
    struct Instance: Hashable, Sendable {
        var name: String
        var gitSHA: Reported<GitSHA>
        /// Digests of indexes and manifests. Each is a hash of content: an equal digest is the same image, whatever made it.
        /// A different digest is another image only if ``isFromRegistry`` is true.
        var registryDigests: Set<Digest>
        /// True if a registry knows at least one of the digests.
        var isFromRegistry: Bool
        /// Digests of the image's configuration.
        var configDigests: Set<Digest>
        var platform: Platform?
        /// The tag now names another image on the host.
        var tagMoved: Bool
        /// The instance runs, so the host demonstrably runs its platform, natively or by emulation.
        var isRunning = false
    }

    /// The commit that the answer states for the service as a whole.
    package var gitSHA: Reported<GitSHA>
    var digest: Digest?
    /// Never empty if the host serves something.
    var instances: [Instance]
    /// The service's answer to its agent's probe; nil without a probe.
    var served: ProbeResult?
    /// The engine's platform; nil without an engine, or if the agent is too old to report it.
    var enginePlatform: Platform?

    init(_ document: Document) {
        enginePlatform = document.engine?.platform.flatMap { Platform(parsing: $0) }
        gitSHA = document.gitSHA
        digest = document.digest.value
        served = document.served
        instances = document.instances.map { Instance($0, claimed: document.digest.value) }
        // A source that knows a build but lists no instance counts as one instance.
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

    /// The digest to show for the host: the one stated for the service, or else the one that all its instances share.
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
