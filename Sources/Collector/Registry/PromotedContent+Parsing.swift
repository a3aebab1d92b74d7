import FoundationEssentials
import Shared

extension PromotedContent {
    /// Reads the raw bytes of an index or a manifest (OCI image specification; Docker's schema 2 has the same fields).
    ///
    /// - Parameter digest: what the bytes hash to; the caller has checked it.
    /// - Throws: ``PromotedContentError`` where the bytes are neither, or both.
    init(parsing bytes: [UInt8], digest: Digest) throws(PromotedContentError) {
        let parsed: Wire
        do {
            parsed = try JSONDecoder().decode(Wire.self, from: Data(bytes))
        } catch {
            throw .notJSON
        }
        switch (parsed.manifests, parsed.config) {
        case (let children?, nil):
            isIndex = true
            manifests = children.filter { !$0.isAttestation }.map {
                Manifest(digest: $0.digest, platform: $0.platform?.platform, config: nil)
            }
        case (nil, let config?):
            isIndex = false
            manifests = [Manifest(digest: digest, platform: nil, config: config.digest)]
        case (nil, nil): throw .neither
        case (_?, _?): throw .both
        }
    }

    private struct Wire: Decodable {
        struct Descriptor: Decodable {
            struct PlatformFields: Decodable {
                var os: String
                var architecture: String
                var variant: String?

                var platform: Platform { Platform(os: os, architecture: architecture, variant: variant) }
            }

            var digest: Digest
            var platform: PlatformFields?
            var annotations: [String: String]?

            /// Provenance and bills of materials travel in the index and never run.
            var isAttestation: Bool {
                platform?.platform.isAttestation == true
                    || annotations?["vnd.docker.reference.type"] == "attestation-manifest"
            }
        }

        var manifests: [Descriptor]?
        var config: Descriptor?
    }
}

/// Why bytes are no promoted content. One sentence each, for behind the file's name.
enum PromotedContentError: Error, Hashable, CustomStringConvertible {
    case notJSON
    case neither
    case both

    var description: String {
        switch self {
        case .notJSON: "is no image index or manifest: save one with 'skopeo inspect --raw'"
        case .neither: "has neither 'manifests' nor 'config', so it is no image index or manifest"
        case .both: "has both 'manifests' and 'config', so it cannot be trusted to be either"
        }
    }
}
