import FoundationEssentials
import Shared

/// What an image's configuration says, as far as a promotion goes.
package struct ImageConfiguration: Hashable, Sendable {
    /// nil where it names none.
    var platform: Platform?
    /// The label `org.opencontainers.image.revision`, whatever stands in it; nil where there is none.
    var revisionText: String?
    /// RFC 3339, as the builder wrote it.
    var created: String?

    static let revisionLabel = "org.opencontainers.image.revision"

    /// The revision where it is a full commit.
    var revision: GitSHA? { revisionText.flatMap { try? GitSHA(parsing: $0) } }

    /// nil where the bytes are no configuration, or two readers may see two in them.
    init?(parsing bytes: [UInt8]) {
        struct Wire: Decodable {
            struct Settings: Decodable {
                var labels: [String: String]?

                enum CodingKeys: String, CodingKey { case labels = "Labels" }
            }

            var os: String?
            var architecture: String?
            var variant: String?
            var created: String?
            var config: Settings?
        }
        guard (try? StrictJSON.keys(of: bytes)) != nil,
            let wire = try? JSONDecoder().decode(Wire.self, from: Data(bytes))
        else { return nil }
        if let os = wire.os, let architecture = wire.architecture, !os.isEmpty, !architecture.isEmpty {
            platform = Platform(os: os, architecture: architecture, variant: wire.variant)
        }
        revisionText = wire.config?.labels?[Self.revisionLabel]
        created = wire.created
    }
}
