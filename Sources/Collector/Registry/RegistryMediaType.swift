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
