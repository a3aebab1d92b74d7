package import Shared

/// An index or a manifest as a registry keeps it: its raw bytes, and what was checked about them.
///
/// There is no other way to have one than through the checks.
package struct RegistryManifest: Hashable, Sendable {
    /// Exactly as sent. To be put under another tag exactly so: any other byte is another digest.
    package let bytes: [UInt8]
    /// What it is put as: the answer's `Content-Type`, or, where that was generic, what the body says or is by its structure.
    package let mediaType: RegistryMediaType
    /// The SHA-256 of ``bytes``; never what a header says.
    package let digest: Digest
    package let body: ManifestBody

    /// - Parameters:
    ///   - contentType: the answer's `Content-Type`. One that is generic, or missing, leaves it to the body to say what it is.
    ///   - stated: the answer's `Docker-Content-Digest`, where it has one.
    ///   - wanted: the digest that was asked for; nil for a tag.
    package init(bytes: [UInt8], contentType: String?, stated: String?, wanted: Digest?) throws(ManifestError) {
        guard let digest = Digest(sha256: SHA256.hash(bytes)) else { throw .notHashable }
        let essence = contentType.map(RegistryMediaType.essence) ?? ""
        // A page in between says nothing about the image, whatever it hashes to.
        guard essence != "text/html" else { throw .page }
        if let wanted, digest != wanted { throw .otherBytes(digest) }
        if let stated, stated != digest.description { throw .otherDigestStated(stated) }
        let served = RegistryMediaType(rawValue: essence)
        guard served != nil || RegistryMediaType.generic.contains(essence) else {
            guard !essence.hasPrefix("application/vnd.docker.distribution.manifest.v1+") else {
                throw .content(.schemaOne)
            }
            throw .otherMediaType(essence)
        }
        let body: ManifestBody
        do throws(PromotedContentError) {
            body = try ManifestBody(parsing: bytes)
        } catch {
            guard served == nil, error == .notJSON || error == .neither else { throw .content(error) }
            throw .otherMediaType(essence)
        }
        guard let mediaType = served ?? body.ownMediaType else { throw .otherMediaType(body.mediaType ?? essence) }
        if let own = body.mediaType, own != mediaType.rawValue { throw .contradiction(own, essence) }
        let isIndex = if case .index = body.kind { true } else { false }
        guard isIndex == mediaType.isIndex else {
            throw .contradiction(isIndex ? "an index" : "a manifest", mediaType.rawValue)
        }
        (self.bytes, self.mediaType, self.digest, self.body) = (bytes, mediaType, digest, body)
    }
}

/// Why an answer is no index or manifest that can be used. For behind the reference.
package enum ManifestError: Error, Hashable, CustomStringConvertible {
    case notHashable
    case page
    case otherBytes(Digest)
    case otherDigestStated(String)
    case otherMediaType(String)
    case contradiction(String, String)
    case content(PromotedContentError)

    /// Whether the image itself is at fault. Otherwise whoever answered is, and nothing is known about the image.
    var isAboutTheImage: Bool {
        switch self {
        case .notHashable, .page, .otherBytes, .otherDigestStated: false
        case .otherMediaType, .contradiction, .content: true
        }
    }

    package var description: String {
        switch self {
        case .notHashable: "cannot be hashed"
        case .page: "is answered with a page of HTML: is this the registry, or something in front of it?"
        case .otherBytes(let digest):
            "is answered with other bytes, which hash to \(digest.short): a proxy or the registry's storage is broken"
        case .otherDigestStated(let text):
            "is answered with bytes that do not hash to the Docker-Content-Digest beside them, "
                + "'\(Sanitizer.singleLine(text, limit: 90))': a proxy or the registry's storage is broken"
        case .otherMediaType(let type):
            "has the media type '\(Sanitizer.singleLine(type, limit: 90))', which is no image's: expected an OCI or Docker index or "
                + "manifest"
        case .contradiction(let own, let header):
            "calls itself '\(Sanitizer.singleLine(own, limit: 90))' and is served as '\(Sanitizer.singleLine(header, limit: 90))', so that "
                + "two readers may see two images in it"
        case .content(let error): "\(error)"
        }
    }
}

/// The four kinds of documents that a tag can name: OCI's and Docker's, index and manifest.
///
/// Source: OCI image specification, "Media Types"; Docker's "Image Manifest Version 2, Schema 2".
package enum RegistryMediaType: String, CaseIterable, Sendable {
    case ociIndex = "application/vnd.oci.image.index.v1+json"
    case dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
    case ociManifest = "application/vnd.oci.image.manifest.v1+json"
    case dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

    /// All four and nothing else. Without the lists a registry picks a platform by itself, and without any it may answer a
    /// schema 1 manifest: other bytes, and so another digest, in both cases.
    package static let accept = allCases.map(\.rawValue).joined(separator: ", ")

    package var isIndex: Bool {
        switch self {
        case .ociIndex, .dockerList: true
        case .ociManifest, .dockerManifest: false
        }
    }

    /// Configurations of images; what else has a manifest (charts, signatures, …) runs nowhere.
    static let imageConfigurations: Set<String> = [
        "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
    ]

    /// What says no more than that bytes come: storage and proxies that do not know images say these, or nothing. The body's
    /// own media type decides then.
    static let generic: Set<String> = [
        "", "application/json", "application/octet-stream", "binary/octet-stream", "text/plain", "text/json",
    ]

    /// A `Content-Type` without its parameters, in lower case.
    static func essence(of contentType: String) -> String {
        let head = contentType.prefix { $0 != ";" }
        return head.filter { !$0.isWhitespace }.lowercased()
    }
}
