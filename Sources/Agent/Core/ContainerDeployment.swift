import Shared

extension Instance.Deployment {
    /// Reads the tool and its names from a container's labels.
    ///
    /// Labels are foreign text. Names become one clean line. A path that is not absolute or not one clean line is left out,
    /// since a changed path would name another file.
    ///
    /// - Parameter containerName: the container's name, without the leading slash.
    init(labels: [String: String], containerName: String) {
        let label = { (key: String) in
            labels[key].map { Sanitizer.singleLine($0, limit: 255) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        if let service = label(Label.composeService) ?? label(Label.podmanComposeService) {
            self.init(
                tool: .compose, group: label(Label.composeProject) ?? label(Label.podmanComposeProject), name: service)
            addFiles(labels)
        } else if let service = label(Label.swarmService) {
            self.init(tool: .swarm, group: label(Label.stack), name: service)
        } else if let service = label(Label.kamalService), label(Label.kamalRole) != nil {
            // Kamal's labels have no prefix, so a single one could come from any tool.
            self.init(tool: .kamal, group: label(Label.kamalDestination), name: service)
        } else if let allocation = label(Label.nomadAllocation) {
            self.init(
                tool: .nomad, group: label(Label.nomadJob),
                name: label(Label.nomadTask) ?? Self.nomadTask(allocation, containerName))
        } else if let container = label(Label.kubernetesContainer) {
            self.init(tool: .kubernetes, group: label(Label.kubernetesNamespace), name: container)
        } else if let unit = label(Label.systemdUnit) {
            self.init(tool: .systemd, name: unit)
        } else {
            self.init(tool: .direct)
        }
    }

    private typealias Label = ContainerOrigin.Label

    /// The task in a container's name, `TASK-ALLOCATION`. By default, the allocation is Nomad's only label.
    private static func nomadTask(_ allocation: String, _ containerName: String) -> String? {
        guard containerName.hasSuffix("-\(allocation)") else { return nil }
        return Sanitizer.singleLine(containerName.dropLast(allocation.count + 1), limit: 255)
    }

    // MARK: - Compose

    /// The schema's limit.
    private static let fileLimit = 8
    /// The schema's limit.
    private static let pathLimit = 512

    /// The names that Compose looks for. Source: compose-spec/compose-go, `cli/options.go`.
    private static let fileNames = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]
    private static let overrideNames = [
        "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml",
    ]

    /// Adds the project's folder, and the files that Compose does not find there by itself. If one of them cannot be named,
    /// neither folder nor files are, because a command without it would deploy something else.
    private mutating func addFiles(_ labels: [String: String]) {
        let folder = labels[Label.composeDirectory].flatMap(Self.path)
        guard let list = labels[Label.composeFiles], !list.isEmpty else {
            directory = folder
            return
        }
        // Compose separates the paths with commas and does not escape commas in them.
        guard folder?.contains(",") != true else { return }
        let paths = list.split(separator: "," as Character).map { Self.path(String($0), in: folder) }
        let found = paths.compactMap { $0 }
        guard found.count == paths.count, found.count <= Self.fileLimit else { return }
        directory = folder
        files = Self.areFound(found, in: folder) ? [] : found
    }

    /// The absolute path of a file. Compose v1 and podman-compose can record it relative to the project's folder.
    private static func path(_ text: String, in folder: String?) -> String? {
        if text.hasPrefix("/") { return path(text) }
        // A single hyphen is standard input.
        guard let folder, text != "-" else { return nil }
        let relative = text.hasPrefix("./") ? String(text.dropFirst(2)) : text
        return path(folder.hasSuffix("/") ? folder + relative : "\(folder)/\(relative)")
    }

    private static func path(_ text: String) -> String? {
        let isUsable =
            text.hasPrefix("/") && text.unicodeScalars.count <= pathLimit && Sanitizer.isVisibleLine(text)
        return isUsable ? text : nil
    }

    /// True if Compose finds exactly these files without being told: one of its names in the folder, and an override.
    private static func areFound(_ files: [String], in folder: String?) -> Bool {
        guard let folder, (1...2).contains(files.count) else { return false }
        let prefix = folder.hasSuffix("/") ? folder : "\(folder)/"
        return zip(files, [fileNames, overrideNames]).allSatisfy { file, names in
            file.hasPrefix(prefix) && names.contains(String(file.dropFirst(prefix.count)))
        }
    }
}
