package import Shared

/// An index or a manifest as stored by a registry: raw bytes that have passed all checks.
package struct RegistryManifest: Hashable, Sendable {
    /// The bytes exactly as sent. A tag is written with exactly these: any other byte would change the digest.
    package let bytes: [UInt8]
    /// The media type for writing it: the response's `Content-Type`, or the body's own if that is generic.
    package let mediaType: RegistryMediaType
    /// The SHA-256 of ``bytes``, never a header's value.
    package let digest: Digest
    package let body: ManifestBody

    /// - Parameters:
    ///   - contentType: the response's `Content-Type`. If it is generic or missing, the body's media type counts.
    ///   - stated: the response's `Docker-Content-Digest`.
    ///   - wanted: the requested digest; nil for a tag.
    package init(bytes: [UInt8], contentType: String?, stated: String?, wanted: Digest?) throws(ManifestError) {
        let digest = Digest(sha256Of: bytes)
        let essence = contentType.map(RegistryMediaType.essence) ?? ""
        // An HTML page comes from an intermediary and proves nothing about the image, whatever its digest.
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

/// The reason that a response is not a usable index or manifest. Each description follows a reference.
package enum ManifestError: Error, Hashable, CustomStringConvertible {
    case page
    case otherBytes(Digest)
    case otherDigestStated(String)
    case otherMediaType(String)
    case contradiction(String, String)
    case content(PromotedContentError)

    /// True if the image itself is at fault. Otherwise the response is, and nothing is known about the image.
    var isAboutTheImage: Bool {
        switch self {
        case .page, .otherBytes, .otherDigestStated: false
        case .otherMediaType, .contradiction, .content: true
        }
    }

    package var description: String {
        switch self {
        case .page: "was answered with an HTML page: check the registry's address, or the proxy in front of it"
        case .otherBytes(let digest):
            "was answered with different content (\(digest.short)): a proxy or the registry's storage is broken"
        case .otherDigestStated(let text):
            "was answered with content that does not match its Docker-Content-Digest "
                + "'\(Sanitizer.singleLine(text, limit: 90))': a proxy or the registry's storage is broken"
        case .otherMediaType(let type):
            "has the media type '\(Sanitizer.singleLine(type, limit: 90))': expected an OCI or Docker index or manifest"
        case .contradiction(let own, let header):
            "is ambiguous: its media type is '\(Sanitizer.singleLine(own, limit: 90))', and it is served as "
                + "'\(Sanitizer.singleLine(header, limit: 90))'"
        case .content(let error): "\(error)"
        }
    }
}

/// The four media types that a tag can refer to: index and manifest, of OCI and of Docker.
///
/// Source: OCI image specification, "Media Types"; Docker's "Image Manifest Version 2, Schema 2".
package enum RegistryMediaType: String, CaseIterable, Sendable {
    case ociIndex = "application/vnd.oci.image.index.v1+json"
    case dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
    case ociManifest = "application/vnd.oci.image.manifest.v1+json"
    case dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

    /// The `Accept` header: all four. Without the index types a registry picks a platform by itself, and without any it may
    /// send a schema 1 manifest. Either would be another digest.
    package static let accept = allCases.map(\.rawValue).joined(separator: ", ")

    package var isIndex: Bool {
        switch self {
        case .ociIndex, .dockerList: true
        case .ociManifest, .dockerManifest: false
        }
    }

    /// The configurations of runnable images. Other artifacts (charts, signatures, …) have manifests, too.
    static let imageConfigurations: Set<String> = [
        "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
    ]

    /// Content types of storage and proxies that do not know images. The body's own media type counts then.
    static let generic: Set<String> = [
        "", "application/json", "application/octet-stream", "binary/octet-stream", "text/plain", "text/json",
    ]

    /// The media type of a `Content-Type` without its parameters, in lower case.
    static func essence(of contentType: String) -> String {
        let head = contentType.prefix { $0 != ";" }
        return head.filter { !$0.isWhitespace }.lowercased()
    }
}
