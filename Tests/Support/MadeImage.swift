public import Shared

/// A generated image: a configuration, a layer and a manifest, or an index of such manifests.
public struct MadeImage: Sendable {
    public struct Blob: Sendable {
        public let mediaType: String
        public let bytes: [UInt8]

        public init(_ text: String, mediaType: String) {
            self.mediaType = mediaType
            bytes = Array(text.utf8)
        }

        public var digest: Digest {
            guard let digest = Digest(sha256: SHA256.hash(bytes)) else {
                preconditionFailure("a hash of another length")
            }
            return digest
        }
    }

    /// The index or manifest itself.
    public let manifest: Blob
    /// The configuration's digest; nil for an index.
    public let config: Digest?
    /// All blobs and manifests of the image, children before their parents.
    public let blobs: [Blob]
    public let children: [MadeImage]

    public var digest: Digest { manifest.digest }

    public static let ociIndex = "application/vnd.oci.image.index.v1+json"
    public static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
    public static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
    public static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

    /// A manifest for one platform.
    ///
    /// - Parameters:
    ///   - platform: `os/architecture`, or with a variant.
    ///   - salt: distinguishes images of the same commit.
    ///   - padding: distinguishes manifests of the same configuration.
    public static func single(
        revision: String?, platform: String = "linux/amd64", salt: String = "", padding: String = "",
        isDocker: Bool = false, created: String = "2026-01-02T03:04:05Z"
    ) -> MadeImage {
        let parts = platform.split(separator: "/").map(String.init)
        // Two blocks of zeros are an empty archive.
        let layer = Blob(
            String(repeating: "\0", count: 1_024),
            mediaType: isDocker
                ? "application/vnd.docker.image.rootfs.diff.tar" : "application/vnd.oci.image.layer.v1.tar")
        let labels = revision.map { "{\"org.opencontainers.image.revision\":\"\($0)\"}" } ?? "null"
        let variant = parts.count > 2 ? "\"variant\":\"\(parts[2])\"," : ""
        let config = Blob(
            """
            {"architecture":"\(parts[1])","os":"\(parts[0])",\(variant)"created":"\(created)",\
            "config":{"Env":["SALT=\(salt)"],"Labels":\(labels)},\
            "rootfs":{"type":"layers","diff_ids":["\(layer.digest)"]},"history":[{"created_by":"made up"}]}
            """,
            mediaType: isDocker
                ? "application/vnd.docker.container.image.v1+json" : "application/vnd.oci.image.config.v1+json")
        let type = isDocker ? dockerManifest : ociManifest
        let manifest = Blob(
            """
            {"schemaVersion":2,"mediaType":"\(type)",\
            "config":{"mediaType":"\(config.mediaType)","size":\(config.bytes.count),"digest":"\(config.digest)"},\
            "layers":[{"mediaType":"\(layer.mediaType)","size":\(layer.bytes.count),"digest":"\(layer.digest)"}]\(padding)}
            """, mediaType: type)
        return MadeImage(manifest: manifest, config: config.digest, blobs: [config, layer], children: [])
    }

    /// The entry of a child in an index.
    public struct Child: Sendable {
        public var image: MadeImage
        public var platform: String?
        public var isAttestation: Bool

        public init(_ image: MadeImage, _ platform: String? = nil, isAttestation: Bool = false) {
            self.image = image
            self.platform = platform
            self.isAttestation = isAttestation
        }

        fileprivate var json: String {
            var text = """
                {"mediaType":"\(image.manifest.mediaType)","size":\(image.manifest.bytes.count),"digest":"\(image.digest)"
                """
            if let platform {
                let parts = platform.split(separator: "/").map(String.init)
                let variant = parts.count > 2 ? ",\"variant\":\"\(parts[2])\"" : ""
                text += ",\"platform\":{\"os\":\"\(parts[0])\",\"architecture\":\"\(parts[1])\"\(variant)}"
            }
            if isAttestation {
                text += ",\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}"
            }
            return text + "}"
        }
    }

    public static func index(_ children: [Child], isDocker: Bool = false, padding: String = "") -> MadeImage {
        let type = isDocker ? dockerList : ociIndex
        let json = children.map(\.json).joined(separator: ",")
        return MadeImage(
            manifest: Blob(
                "{\"schemaVersion\":2,\"mediaType\":\"\(type)\",\"manifests\":[\(json)]\(padding)}", mediaType: type),
            config: nil, blobs: [], children: children.map(\.image))
    }

    /// The attestation that builders add for each platform: provenance, as a manifest without a platform.
    public static func attestation(_ salt: String = "") -> MadeImage {
        let config = Blob(
            "{\"architecture\":\"unknown\",\"os\":\"unknown\",\"config\":{\"Env\":[\"\(salt)\"]}}",
            mediaType: "application/vnd.oci.image.config.v1+json")
        let statement = Blob("{\"_type\":\"in-toto \(salt)\"}", mediaType: "application/vnd.in-toto+json")
        let manifest = Blob(
            """
            {"schemaVersion":2,"mediaType":"\(ociManifest)",\
            "config":{"mediaType":"\(config.mediaType)","size":\(config.bytes.count),"digest":"\(config.digest)"},\
            "layers":[{"mediaType":"\(statement.mediaType)","size":\(statement.bytes.count),"digest":"\(statement.digest)"}]}
            """, mediaType: ociManifest)
        return MadeImage(manifest: manifest, config: config.digest, blobs: [config, statement], children: [])
    }

    /// An index for two platforms with attestations, as buildx creates it.
    public static func usual(revision: String, salt: String = "") -> MadeImage {
        index([
            Child(single(revision: revision, platform: "linux/amd64", salt: salt), "linux/amd64"),
            Child(single(revision: revision, platform: "linux/arm64", salt: salt), "linux/arm64/v8"),
            Child(attestation(salt), "unknown/unknown", isAttestation: true),
        ])
    }
}
