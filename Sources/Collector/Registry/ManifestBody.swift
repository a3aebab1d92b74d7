import FoundationEssentials
import Shared

/// What the bytes of an index or a manifest say, once they have passed every check that needs nothing but them.
///
/// Source: OCI image specification, "Image Index" and "Image Manifest"; Docker's schema 2 has the same fields.
struct ManifestBody: Hashable, Sendable {
    /// What one document says about another.
    struct Descriptor: Hashable, Sendable {
        var mediaType: String?
        var digest: Digest
        var platform: Platform?
        /// Provenance and bills of materials travel in the index and never run.
        var isAttestation: Bool

        var isIndex: Bool { mediaType.flatMap(RegistryMediaType.init)?.isIndex == true }
    }

    enum Kind: Hashable, Sendable {
        case index([Descriptor])
        case manifest(config: Descriptor)
    }

    var kind: Kind
    /// What the body itself gives as its media type.
    var mediaType: String?

    init(parsing bytes: [UInt8]) throws(PromotedContentError) {
        let keys: Set<String>
        do throws(JSONGuard.Defect) {
            keys = try JSONGuard.keys(of: bytes)
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

        var schemaVersion: Int?
        var mediaType: String?
        var manifests: [Descriptor]?
        var config: Descriptor?
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
