import Shared

/// The remedy for one host: a value with parameters, which is rendered and never executed.
///
/// Each command is as its tool documents it: Docker Compose (`docker compose up`), podman-compose, Swarm
/// (`docker service update`), Kamal (`kamal redeploy`), Nomad (`nomad job restart`), Kubernetes (`kubectl rollout restart`),
/// and systemd with Podman (podman-systemd.unit(5)). If the tool or one of its names is unknown, the remedy has words only.
package enum HostRemedy: Hashable, Sendable {
    /// Pull the image and replace the container.
    case deploy(ServiceSetup, ImageTracking)
    /// Replace the container: the image is on the host already.
    case recreate(ServiceSetup, ImageTracking)
    /// Start the service, of which no container is known.
    case start(service: String)
    /// Read the logs of a container.
    case readLogs(ServiceSetup)
    case unpause(ServiceSetup)
    /// Anything else, in words.
    case words(String)

    /// True if the remedy brings a build to the host, or starts the one that is already there.
    package var isRollout: Bool {
        switch self {
        case .deploy, .recreate, .start: true
        case .readLogs, .unpause, .words: false
        }
    }

    /// The remedy in one sentence, which contains the command if there is one.
    package var sentence: String { rendered.sentence }

    /// One line that can be copied to a shell on the host, or, if the sentence says so, to another place; nil without one.
    package var command: String? { rendered.command }

    private var rendered: Rendered {
        switch self {
        case .deploy(let setup, let image): Rollout(setup: setup, image: image, isPulled: false).rendered
        case .recreate(let setup, let image): Rollout(setup: setup, image: image, isPulled: true).rendered
        case .start(let service): Rendered("start or deploy \(Self.name(service)) on this host")
        case .readLogs(let setup): Self.logs(setup)
        case .unpause(let setup): Self.unpause(setup)
        case .words(let text): Rendered(text)
        }
    }

    fileprivate struct Rendered {
        var sentence: String
        var command: String?

        init(_ sentence: String) { self.sentence = sentence }

        /// - Parameters:
        ///   - command: nil if one of its words cannot be written.
        ///   - lead: words before the command.
        ///   - rest: words after the command.
        ///   - words: the sentence without a command.
        init(_ command: String?, lead: String = "run ", rest: String = "", else words: String) {
            guard let command, Self.isPrintable(command) else {
                sentence = words
                return
            }
            sentence = lead + command + rest
            self.command = command
        }

        /// True if no sanitiser or limit would change the command on its way to a reader.
        private static func isPrintable(_ command: String) -> Bool {
            Sanitizer.singleLine(command, limit: maximumCommand) == command
        }

        private static let maximumCommand = 400
    }

    // MARK: - Containers

    private static func logs(_ setup: ServiceSetup) -> Rendered {
        guard let engine = setup.engine else { return Rendered("look at its logs") }
        let container = setup.container ?? setup.service
        let words = "look at the logs of \(name(container))"
        switch (setup.deployment?.tool, setup.deployment?.name.flatMap(ShellWord.argument)) {
        case (.systemd, let unit?):
            return Rendered("journalctl -u \(unit)", lead: "", rest: rootless(engine), else: words)
        case (.swarm, let service?):
            return Rendered("docker service logs \(service)", lead: "", rest: " on a manager", else: words)
        default:
            let word = ShellWord.argument(container)
            return Rendered(word.map { "\(engine.rawValue) logs \($0)" }, lead: "", else: words)
        }
    }

    private static func unpause(_ setup: ServiceSetup) -> Rendered {
        let container = setup.container ?? setup.service
        let word = setup.engine == nil ? nil : ShellWord.argument(container)
        return Rendered(
            word.map { "\(setup.engine?.rawValue ?? "") unpause \($0)" }, else: "unpause \(name(container))")
    }

    /// Rootless Podman has units, images and containers of its own for each user.
    fileprivate static func rootless(_ engine: EngineIdentity.Name?) -> String {
        engine == .podman ? " (as its user with --user if rootless)" : ""
    }

    fileprivate static func name(_ text: String) -> String {
        let name = Sanitizer.singleLine(text, limit: 64)
        return name.isEmpty ? "''" : name
    }
}

