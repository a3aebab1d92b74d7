import Shared

/// A selector for the service that a container belongs to, and names for that service.
package struct SelectorSuggestion: Hashable, Sendable {
    /// Matches the container now, and the containers that replace it at later deployments.
    package let selector: Selector
    /// The tool's name for the service; foreign text.
    package let name: String
    /// The name with its project or stack, for a host on which several of them have the service; foreign text.
    package let qualifiedName: String
    /// True if the number of containers on a host is the operator's choice, and not a scheduler's.
    package let hasFixedCount: Bool
}

extension EngineAPI.ListedContainer {
    private typealias Label = ContainerOrigin.Label

    /// The selector for the container's service by its deployment tool, else by its own name; nil for a container that no
    /// selector can match.
    ///
    /// Kamal, Nomad, Kubernetes, Amazon ECS and Dokku give the next container another name, so a label has to name the service.
    package func suggestion(podman: Bool) -> SelectorSuggestion? {
        let label = { (key: String) in labels?[key].flatMap { $0.isEmpty ? nil : $0 } }
        let project = label(Label.composeProject) ?? (podman ? label(Label.podmanComposeProject) : nil)
        // A slash separates the two in a selector, and Compose permits it in neither.
        if let service = composeService(podman: podman), !service.isEmpty, !"\(service)\(project ?? "")".contains("/") {
            return SelectorSuggestion(
                selector: .compose(project: project, service: service), name: service,
                qualifiedName: project.map { "\($0)-\(service)" } ?? service, hasFixedCount: true)
        }
        if let service = label(Label.swarmService) {
            let prefix = label(Label.stack).map { "\($0)_" } ?? ""
            let name = service.hasPrefix(prefix) ? String(service.dropFirst(prefix.count)) : service
            return SelectorSuggestion(
                selector: .swarm(service), name: name, qualifiedName: service, hasFixedCount: false)
        }
        if label(Label.kamalRole) != nil, let service = label(Label.kamalService) {
            return SelectorSuggestion(
                selector: .label(key: Label.kamalService, value: service), name: service,
                qualifiedName: service, hasFixedCount: true)
        }
        let scheduled = [
            Label.nomadTask, Label.kubernetesContainer, Label.ecsContainer, Label.dokkuApp,
        ]
        for key in scheduled {
            guard let name = label(key) else { continue }
            return SelectorSuggestion(
                selector: .label(key: key, value: name), name: name, qualifiedName: name, hasFixedCount: false)
        }
        // By default, Nomad's only label is the allocation, which is another one after each deployment.
        if label(Label.nomadAllocation) != nil, let reference = image.flatMap(ImageReference.init) {
            let name = reference.path.split(separator: "/" as Character).last.map { String($0) } ?? reference.path
            return SelectorSuggestion(
                selector: .image(repository: reference.repository), name: name, qualifiedName: reference.path,
                hasFixedCount: false)
        }
        // Docker lists the names that links give to a container, too: /web/db.
        let all = (names ?? []).map { String($0.drop { $0 == "/" }) }
        guard let name = all.first(where: { !$0.isEmpty && !$0.contains("/") }) else { return nil }
        return SelectorSuggestion(selector: .container(name), name: name, qualifiedName: name, hasFixedCount: true)
    }

    /// True if the container runs one of our programs: by the label of our images, which Docker copies to the container, or
    /// by the image's name.
    package var isOurs: Bool {
        let programs = ["buildinfo-agent", "buildinfo-collector"]
        if let title = labels?["org.opencontainers.image.title"] { return programs.contains(title) }
        guard let path = image.flatMap(ImageReference.init)?.path else { return false }
        return programs.contains { path == $0 || path.hasSuffix("/\($0)") }
    }
}
