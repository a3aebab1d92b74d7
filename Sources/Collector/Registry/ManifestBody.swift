import FoundationEssentials
package import Shared
import Verdict

/// The parsed body of an index or a manifest that has passed all checks of its bytes.
///
/// Source: OCI image specification, "Image Index" and "Image Manifest". Docker's schema 2 has the same fields.
package struct ManifestBody: Hashable, Sendable {
    /// A reference from one document to another.
    package struct Descriptor: Hashable, Sendable {
        package var mediaType: String?
        package var digest: Digest
        package var platform: Platform?
        /// True for provenance and bills of materials, which are listed in the index and never run.
        var isAttestation: Bool
        package var isIndex: Bool { mediaType.flatMap(RegistryMediaType.init)?.isIndex == true }
    }

    package enum Kind: Hashable, Sendable {
        case index([Descriptor])
        case manifest(config: Descriptor)
    }

    package var kind: Kind
    /// The body's `mediaType` field.
    package var mediaType: String?
    /// A manifest's layers, without foreign layers, which are fetched from elsewhere.
    var layers: [Digest] = []

    /// The media type that the body states, or that its structure implies: a body without one is OCI's, since Docker's always
    /// state it. nil if the stated type is not an image's.
    var ownMediaType: RegistryMediaType? {
        if let mediaType { return RegistryMediaType(rawValue: mediaType) }
        switch kind {
        case .index: return .ociIndex
        case .manifest: return .ociManifest
        }
    }

    init(parsing bytes: [UInt8]) throws(PromotedContentError) {
        let keys: Set<String>
        do throws(StrictJSON.ParseError) {
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
            /// Not a ``Digest``: an unknown algorithm here must not make the image unusable.
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
    /// Parses the raw bytes of an index or a manifest.
    ///
    /// - Parameter digest: the digest of the bytes, verified by the caller.
    /// - Throws: ``PromotedContentError`` if the bytes are neither, or both.
    package init(parsing bytes: [UInt8], digest: Digest) throws(PromotedContentError) {
        switch try ManifestBody(parsing: bytes).kind {
        case .index(let children):
            // The entries of a nested index are not in these bytes.
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

/// The reason that bytes are not an image index or manifest. Each description follows a file's name or a reference.
package enum PromotedContentError: Error, Hashable, CustomStringConvertible {
    case notJSON
    case neither
    case both
    case tooDeep
    case duplicateKey(String)
    case schemaOne

    package var description: String {
        switch self {
        case .notJSON: "is not an image index or manifest"
        case .neither: "is not an image index or manifest: it has neither 'manifests' nor 'config'"
        case .both: "is ambiguous: it has 'manifests' and also 'config' or 'layers'"
        case .tooDeep: "is not an image index or manifest: it is nested deeper than \(StrictJSON.maximumDepth) levels"
        case .duplicateKey(let key):
            "is ambiguous: it has the key '\(Sanitizer.singleLine(key, limit: 40))' twice in one object"
        case .schemaOne:
            "is a Docker schema 1 manifest, whose digest current engines do not report: push the image again"
        }
    }
}

/// The fields of an image's configuration that a promotion needs.
struct ImageConfiguration: Hashable, Sendable {
    /// The platform; nil if the configuration names none.
    var platform: Platform?
    /// The value of the label `org.opencontainers.image.revision`; nil without it.
    var revisionText: String?
    /// The time of the build, as the builder wrote it (RFC 3339).
    var created: String?

    static let revisionLabel = "org.opencontainers.image.revision"

    /// The revision, if it is a full commit id.
    var revision: GitSHA? { revisionText.flatMap { try? GitSHA(parsing: $0) } }

    /// nil if the bytes are not a configuration, or can be read as more than one.
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