/// The replacement of a service's container by one that runs the target.
private struct Rollout {
    let setup: ServiceSetup
    let image: ImageTracking
    /// True if the image is on the host already.
    let isPulled: Bool

    typealias Rendered = HostRemedy.Rendered

    var rendered: Rendered {
        switch setup.deployment?.tool {
        case .compose: compose
        case .swarm: swarm
        case .kamal: kamal
        case .nomad: nomad
        case .kubernetes: kubernetes
        case .systemd: systemd
        case .direct: direct
        case .other, nil: Rendered(neutral)
        }
    }

    private var service: String { HostRemedy.name(setup.service) }
    private var toolName: String { HostRemedy.name(setup.deployment?.name ?? setup.service) }
    private var container: String { HostRemedy.name(setup.container ?? setup.service) }
    private var engine: String { setup.engine?.rawValue ?? "docker" }

    /// The name that the tool uses for the service, as an argument.
    private var toolWord: String? { setup.deployment?.name.flatMap(ShellWord.argument) }

    private var group: String? { setup.deployment?.group }

    /// The image reference to pull.
    private var imageWord: String? { if case .moving(let text) = image { ShellWord.argument(text) } else { nil } }

    /// The pinned reference's replacement: `point it at X`.
    private func repin(_ what: String) -> String? {
        guard case .pinned(_, let target) = image else { return nil }
        let name = Sanitizer.singleLine(target ?? "", limit: 255)
        return "set \(what) to \(name.isEmpty ? "an image of the target" : name)"
    }

    /// Words that fit any tool.
    private var neutral: String {
        if let repin = repin("its image") { return "\(repin), then deploy \(service) again" }
        return isPulled ? "recreate the container of \(service)" : "deploy \(service) again"
    }

    // MARK: - Compose

    /// `up` replaces the container if its image differs. podman-compose compares only the service's configuration before
    /// 1.6, so it needs `--force-recreate`. `up` also resets the number of containers to the file's, unless it is given.
    private var compose: Rendered {
        let project = group.map { " of the Compose project \(HostRemedy.name($0))" } ?? ""
        let words = "\(neutral) with Compose, in the folder\(project)"
        guard let word = toolWord, let folder, let tool = composeTool else { return Rendered(words) }
        let scale = setup.instances > 1 ? "--scale \(word)=\(setup.instances) " : ""
        let force = setup.engine == .podman ? "--force-recreate " : ""
        let up = "\(tool) up -d \(force)\(scale)\(word)"
        let pull = isPulled ? "" : "\(tool) pull \(word) && "
        let lead = repin("its image in the Compose file").map { "\($0), then run " } ?? "run "
        return Rendered("cd \(folder) && \(pull)\(up)", lead: lead, else: words)
    }

    private var folder: String? {
        setup.deployment?.directory.flatMap { $0.hasPrefix("/") ? ShellWord.argument($0) : nil }
    }

    /// The program, with the options that name the project as it is; nil if one of them cannot be written.
    private var composeTool: String? {
        guard let deployment = setup.deployment, let directory = deployment.directory else { return nil }
        var words = setup.engine == .podman ? ["podman-compose"] : ["docker", "compose"]
        if let first = deployment.files.first, Self.folder(of: first, in: directory) != directory {
            // Compose resolves paths in its files against the first file's folder, unless another one is given.
            guard setup.engine != .podman, let word = ShellWord.argument(directory) else { return nil }
            words += ["--project-directory", word]
        }
        for file in deployment.files {
            guard let word = ShellWord.argument(Self.shortened(file, in: directory)) else { return nil }
            words += ["-f", word]
        }
        // The name of the folder is the default; another name came from -p, the file or the environment.
        if let project = deployment.group, project != Self.defaultProject(directory) {
            guard let word = ShellWord.argument(project) else { return nil }
            words += ["-p", word]
        }
        return words.joined(separator: " ")
    }

    private static func folder(of file: String, in directory: String) -> String {
        guard file.hasPrefix("/") else { return file.contains("/") ? "" : directory }
        let path = file[..<(file.lastIndex(of: "/") ?? file.startIndex)]
        return path.isEmpty ? "/" : String(path)
    }

