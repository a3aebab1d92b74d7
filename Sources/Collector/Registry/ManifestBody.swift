import FoundationEssentials
package import Shared

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
