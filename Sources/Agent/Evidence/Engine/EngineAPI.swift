import Shared

/// The parts of an engine's answers that are read: an allow-list. What is not declared here (environment, command, mounts,
/// networks) is never decoded, so it cannot leave the host.
///
/// Source: Docker Engine API 1.41 to 1.53, `moby/api/swagger.yaml`; Podman's compatible API answers in the same shape.
enum EngineAPI {
    struct Info: Decodable {
        var driverStatus: [[String]]?
        var serverVersion: String?
        var osType: String?
        /// The kernel's word on Docker (`x86_64`), Go's on Podman (`amd64`).
        var architecture: String?

        private enum CodingKeys: String, CodingKey {
            case osType = "OSType"
            case architecture = "Architecture"
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
        /// Seconds since 1970.
        var created: Int64?

        private enum CodingKeys: String, CodingKey {
            case created = "Created"
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
        /// RFC 3339.
        var created: String?
        var state: State
        var config: Config
        var hostConfig: HostConfig?
        var manifest: Descriptor?

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

            /// Not its command.
            struct HealthCheck: Decodable {
                var retries: Int?

                private enum CodingKeys: String, CodingKey { case retries = "Retries" }
            }
        }

        /// Of all settings, the restart policy's name alone.
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
            /// nil where the engine writes no list; an empty one where it writes `null`, as Docker does before the first
            /// check.
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

            /// What the check printed is not decoded.
            struct Result: Decodable {
                var start: String?
                var end: String?
                var exitCode: Int?

                private enum CodingKeys: String, CodingKey {
                    case start = "Start"
                    case end = "End"
                    case exitCode = "ExitCode"
                }
            }
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
        /// Whether it holds a pod's namespaces.
        var isInfrastructure: Bool?

        private enum CodingKeys: String, CodingKey {
            case imageDigest = "ImageDigest"
            case isInfrastructure = "IsInfra"
        }
    }
}