    private static func shortened(_ file: String, in directory: String) -> String {
        let prefix = directory.hasSuffix("/") ? directory : directory + "/"
        let rest = file.dropFirst(prefix.count)
        return file.hasPrefix(prefix) && !rest.isEmpty && !rest.hasPrefix("/") ? String(rest) : file
    }

    /// The project name that every version of Compose derives from a folder; nil if versions differ.
    private static func defaultProject(_ directory: String) -> String? {
        let name = directory.split(separator: "/").last ?? ""
        let isPlain = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isPlain ? String(name) : nil
    }

    // MARK: - Orchestrators

    /// The command resolves the tag to its present digest. A service that is pinned can be re-pinned with the same command.
    private var swarm: Rendered {
        let word: String? =
            switch image {
            case .pinned(_, let target): target.flatMap(ShellWord.argument)
            case .moving, .unknown: imageWord
            }
        let command = word.flatMap { image in toolWord.map { "docker service update --image \(image) \($0)" } }
        return Rendered(
            command, rest: " on a manager (with --with-registry-auth for a private registry)",
            else: "update the Swarm service \(toolName) to the target's image, on a manager")
    }

    /// Kamal names images by commit. Without `--skip-push` it would build another image of its own.
    private var kamal: Rendered {
        let destination: String
        if let group {
            guard let word = ShellWord.argument(group) else {
                return Rendered("redeploy \(toolName) with Kamal, from its checkout")
            }
            destination = " -d \(word)"
        } else {
            destination = ""
        }
        return Rendered(
            "kamal redeploy --skip-push\(destination)", lead: "from its checkout, at the target's commit, run ",
            else: "redeploy \(toolName) with Kamal, from its checkout")
    }

    /// `nomad job run` changes nothing while the job file stays the same.
    private var nomad: Rendered {
        let job = group.map { "the Nomad job \(HostRemedy.name($0))" } ?? "its Nomad job"
        if let repin = repin("the image in the file of \(job)") { return Rendered("\(repin), then run the job") }
        let isLatest = setup.reference.flatMap { ImageReference(parsing: $0) }?.effectiveTag == "latest"
        return Rendered(
            group.flatMap(ShellWord.argument).map { "nomad job restart \($0)" },
            rest: isLatest ? "" : " (a tag other than latest needs force_pull)", else: "restart \(job)")
    }

    private var kubernetes: Rendered {
        let namespace = group.map { " in namespace \(HostRemedy.name($0))" } ?? ""
        let workload = "the workload of its container \(toolName)\(namespace)"
        if let repin = repin("the image of \(workload)") { return Rendered("\(repin) (kubectl set image)") }
        return Rendered("restart \(workload) (kubectl rollout restart)")
    }

    // MARK: - Units and containers

    private var systemd: Rendered {
        let unit = "the unit \(toolName)"
        let isUnit = toolWord != nil
        let restart = toolWord.map { "systemctl restart \($0)" }
        let rest = HostRemedy.rootless(setup.engine)
        if let repin = repin("the image of \(unit)") {
            return Rendered(
                restart.map { "systemctl daemon-reload && \($0)" }, lead: "\(repin), then run ", rest: rest,
                else: "\(repin), then restart it")
        }
        if isPulled { return Rendered(restart, rest: rest, else: "restart \(unit)") }
        let command = isUnit ? imageWord.flatMap { word in restart.map { "\(engine) pull \(word) && \($0)" } } : nil
        return Rendered(command, rest: rest, else: "pull its image, then restart \(unit)")
    }

    /// A container's options are in no file, so there is no command that repeats them.
    private var direct: Rendered {
        let recreate = "recreate \(container) with the options that it was started with"
        if case .pinned(_, let target) = image {
            return Rendered(
                target.flatMap(ShellWord.argument).map { "\(engine) pull \($0)" },
                rest: ", then recreate \(container) from that image with its other options",
                else: "recreate \(container) from an image of the target, with its other options")
        }
        if isPulled { return Rendered(recreate) }
        return Rendered(
            imageWord.map { "\(engine) pull \($0)" }, rest: ", then \(recreate)",
            else: "pull its image, then \(recreate)")
    }
}
