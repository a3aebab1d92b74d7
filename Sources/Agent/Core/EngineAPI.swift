package import Shared

/// The parts of an engine's responses that the agent reads: an allow-list. Anything not declared here (environment,
/// command, mounts, networks) is never decoded, so it cannot leave the host.
///
/// Source: Docker Engine API 1.41 to 1.53, `moby/api/swagger.yaml`; Podman's compatible API answers in the same shape.
package enum EngineAPI {
    package struct Info: Decodable {
        var driverStatus: [[String]]?
        var serverVersion: String?
        var osType: String?
        /// The kernel's name on Docker (`x86_64`), Go's on Podman (`amd64`).
        var architecture: String?

        private enum CodingKeys: String, CodingKey {
            case osType = "OSType"
            case architecture = "Architecture"
            case driverStatus = "DriverStatus"
            case serverVersion = "ServerVersion"
        }
    }

    package struct ListedContainer: Decodable {
        package var id: String
        var names: [String]?
        /// The typed reference, or the image's id once that reference names another image.
        var image: String?
        var labels: [String: String]?
        /// The creation time in seconds since 1970.
        var created: Int64?

        private enum CodingKeys: String, CodingKey {
            case created = "Created"
            case id = "Id"
            case names = "Names"
            case image = "Image"
            case labels = "Labels"
        }
    }

    package struct Container: Decodable {
        package var id: String
        var name: String?
        var image: String
        var restartCount: Int?
        /// The creation time in RFC 3339.
        var created: String?
        var state: State
        var config: Config
        var hostConfig: HostConfig?
        var manifest: Descriptor?

        /// The image reference as the operator typed it.
        package var typedImage: String { config.image ?? "" }

        private enum CodingKeys: String, CodingKey {
            case id = "Id"
            case name = "Name"
            case image = "Image"
            case restartCount = "RestartCount"
            case created = "Created"
            case state = "State"
            case config = "Config"
            case hostConfig = "HostConfig"
            case manifest = "ImageManifestDescriptor"
        }

        struct Config: Decodable {
            var image: String?
            var healthCheck: HealthCheck?

            private enum CodingKeys: String, CodingKey {
                case image = "Image"
                case healthCheck = "Healthcheck"
            }

            /// The health check without its command.
            struct HealthCheck: Decodable {
                var retries: Int?

                private enum CodingKeys: String, CodingKey { case retries = "Retries" }
            }
        }

        /// The name of the restart policy. Other settings are not decoded.
        struct HostConfig: Decodable {
            var restartPolicy: RestartPolicy?

            private enum CodingKeys: String, CodingKey { case restartPolicy = "RestartPolicy" }

            struct RestartPolicy: Decodable {
                var name: String?

                private enum CodingKeys: String, CodingKey { case name = "Name" }
            }
        }

        struct State: Decodable {
            var status: String?
            var running: Bool?
            var paused: Bool?
            var restarting: Bool?
            var oomKilled: Bool?
            var exitCode: Int?
            var startedAt: String?
            var finishedAt: String?
            var error: String?
            var health: Health?

            private enum CodingKeys: String, CodingKey {
                case status = "Status"
                case running = "Running"
                case paused = "Paused"
                case restarting = "Restarting"
                case oomKilled = "OOMKilled"
                case exitCode = "ExitCode"
                case startedAt = "StartedAt"
                case finishedAt = "FinishedAt"
                case error = "Error"
                case health = "Health"
            }
        }

        struct Health: Decodable {
            var status: String?
            /// The latest results; nil if the engine omits the list, empty if it writes `null`, as Docker does before the
            /// first check.
            var log: [Result]?

            private enum CodingKeys: String, CodingKey {
                case status = "Status"
                case log = "Log"
            }

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                status = try container.decodeIfPresent(String.self, forKey: .status)
                log =
                    container.contains(.log)
                    ? try container.decodeIfPresent([Result].self, forKey: .log) ?? [] : nil
            }

            struct Result: Decodable {
                var start: String?
                var end: String?
                var exitCode: Int?
                var output: String?

                private enum CodingKeys: String, CodingKey {
                    case start = "Start"
                    case end = "End"
                    case exitCode = "ExitCode"
                    case output = "Output"
                }
            }
        }
    }

    package struct Image: Decodable {
        package var id: String
        var repoDigests: [String]?
        var os: String?
        var architecture: String?
        var variant: String?
        var config: Config?
        var descriptor: Descriptor?

        private enum CodingKeys: String, CodingKey {
            case id = "Id"
            case repoDigests = "RepoDigests"
            case os = "Os"
            case architecture = "Architecture"
            case variant = "Variant"
            case config = "Config"
            case descriptor = "Descriptor"
        }

        struct Config: Decodable {
            /// The revision label. Other labels are not decoded.
            var labels: Labels?

            private enum CodingKeys: String, CodingKey { case labels = "Labels" }
        }

        struct Labels: Decodable {
            var revision: String?

            private enum CodingKeys: String, CodingKey { case revision = "org.opencontainers.image.revision" }
        }
    }

    /// Source: OCI image specification, "Content Descriptors".
    struct Descriptor: Decodable {
        var mediaType: String?
        var digest: String?
        var platform: DescribedPlatform?
    }

    struct DescribedPlatform: Decodable {
        var architecture: String?
        var os: String?
        var variant: String?
    }

    package struct LibpodContainer: Decodable {
        var imageDigest: String?
        /// True if the container holds a pod's namespaces.
        var isInfrastructure: Bool?

        private enum CodingKeys: String, CodingKey {
            case imageDigest = "ImageDigest"
            case isInfrastructure = "IsInfra"
        }
    }
}

