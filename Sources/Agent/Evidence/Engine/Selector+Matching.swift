import Shared

extension Selector {
    /// Whether the selector names a service alone, of which a host may run one in each of several projects.
    var mayMatchSeveralProjects: Bool {
        switch self {
        case .compose(let project, _): project == nil
        case .swarm: true
        case .container, .label, .image, .file: false
        }
    }

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
        case .compose(let project, let service):
            entry.composeService(podman: podman) == service
                && (project.map { Self.isProject(labels, $0, podman: podman) } ?? true)
        case .swarm(let service): Self.isSwarmService(labels, service)
        case .container(let name): (entry.names ?? []).contains { $0 == name || $0 == "/\(name)" }
        case .label(let key, let value): labels[key] == value
        case .image(let repository): ImageReference(parsing: typedImage)?.repository == repository
        case .file: false
        }
    }

    private static func isProject(_ labels: [String: String], _ project: String, podman: Bool) -> Bool {
        let label =
            labels[ContainerOrigin.Label.composeProject]
            ?? (podman ? labels[ContainerOrigin.Label.podmanComposeProject] : nil)
        return label == project || label == normalizedProject(project)
    }

    /// What Compose makes of a project's name before it writes the label.
    ///
    /// Source: compose-spec/compose-go, `loader.NormalizeProjectName`.
    private static func normalizedProject(_ name: String) -> String {
        let plain = name.lowercased().unicodeScalars.filter { scalar in
            ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) || scalar == "_" || scalar == "-"
        }
        return String(String.UnicodeScalarView(plain.drop { $0 == "_" || $0 == "-" }))
    }

    /// Docker puts the stack's name in front of the service's: `shop_canvas` is the service `canvas` of the stack `shop`.
    private static func isSwarmService(_ labels: [String: String], _ service: String) -> Bool {
        guard let name = labels[ContainerOrigin.Label.swarmService] else { return false }
        return name == service
            || labels[ContainerOrigin.Label.stack].map { name == "\($0)_\(service)" } ?? false
    }
}

extension EngineAPI.ListedContainer {
    /// The Compose service that the labels name. `io.podman.compose.service` counts on Podman only.
    func composeService(podman: Bool) -> String? {
        labels?[ContainerOrigin.Label.composeService]
            ?? (podman ? labels?[ContainerOrigin.Label.podmanComposeService] : nil)
    }
}
