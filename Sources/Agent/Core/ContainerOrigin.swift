import Shared

/// The deployment that created a container, read from its labels. Other labels are not kept.
struct ContainerOrigin: Hashable, Sendable {
    /// The place in a deployment that one container fills at a time: recreating a container fills its slot again.
    struct Slot: Hashable, Sendable {
        var tool: Instance.Deployment.Tool
        /// The Compose project, Kamal destination, Nomad job or Kubernetes namespace; nil without one, as for Swarm.
        var group: String?
        /// The service in the tool's own terms, for example Kamal's service and role.
        var unit: String
        /// The replica's number; nil if the tool does not number replicas.
        var replica: String?

        /// True if both can be the same slot. A slot without a replica number can be any replica.
        func matches(_ other: Slot) -> Bool {
            (tool, group ?? "", unit) == (other.tool, other.group ?? "", other.unit)
                && (replica == nil || other.replica == nil || replica == other.replica)
        }
    }

    /// The Compose project or Swarm stack; at most 255 characters.
    var project: String?
    var deployment = Instance.Deployment(tool: .direct)
    /// The slot that the container fills; nil if no known tool created it.
    var slot: Slot?
    /// True if the container was started for one command.
    var isOneOff = false
    /// True if the container only holds namespaces for others.
    var isInfrastructure = false
    /// The Compose services that have to complete before this container starts; nil without the label.
    var completedDependencies: Set<String>?

    init() {}

    /// - Parameter name: the container's name, without the leading slash.
    init(labels: [String: String], name: String) {
        let label = { (key: String) in labels[key].flatMap { $0.isEmpty ? nil : $0 } }
        project =
            (label(Label.composeProject) ?? label(Label.podmanComposeProject) ?? label(Label.stack))
            .map { Sanitizer.singleLine($0, limit: 255) }
        deployment = Instance.Deployment(labels: labels, containerName: name)
        slot = Self.slot(label)
        isOneOff = labels[Label.oneOff]?.lowercased() == "true" || Self.isPodmanComposeRun(label, name: name)
        isInfrastructure =
            labels[Label.dockershimKind] == "podsandbox" || labels[Label.containerdKind] == "sandbox"
            || label(Label.nomadAllocation).map { name == "nomad_init_\($0)" } ?? false
        completedDependencies = labels[Label.dependsOn].map(Self.completedDependencies)
    }

    /// The labels of deployment tools.
    ///
    /// Source: docker/compose, `pkg/api/labels.go`; containers/podman-compose, `podman_compose.py`; moby,
    /// `daemon/cluster/executor/container/container.go`; basecamp/kamal, `lib/kamal/configuration/role.rb`; hashicorp/nomad,
    /// `drivers/docker/driver.go`; kubernetes, `pkg/kubelet/types/labels.go`; containers/podman,
    /// `pkg/systemd/define/const.go`.
    enum Label {
        static let composeService = "com.docker.compose.service"
        static let podmanComposeService = "io.podman.compose.service"
        static let composeProject = "com.docker.compose.project"
        static let podmanComposeProject = "io.podman.compose.project"
        static let composeDirectory = "com.docker.compose.project.working_dir"
        /// The paths of the Compose files, separated by commas.
        static let composeFiles = "com.docker.compose.project.config_files"
        static let composeNumber = "com.docker.compose.container-number"
        static let oneOff = "com.docker.compose.oneoff"
        /// For example `db:service_healthy:false,migrate:service_completed_successfully:false`.
        static let dependsOn = "com.docker.compose.depends_on"
        static let stack = "com.docker.stack.namespace"
        static let swarmService = "com.docker.swarm.service.name"
        static let swarmNode = "com.docker.swarm.node.id"
        static let swarmTaskID = "com.docker.swarm.task.id"
        /// `SERVICE.SLOT.TASK`, or `SERVICE.NODE.TASK` for a global service.
        static let swarmTaskName = "com.docker.swarm.task.name"
        static let kamalService = "service"
        static let kamalRole = "role"
        static let kamalDestination = "destination"
        static let nomadAllocation = "com.hashicorp.nomad.alloc_id"
        static let nomadJob = "com.hashicorp.nomad.job_name"
        static let nomadGroup = "com.hashicorp.nomad.task_group_name"
        static let nomadTask = "com.hashicorp.nomad.task_name"
        static let kubernetesNamespace = "io.kubernetes.pod.namespace"
        static let kubernetesContainer = "io.kubernetes.container.name"
        /// Set by Quadlet and by units of `podman generate systemd`.
        static let systemdUnit = "PODMAN_SYSTEMD_UNIT"
        static let ecsFamily = "com.amazonaws.ecs.task-definition-family"
        static let ecsContainer = "com.amazonaws.ecs.container-name"
        static let dokkuApp = "com.dokku.app-name"
        static let dockershimKind = "io.kubernetes.docker.type"
        static let containerdKind = "io.cri-containerd.kind"
    }

    private static func slot(_ label: (String) -> String?) -> Slot? {
        if let service = label(Label.composeService) ?? label(Label.podmanComposeService) {
            return Slot(
                tool: .compose, group: label(Label.composeProject) ?? label(Label.podmanComposeProject), unit: service,
                replica: label(Label.composeNumber))
        }
        if let service = label(Label.swarmService) {
            return Slot(tool: .swarm, group: nil, unit: service, replica: swarmSlot(service, label))
        }
        // Kamal's labels have no prefix, so a single one could come from any tool.
        if let service = label(Label.kamalService), let role = label(Label.kamalRole) {
            return Slot(tool: .kamal, group: label(Label.kamalDestination), unit: "\(service)/\(role)")
        }
        if let task = label(Label.nomadTask) {
            return Slot(
                tool: .nomad, group: label(Label.nomadJob), unit: "\(label(Label.nomadGroup) ?? "")/\(task)")
        }
        if let container = label(Label.kubernetesContainer) {
            return Slot(tool: .kubernetes, group: label(Label.kubernetesNamespace), unit: container)
        }
        return nil
    }

    /// The slot in the task's name, between the service's name and the task's id, which both can contain dots; the node's id
    /// if the task's name is missing or unexpected.
    private static func swarmSlot(_ service: String, _ label: (String) -> String?) -> String? {
        guard let name = label(Label.swarmTaskName), name.hasPrefix("\(service).") else {
            return label(Label.swarmNode)
        }
        let rest = name.dropFirst(service.count + 1)
        if let task = label(Label.swarmTaskID), rest.hasSuffix(".\(task)") {
            return String(rest.dropLast(task.count + 1))
        }
        return rest.split(separator: "." as Character).first.map { String($0) }
    }

    /// True for a container of `podman-compose run`, which labels it like the service's own containers, and names it
    /// `PROJECT_SERVICE_tmpNUMBER`.
    private static func isPodmanComposeRun(_ label: (String) -> String?, name: String) -> Bool {
        guard let project = label(Label.podmanComposeProject),
            let service = label(Label.podmanComposeService) ?? label(Label.composeService)
        else { return false }
        return ["_", "-"].contains { separator in
            let prefix = [project, service, "tmp"].joined(separator: separator)
            let number = name.dropFirst(prefix.count)
            return name.hasPrefix(prefix) && !number.isEmpty && number.utf8.allSatisfy(\.isASCIIDigit)
        }
    }

    private static func completedDependencies(_ text: String) -> Set<String> {
        Set(
            text.split(separator: "," as Character).compactMap { entry in
                let parts = entry.split(separator: ":" as Character)
                guard parts.count >= 2, parts[1] == "service_completed_successfully" else { return nil }
                return String(parts[0])
            })
    }
}
