import Shared

/// The instances of a service among the containers that match its selector: a pure function of an engine's facts.
///
/// Every container is either an instance or left out with a reason. Every running container that is neither a one-off nor
/// infrastructure is an instance.
struct InstanceSelection: Hashable, Sendable {
    struct LeftOut: Hashable, Sendable {
        var container: ContainerFacts
        var reason: LeftOutContainer.Reason
    }

    /// The instances, in the order of the containers.
    let instances: [ContainerFacts]
    /// The other containers with their reasons, in the order of the containers.
    let leftOut: [LeftOut]
    /// The projects that a selector without a project matches, if there are several, so that the selector is ambiguous; nil
    /// stands for containers without a project. Empty if the selector is unambiguous.
    let ambiguousProjects: [String?]

    /// - Parameter containers: the containers that match the selector, each once.
    init(_ containers: [ContainerFacts], selector: Selector) {
        let deployed = containers.filter { Self.reasonNeverDeployed($0) == nil }
        var instances: [ContainerFacts] = []
        var leftOut: [LeftOut] = []
        for container in containers {
            if let reason = Self.reasonNeverDeployed(container) ?? Self.reasonObsolete(container, among: deployed) {
                leftOut.append(LeftOut(container: container, reason: reason))
            } else {
                instances.append(container)
            }
        }
        (self.instances, self.leftOut) = (instances, leftOut)
        // Replaced containers and tasks count, too: a project whose instances were removed must not go unnoticed.
        let projects = selector.canMatchSeveralProjects ? Set(deployed.map(\.origin.project)) : []
        ambiguousProjects = projects.count > 1 ? projects.sorted { ($0 ?? "") < ($1 ?? "") } : []
    }

    /// The reason why a container is never an instance, whatever its state; nil if it can be one.
    private static func reasonNeverDeployed(_ container: ContainerFacts) -> LeftOutContainer.Reason? {
        if container.origin.isOneOff { return .oneOff }
        return container.isPodInfrastructure || container.origin.isInfrastructure ? .infrastructure : nil
    }

    /// The reason why a stopped container is no longer an instance; nil if it still is.
    private static func reasonObsolete(
        _ container: ContainerFacts, among others: [ContainerFacts]
    ) -> LeftOutContainer.Reason? {
        guard container.state.isStopped else { return nil }
        let others = others.filter { $0.id != container.id }
        if others.contains(where: { isTask(container, of: $0) }) { return .task }
        return others.contains { isReplaced(container, by: $0) } ? .replaced : nil
    }

    /// True if another container fills the slot of a stopped one.
    ///
    /// In a labelled slot, the latest container counts, whatever its state: five dead tasks of a Swarm slot are one instance
    /// that does not run. Without labels, only a running instance can have replaced another.
    private static func isReplaced(_ container: ContainerFacts, by other: ContainerFacts) -> Bool {
        guard let created = container.createdAt, let later = other.createdAt, created < later else { return false }
        switch (container.origin.slot, other.origin.slot) {
        case (let slot?, let otherSlot?): guard slot.matches(otherSlot) else { return false }
        case (_?, nil): return false
        case (nil, _): guard other.state.isUp else { return false }
        }
        return !wasStartedAgain(container, after: other)
    }

    /// True if an operator started a container after its replacement, as a rollback does. The engine's own restarts do not
    /// count: a crash loop goes on until the deployment that replaces it stops it.
    private static func wasStartedAgain(_ container: ContainerFacts, after other: ContainerFacts) -> Bool {
        guard container.restartCount ?? 0 == 0, let start = container.state.startTime,
            let otherStart = other.state.startTime
        else { return false }
        return otherStart < start
    }

    /// True if a container completed so that another of its Compose project could start: a migration, for example.
    ///
    /// Compose v2 labels the other container with the services that it waits for. Without that label, a task is a container
    /// that ended with 0, is not restarted, was created first and ended before the other started.
    private static func isTask(_ container: ContainerFacts, of other: ContainerFacts) -> Bool {
        guard container.state.status == "exited", container.state.exitCode == 0,
            let slot = container.origin.slot, let otherSlot = other.origin.slot,
            slot.tool == .compose, otherSlot.tool == .compose, slot.group == otherSlot.group,
            slot.unit != otherSlot.unit
        else { return false }
        if let completed = other.origin.completedDependencies { return completed.contains(slot.unit) }
        guard other.state.isUp, ["", "no"].contains(container.restartPolicy),
            let created = container.createdAt, let otherCreated = other.createdAt, created <= otherCreated,
            let end = container.state.finishedAt.flatMap(EngineTime.init), let otherStart = other.state.startTime
        else { return false }
        return end <= otherStart
    }
}
