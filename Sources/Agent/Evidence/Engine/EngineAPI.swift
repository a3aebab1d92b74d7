import Shared

/// The parts of an engine's answers that are read: an allow-list. What is not declared here (environment, command, mounts,
/// networks) is never decoded, so it cannot leave the host.
///
/// Source: Docker Engine API 1.41 to 1.53, `moby/api/swagger.yaml`; Podman's compatible API answers in the same shape.
enum EngineAPI {
    struct Info: Decodable {
        var driverStatus: [[String]]?
        var serverVersion: String?

        private enum CodingKeys: String, CodingKey {
            case driverStatus = "DriverStatus"
            case serverVersion = "ServerVersion"
        }
    }

    struct ListedContainer: Decodable {
        var id: String
        var names: [String]?
        /// The typed reference, or the image's id where that reference names another image by now.
        var image: String?
        var labels: [String: String]?

        private enum CodingKeys: String, CodingKey {
            case id = "Id"
            case names = "Names"
            case image = "Image"
            case labels = "Labels"
        }
    }

    struct Container: Decodable {
        var id: String
        var name: String?
        var image: String
        var restartCount: Int?
        var state: State
        var config: Config
        var manifest: Descriptor?

        private enum CodingKeys: String, CodingKey {
            case id = "Id"
            case name = "Name"
            case image = "Image"
            case restartCount = "RestartCount"
            case state = "State"
            case config = "Config"
            case manifest = "ImageManifestDescriptor"
        }

        struct Config: Decodable {
            var image: String?

            private enum CodingKeys: String, CodingKey { case image = "Image" }
        }

        struct State: Decodable {
            var status: String?
            var running: Bool?
            var paused: Bool?
            var restarting: Bool?
            var oomKilled: Bool?
            var exitCode: Int?
            var startedAt: String?
            var health: Health?

            private enum CodingKeys: String, CodingKey {
                case status = "Status"
                case running = "Running"
                case paused = "Paused"
                case restarting = "Restarting"
                case oomKilled = "OOMKilled"
                case exitCode = "ExitCode"
                case startedAt = "StartedAt"
                case health = "Health"
            }
        }

        struct Health: Decodable {
            var status: String?

            private enum CodingKeys: String, CodingKey { case status = "Status" }
        }
    }

    struct Image: Decodable {
        var id: String
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
            /// Of all labels, the revision alone.
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

    struct LibpodContainer: Decodable {
        var imageDigest: String?

        private enum CodingKeys: String, CodingKey { case imageDigest = "ImageDigest" }
    }
}
