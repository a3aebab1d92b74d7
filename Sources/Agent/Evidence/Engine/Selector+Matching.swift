import Shared

extension Selector {
    static let composeLabel = "com.docker.compose.service"
    static let podmanComposeLabel = "io.podman.compose.service"

    /// Whether an entry of the engine's list may belong to the service, as far as the list can tell.
    ///
    /// The list shows an image's id in place of its reference once the tag has moved on, so `image:` must inspect these.
    func mayMatch(_ entry: EngineAPI.ListedContainer, podman: Bool) -> Bool {
        guard case .image(let repository) = self else { return matches(entry, typedImage: "", podman: podman) }
        let shown = entry.image ?? ""
        let isID =
            shown.hasPrefix("sha256:") || shown.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        if isID { return true }
        guard let reference = ImageReference(parsing: shown) else { return true }
        return reference.repository == repository
    }

    /// Whether a container belongs to the service.
    ///
    /// - Parameter typedImage: `.Config.Image` of its inspection.
    func matches(_ entry: EngineAPI.ListedContainer, typedImage: String, podman: Bool) -> Bool {
        let labels = entry.labels ?? [:]
        return switch self {
        case .compose(let service):
            labels[Self.composeLabel] == service || podman && labels[Self.podmanComposeLabel] == service
        case .container(let name): (entry.names ?? []).contains { $0 == name || $0 == "/\(name)" }
        case .label(let key, let value): labels[key] == value
        case .image(let repository): ImageReference(parsing: typedImage)?.repository == repository
        case .file: false
        }
    }
}