extension EngineAPI.ListedContainer {
    /// The container's name for messages: its first name, or the beginning of its id.
    package var displayName: String {
        let name = (names?.first ?? "").drop { $0 == "/" }
        return Sanitizer.singleLine(name.isEmpty ? id.prefix(12) : name, limit: 80)
    }

    /// The Compose service that the labels name. `io.podman.compose.service` counts on Podman only.
    package func composeService(podman: Bool) -> String? {
        labels?[ContainerOrigin.Label.composeService]
            ?? (podman ? labels?[ContainerOrigin.Label.podmanComposeService] : nil)
    }

    /// The Compose project or Swarm stack that the labels name.
    package var project: String? { ContainerOrigin(labels: labels ?? [:], name: "").project }

    /// The Swarm service that the labels name.
    package var swarmService: String? { labels?[ContainerOrigin.Label.swarmService] }
}

// MARK: - Facts from responses

extension EngineIdentity {
    /// The identity of an engine from its `/info`.
    package init(_ info: EngineAPI.Info, isPodman: Bool, apiVersion: APIVersion) {
        let store: Store =
            if isPodman {
                .podman
            } else if info.driverStatus?.contains(["driver-type", "io.containerd.snapshotter.v1"]) == true {
                .containerd
            } else {
                .classic
            }
        self.init(
            name: isPodman ? .podman : .docker, store: store,
            version: info.serverVersion.map { Sanitizer.singleLine($0, limit: 64) }, apiVersion: "\(apiVersion)",
            platform: Platform(info).map { Sanitizer.singleLine("\($0)", limit: 64) })
    }
}

extension ContainerFacts {
    /// The facts from the inspection of one container. Further requests complete them.
    ///
    /// Returns nil if the image's id is not a digest.
    package init?(_ container: EngineAPI.Container, listed: EngineAPI.ListedContainer, services: Set<String>) {
        guard let imageID = Digest(imageID: container.image) else { return nil }
        let name = String((container.name ?? "").drop { $0 == "/" })
        self.init(
            id: container.id,
            name: Sanitizer.singleLine(name.isEmpty ? String(container.id.prefix(12)) : name, limit: 255),
            services: services, typedImage: container.typedImage, imageID: imageID,
            state: ContainerStateFacts(container.state),
            restartCount: container.restartCount.map { max(0, $0) },
            restartPolicy: container.hostConfig?.restartPolicy?.name,
            createdAt: container.created.flatMap(EngineTime.init) ?? listed.created.map { EngineTime(unixSeconds: $0) },
            origin: ContainerOrigin(labels: listed.labels ?? [:], name: name),
            manifest: container.manifest.flatMap(DescriptorFacts.init))
        state.healthRetries = container.config.healthCheck?.retries
    }

