package import Shared
import Verdict

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
