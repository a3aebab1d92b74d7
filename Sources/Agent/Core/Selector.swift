import Shared

/// The containers, or the file, that make up a service.
package enum Selector: Hashable, Sendable, CustomStringConvertible {
    /// Label `com.docker.compose.service`, or `io.podman.compose.service` on Podman; without a project, containers of any
    /// project match.
    case compose(project: String?, service: String)
    /// Label `com.docker.swarm.service.name`, with or without the stack's name in front.
    case swarm(String)
    /// The container's exact name.
    case container(String)
    case label(key: String, value: String)
    /// The normalised repository of the reference that the container was created from.
    case image(repository: String)
    case file(path: String)

    /// The selector's text form, as in a flag.
    package var description: String {
        switch self {
        case .compose(let project, let service): "compose:\(project.map { "\($0)/" } ?? "")\(service)"
        case .swarm(let service): "swarm:\(service)"
        case .container(let name): "container:\(name)"
        case .label(let key, let value): "label:\(key)=\(value)"
        case .image(let repository): "image:\(repository)"
        case .file(let path): "file:\(path)"
        }
    }

    /// The selector's text form, restricted to one project or stack.
    func narrowed(to project: String) -> String {
        switch self {
        case .compose(_, let service): "compose:\(project)/\(service)"
        case .swarm(let service): "swarm:\(project)_\(service)"
        case .container, .label, .image, .file: description
        }
    }

    /// The path of a `file:` selector; nil if the service is on an engine.
    package var filePath: String? {
        if case .file(let path) = self { path } else { nil }
    }

    /// True if the selector names only a service, which a host can run in several projects.
    var canMatchSeveralProjects: Bool {
        switch self {
        case .compose(let project, _): project == nil
        case .swarm: true
        case .container, .label, .image, .file: false
        }
    }

    /// True if an entry of the engine's list might belong to the service.
    ///
    /// Once a tag names another image, the list shows the image's id in place of the reference, so `image:` has to inspect
    /// such containers.
    package func canMatch(_ entry: EngineAPI.ListedContainer, podman: Bool) -> Bool {
        guard case .image(let repository) = self else { return matches(entry, typedImage: "", podman: podman) }
        let shown = entry.image ?? ""
        let isID = shown.hasPrefix("sha256:") || shown.utf8.allSatisfy { $0.isASCIIDigit || (97...102).contains($0) }
        if isID { return true }
        guard let reference = ImageReference(parsing: shown) else { return true }
        return reference.repository == repository
    }

    /// True if a container belongs to the service.
    ///
    /// - Parameter typedImage: `.Config.Image` of its inspection.
    package func matches(_ entry: EngineAPI.ListedContainer, typedImage: String, podman: Bool) -> Bool {
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

    /// The project name as Compose writes it into the label.
    ///
    /// Source: compose-spec/compose-go, `loader.NormalizeProjectName`.
    private static func normalizedProject(_ name: String) -> String {
        let plain = name.lowercased().unicodeScalars.filter { scalar in
            ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) || scalar == "_" || scalar == "-"
        }
        return String(String.UnicodeScalarView(plain.drop { $0 == "_" || $0 == "-" }))
    }

    /// True if the labels name the service, with or without its stack. Docker prefixes the service's name with the stack's:
    /// `shop_canvas` is the service `canvas` of the stack `shop`.
    private static func isSwarmService(_ labels: [String: String], _ service: String) -> Bool {
        guard let name = labels[ContainerOrigin.Label.swarmService] else { return false }
        return name == service
            || labels[ContainerOrigin.Label.stack].map { name == "\($0)_\(service)" } ?? false
    }
}
