import Shared

extension ContainerStateFacts {
    init(_ state: EngineAPI.Container.State) {
        self.init(
            status: state.status ?? "", running: state.running ?? false, paused: state.paused ?? false,
            restarting: state.restarting ?? false, oomKilled: state.oomKilled ?? false, exitCode: state.exitCode,
            startedAt: state.startedAt, finishedAt: state.finishedAt, error: state.error, health: state.health?.status,
            healthLog: state.health?.log?.map { result in
                HealthCheckResult(
                    startedAt: (result.start ?? result.end).flatMap(EngineTime.init), exitCode: result.exitCode)
            })
    }
}

extension ImageFacts {
    init(_ image: EngineAPI.Image) {
        self.init(
            revision: image.config?.labels?.revision, repoDigests: image.repoDigests ?? [],
            platform: Platform(os: image.os, architecture: image.architecture, variant: image.variant),
            descriptor: image.descriptor.flatMap(DescriptorFacts.init))
    }
}

extension DescriptorFacts {
    /// nil where it names no usable digest.
    init?(_ descriptor: EngineAPI.Descriptor) {
        guard let digest = descriptor.digest.flatMap(Digest.init(contractText:)) else { return nil }
        let platform = descriptor.platform.flatMap {
            Platform(os: $0.os, architecture: $0.architecture, variant: $0.variant)
        }
        self.init(digest: digest, kind: Self.kind(mediaType: descriptor.mediaType), platform: platform)
    }

    /// Source: OCI image specification, "OCI Image Media Types"; Docker's "Image Manifest Version 2, Schema 2".
    private static func kind(mediaType: String?) -> DigestEvidence.Kind {
        switch mediaType {
        case "application/vnd.oci.image.index.v1+json",
            "application/vnd.docker.distribution.manifest.list.v2+json":
            .index
        case "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.v2+json":
            .manifest
        default: .indexOrManifest
        }
    }
}

extension Platform {
    /// The platform of an engine's host; nil where the engine leaves one of the two out.
    ///
    /// Docker passes on what the kernel calls its machine, which for 32-bit ARM is more than Go's or OCI's name.
    /// Source: moby, `pkg/platform`; Linux, `arch/arm/kernel/setup.c`.
    init?(_ info: EngineAPI.Info) {
        let architecture = info.architecture?.lowercased()
        let variant: String? =
            switch architecture {
            case "armv5l"?, "armv5tel"?, "armv5tejl"?: "v5"
            case "armv6l"?: "v6"
            case "armv7l"?: "v7"
            case "armv8l"?: "v8"
            default: nil
            }
        self.init(os: info.osType, architecture: variant == nil ? architecture : "arm", variant: variant)
    }

    /// nil where the engine leaves one of the two out.
    fileprivate init?(os: String?, architecture: String?, variant: String?) {
        guard let os, !os.isEmpty, let architecture, !architecture.isEmpty else { return nil }
        self.init(
            os: Sanitizer.singleLine(os, limit: 20), architecture: Sanitizer.singleLine(architecture, limit: 20),
            variant: variant.map { Sanitizer.singleLine($0, limit: 20) })
    }
}