    /// Adds the facts that only Podman's own API reports.
    package mutating func add(_ libpod: EngineAPI.LibpodContainer) {
        libpodImageDigest = libpod.imageDigest.flatMap(Digest.init(contractText:))
        isPodInfrastructure = libpod.isInfrastructure ?? false
    }

    /// The container's platform if the image was inspected for another one; nil otherwise. The inspection of an index shows
    /// the platform of the engine's host, and the container can run another.
    package func platformToInspect(in store: EngineIdentity.Store) -> Platform? {
        guard store == .containerd, let platform = manifest?.platform, !platform.agrees(with: image?.platform) else {
            return nil
        }
        return platform
    }

    /// Replaces the image by its inspection for the container's own platform.
    ///
    /// - Parameter other: the inspection for that platform; nil if the engine has none.
    package mutating func replaceImage(with other: ImageFacts?, for platform: Platform) {
        if let other, other.platform?.os == platform.os, other.platform?.architecture == platform.architecture {
            image = other
        } else {
            isImageOfOtherPlatform = image != nil
        }
    }
}

extension Digest {
    /// Parses an engine's id of an image. Docker writes `sha256:…`; older releases of Podman omit the algorithm.
    package init?(imageID text: String) {
        guard let digest = Digest(contractText: text) ?? Digest(contractText: "sha256:\(text)") else { return nil }
        self = digest
    }
}

extension ContainerStateFacts {
    init(_ state: EngineAPI.Container.State) {
        self.init(
            status: state.status ?? "", running: state.running ?? false, paused: state.paused ?? false,
            restarting: state.restarting ?? false, oomKilled: state.oomKilled ?? false, exitCode: state.exitCode,
            startedAt: state.startedAt, finishedAt: state.finishedAt, error: state.error, health: state.health?.status,
            healthLog: state.health?.log?.map { result in
                HealthCheckResult(
                    startedAt: (result.start ?? result.end).flatMap(EngineTime.init), exitCode: result.exitCode,
                    output: result.exitCode == 0 ? nil : result.output)
            })
    }
}

extension ImageFacts {
    package init(_ image: EngineAPI.Image) {
        self.init(
            revision: image.config?.labels?.revision, repoDigests: image.repoDigests ?? [],
            platform: Platform(os: image.os, architecture: image.architecture, variant: image.variant),
            descriptor: image.descriptor.flatMap(DescriptorFacts.init))
    }
}

extension DescriptorFacts {
    /// Returns nil if the descriptor has no usable digest.
    fileprivate init?(_ descriptor: EngineAPI.Descriptor) {
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
    /// The platform of an engine's host; nil if the engine omits the system or the architecture.
    ///
    /// Docker passes on the kernel's machine name, which for 32-bit ARM is more specific than Go's or OCI's name.
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

    fileprivate init?(os: String?, architecture: String?, variant: String?) {
        guard let os, !os.isEmpty, let architecture, !architecture.isEmpty else { return nil }
        self.init(
            os: Sanitizer.singleLine(os, limit: 20), architecture: Sanitizer.singleLine(architecture, limit: 20),
            variant: variant.map { Sanitizer.singleLine($0, limit: 20) })
    }

    /// True if both are the same platform. A missing variant matches any: image configurations often omit it.
    fileprivate func agrees(with other: Platform?) -> Bool {
        guard let other, os == other.os, architecture == other.architecture else { return false }
        return variant == other.variant || variant == nil || other.variant == nil
    }
}
