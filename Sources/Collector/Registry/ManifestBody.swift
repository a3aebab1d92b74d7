import FoundationEssentials
package import Shared
import Verdict

/// What the bytes of an index or a manifest say, once they have passed every check that needs nothing but them.
///
/// Source: OCI image specification, "Image Index" and "Image Manifest"; Docker's schema 2 has the same fields.
package struct ManifestBody: Hashable, Sendable {
    /// What one document says about another.
    package struct Descriptor: Hashable, Sendable {
        package var mediaType: String?
        package var digest: Digest
        package var platform: Platform?
        /// Provenance and bills of materials travel in the index and never run.
        var isAttestation: Bool

        package init(mediaType: String? = nil, digest: Digest, platform: Platform? = nil, isAttestation: Bool) {
            self.mediaType = mediaType
            self.digest = digest
            self.platform = platform
            self.isAttestation = isAttestation
        }

        package var isIndex: Bool { mediaType.flatMap(RegistryMediaType.init)?.isIndex == true }
    }

    package enum Kind: Hashable, Sendable {
        case index([Descriptor])
        case manifest(config: Descriptor)
    }

    package var kind: Kind
    /// What the body itself gives as its media type.
    package var mediaType: String?
    /// A manifest's layers that the registry keeps: all but those that are fetched from elsewhere.
    var layers: [Digest] = []

    /// What the body says that it is; where it does not say, what it is by its structure: a body without `mediaType` is
    /// OCI's, since Docker's have to say theirs. nil where it says something that is not an image's.
    var ownMediaType: RegistryMediaType? {
        if let mediaType { return RegistryMediaType(rawValue: mediaType) }
        switch kind {
        case .index: return .ociIndex
        case .manifest: return .ociManifest
        }
    }

    init(parsing bytes: [UInt8]) throws(PromotedContentError) {
        let keys: Set<String>
        do throws(StrictJSON.Defect) {
            keys = try StrictJSON.keys(of: bytes)
        } catch {
            switch error {
            case .malformed: throw .notJSON
            case .tooDeep: throw .tooDeep
            case .duplicateKey(let key): throw .duplicateKey(key)
            }
        }
        if keys.contains("manifests"), keys.contains("layers") || keys.contains("config") { throw .both }
        if keys.contains("fslayers") { throw .schemaOne }
        let wire: Wire
        do {
            wire = try JSONDecoder().decode(Wire.self, from: Data(bytes))
        } catch {
            throw .notJSON
        }
        if wire.schemaVersion == 1 { throw .schemaOne }
        mediaType = wire.mediaType
        layers = (wire.layers ?? []).filter { !$0.isForeign }.compactMap {
            $0.digest.flatMap(Digest.init(contractText:))
        }
        switch (wire.manifests, wire.config) {
        case (let children?, nil): kind = .index(children.map(Descriptor.init))
        case (nil, let config?): kind = .manifest(config: Descriptor(config))
        case (nil, nil): throw .neither
        case (_?, _?): throw .both
        }
    }

    fileprivate struct Wire: Decodable {
        struct Descriptor: Decodable {
            struct PlatformFields: Decodable {
                var os: String
                var architecture: String
                var variant: String?
            }

            var mediaType: String?
            var digest: Digest
            var platform: PlatformFields?
            var annotations: [String: String]?
        }

        struct Layer: Decodable {
            var mediaType: String?
            /// A text, since nothing rests on it but a warning: another algorithm's digest is no reason to refuse the image.
            var digest: String?
            var urls: [String]?

            var isForeign: Bool {
                urls?.isEmpty == false
                    || mediaType.map { $0.contains("foreign") || $0.contains("nondistributable") } ?? false
            }
        }

        var schemaVersion: Int?
        var mediaType: String?
        var manifests: [Descriptor]?
        var config: Descriptor?
        var layers: [Layer]?
    }
}

extension ManifestBody.Descriptor {
    fileprivate init(_ wire: ManifestBody.Wire.Descriptor) {
        let named = wire.platform.map { Platform(os: $0.os, architecture: $0.architecture, variant: $0.variant) }
        self.init(
            mediaType: wire.mediaType, digest: wire.digest, platform: named,
            isAttestation: named?.isAttestation == true
                || wire.annotations?["vnd.docker.reference.type"] == "attestation-manifest")
    }
}

extension PromotedContent {
    /// Reads the raw bytes of an index or a manifest.
    ///
    /// - Parameter digest: what the bytes hash to; the caller has checked it.
    /// - Throws: ``PromotedContentError`` where the bytes are neither, or both.
    package init(parsing bytes: [UInt8], digest: Digest) throws(PromotedContentError) {
        switch try ManifestBody(parsing: bytes).kind {
        case .index(let children):
            // What a nested index holds is not in these bytes.
            let images = children.filter { !$0.isAttestation && !$0.isIndex }
            self.init(
                isIndex: true,
                manifests: images.map { Manifest(digest: $0.digest, platform: $0.platform, config: nil) },
                isIncomplete: children.contains { !$0.isAttestation && ($0.isIndex || $0.platform == nil) } ? true : nil
            )
        case .manifest(let config):
            self.init(isIndex: false, manifests: [Manifest(digest: digest, platform: nil, config: config.digest)])
        }
    }
}

/// Why bytes are no promoted content. One sentence each, for behind the file's or the reference's name.
package enum PromotedContentError: Error, Hashable, CustomStringConvertible {
    case notJSON
    case neither
    case both
    case tooDeep
    case duplicateKey(String)
    case schemaOne

    package var description: String {
        switch self {
        case .notJSON: "is no image index or manifest"
        case .neither: "has neither 'manifests' nor 'config', so it is no image index or manifest"
        case .both: "has both 'manifests' and 'config' or 'layers', so it cannot be trusted to be either"
        case .tooDeep: "is nested deeper than \(StrictJSON.maximumDepth) levels, which no image is"
        case .duplicateKey(let key):
            "has the key '\(Sanitizer.singleLine(key, limit: 40))' twice in one object, so that two readers may see two images in it"
        case .schemaOne:
            "is a manifest of Docker's schema 1, whose digest names no image of today's engines: push the image again"
        }
    }
}

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
