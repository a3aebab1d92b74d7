import Shared

/// What selectors could name on an engine: for an operator whose own selector matches nothing.
struct ContainerListing: Hashable, Sendable {
    /// Selectors, one list a kind, each sorted; kinds of which there is nothing are left out.
    let selectors: [[String]]

    /// More of one kind are counted, not named.
    static let limit = 20

    init(_ listed: [EngineAPI.ListedContainer], podman: Bool) {
        let services = listed.compactMap { entry -> String? in
            guard let service = entry.composeService(podman: podman) else { return nil }
            let project = ContainerOrigin(labels: entry.labels ?? [:], name: "").project
            return "\(Selector.compose(project: project, service: service))"
        }
        let tasks = listed.compactMap { $0.labels?[ContainerOrigin.Label.swarmService].map { "\(Selector.swarm($0))" } }
        let names = listed.map { "\(Selector.container($0.displayName))" }
        selectors = [services, tasks, names].map { Set($0).sorted() }.filter { !$0.isEmpty }
    }

    /// One line a kind.
    var lines: [String] {
        guard !selectors.isEmpty else { return ["no containers, running or not"] }
        return selectors.map { kind in
            let named = kind.prefix(Self.limit).map { Sanitizer.singleLine($0, limit: 80) }
            let more = kind.count > named.count ? " and \(kind.count - named.count) more" : ""
            return named.joined(separator: ", ") + more
        }
    }
}
