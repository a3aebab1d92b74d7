import AgentCore
import Shared

/// A configuration file for the services that a survey found, with comments for the operator.
struct ConfigurationDraft: Sendable {
    let survey: EngineSurvey
    /// True if the engines were named, and the agent's default does not find them.
    let namesEngines: Bool
    /// True for `--allow-plain-engine`.
    let allowsPlainEngine: Bool

    /// The maximum number of lines for containers that are left out.
    private static let leftOutLimit = 64

    /// The text of the file.
    ///
    /// - Throws: ``ConfigurationError`` if the agent would not read these services from it.
    func text() throws(ConfigurationError) -> String {
        var text = rendered(commenting: true)
        // Comments are the larger part by far.
        if text.utf8.count > ConfigurationText.sizeLimit { text = rendered(commenting: false) }
        let services = try ConfigurationFile(Array(text.utf8), named: "agent.yaml").services
        let expected = survey.services.filter { $0.obstacle == nil }.map(\.declaration)
        guard services.map({ "\($0.name.text)=\($0.selector)" }) == expected.map({ "\($0.name)=\($0.selection)" })
        else {
            let problem = ConfigurationProblem(text: "would not declare the services that were found")
            throw ConfigurationError(file: "agent.yaml", problems: [problem])
        }
        return text
    }

    private func rendered(commenting: Bool) -> String {
        var lines = Self.comment(
            "Configuration of this host's agent, written by buildinfo-agent init from \(survey.engineNames).",
            "After a change: buildinfo-agent check, then systemctl reload-or-restart buildinfo-reader buildinfo-agent.",
            "For all keys: buildinfo-agent check --keys.")
        lines.append("")
        lines += engines
        let active = survey.services.filter { $0.obstacle == nil }
        if active.isEmpty {
            lines += Self.comment(
                "No service runs on the engine. List yours, for example:", "", "services:",
                "  - {name: canvas, compose: shop/canvas, instances: 2}")
            lines.append("services: []")
        } else {
            lines += Self.comment(
                "Remove the services that your pipeline does not deploy. The first one answers GET /buildinfo, and each one "
                    + "GET /buildinfo/NAME.")
            lines.append("services:")
            for (index, service) in active.enumerated() {
                if commenting, index > 0 { lines.append("") }
                if commenting { lines += remarks(on: service).map { "  # \(Self.line($0))" } }
                lines += Self.entry(service.declaration).map { "  \($0)" }
            }
        }
        let inactive = survey.services.filter { $0.obstacle != nil }
        for service in inactive.prefix(Self.leftOutLimit) {
            lines += ["", "  # Not reported: \(Self.line(service.obstacle ?? ""))"]
            lines += Self.entry(service.declaration).map { "  # \($0)" }
        }
        var others = survey.leftOut
        others += inactive.dropFirst(Self.leftOutLimit).map { "\($0.declaration.selector): \($0.obstacle ?? "")" }
        if !others.isEmpty {
            lines.append("")
            lines += Self.comment("Left out:")
            lines += others.prefix(Self.leftOutLimit).map { "#   \(Self.line($0))" }
            if others.count > Self.leftOutLimit { lines.append("#   and \(others.count - Self.leftOutLimit) more") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var engines: [String] {
        guard namesEngines else { return [] }
        let isRemote = survey.engines.contains { if case .tcp = $0.address { true } else { false } }
        let hasTLS = survey.engines.contains { if case .tcp(_, _, _?) = $0.address { true } else { false } }
        var lines: [String] = []
        if hasTLS { lines.append("# The agent needs DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH in its environment.") }
        if isRemote { lines.append("# The package's reader needs the drop-in engine-tcp.conf for an engine over TCP.") }
        lines.append("engines:")
        lines += survey.engines.map { "  - \(YAMLText.scalar("\($0.address)"))" }
        if allowsPlainEngine { lines.append("allow_plain_engine: true") }
        return lines + [""]
    }

    // MARK: - Services

    private static func entry(_ service: ServiceDeclaration) -> [String] {
        // The selector's prefix is its key.
        let selector = "\(service.selector)"
        let colon = selector.firstIndex(of: ":") ?? selector.endIndex
        let value = selector[colon...].dropFirst()
        return [
            "- name: \(YAMLText.scalar(service.name))", "  \(selector[..<colon]): \(YAMLText.scalar(String(value)))",
        ]
            + (service.expected.map { ["  instances: \($0)"] } ?? [])
    }

    /// What the service is and serves, and what keeps the agent from proving it, one line each.
    private func remarks(on service: FoundService) -> [String] {
        let instances = service.content.instances
        var lines = [
            "\(instances.map(\.name).listed(limit: 3)): \(instances.first?.deployment?.phrase ?? "a container")",
            Self.build(service.content),
        ]
        if let reason = service.content.reason { lines.append("Now: \(reason).") }
        if instances.contains(where: \.image.tagMoved) {
            lines.append("Its tag names another image on this host: a newer one was pulled, and does not run yet.")
        }
        switch (service.content.gitSHA, service.content.digest) {
        case (nil, nil):
            lines.append(
                "Nothing proves its build yet. \(Self.labelRemedy), and deploy what the host pulls from a registry.")
        case (nil, _): lines.append("Only its digest proves its build. \(Self.labelRemedy).")
        case (_, nil):
            lines.append(
                "Only its commit proves its build. For the digest, deploy what the host pulls from a registry.")
        default: break
        }
        if service.lacksHealthCheck { lines.append(Self.healthRemedy(instances.first?.deployment?.tool)) }
        return lines + selectorRemarks(service)
    }

    private static func build(_ content: DocumentContent) -> String {
        var references: [String] = []
        for instance in content.instances where !references.contains(instance.image.reference) {
            references.append(instance.image.reference)
        }
        let build = [content.digest?.short, content.gitSHA.map { "commit \($0.short)" }].compactMap { $0 }
        let verb = content.state == .serving ? "Serves" : "Runs"
        return "\(verb) \(references.listed(limit: 3))" + (build.isEmpty ? "" : ": \(build.joined(separator: ", "))")
    }

    private static let labelRemedy =
        "Build the image with --label \(BuildinfoProtocol.revisionLabel)=$(git rev-parse HEAD)"

    private static func healthRemedy(_ tool: Instance.Deployment.Tool?) -> String {
        let place = tool == .compose ? "healthcheck to the Compose file" : "HEALTHCHECK to the Dockerfile"
        return
            "No health check: a crash is noticed only when the process ends, and a process that hangs never. Add \(place)."
    }

    /// What can be wrong with the selector after the next deployment.
    private func selectorRemarks(_ service: FoundService) -> [String] {
        let instances = service.content.instances
        var lines: [String] = []
        let groups = Set(instances.map { $0.deployment?.group ?? "none" })
        if groups.count > 1 {
            lines.append(
                "Containers of \(groups.sorted().listed(limit: 4)) match: the service is proven only while all run one build."
            )
        }
        let folders = service.content.folders
        if folders.count > 1 {
            lines.append(
                "Projects in \(folders.listed(limit: 4)) have one name, so no selector tells them apart: give each its own with "
                    + "COMPOSE_PROJECT_NAME.")
        }
        guard case .container(let name) = service.declaration.selector,
            let reference = ImageReference(parsing: instances.first?.image.reference ?? "")
        else { return lines }
        if instances.first?.deployment?.tool == .direct, ServiceNames.looksGenerated(name) {
            lines.append(
                "The engine may have made up this name, and another one after the next run. Set --name, or select with "
                    + "image: \(reference.repository)")
        }
        let others = survey.services.filter { other in
            guard other != service, case .container = other.declaration.selector, other.obstacle == nil else {
                return false
            }
            return ImageReference(parsing: other.content.instances.first?.image.reference ?? "")?.repository
                == reference.repository
        }
        if !others.isEmpty {
            lines.append(
                "Others of the same repository: \(others.map(\.declaration.name).listed(limit: 3)). If they are replicas, write "
                    + "one service with image: \(reference.repository)")
        }
        return lines
    }

    // MARK: - Text

    private static func comment(_ lines: String...) -> [String] { lines.map { $0.isEmpty ? "#" : "# \($0)" } }

    /// Foreign text as a part of a comment.
    private static func line(_ text: String) -> String { Sanitizer.singleLine(text, limit: 400) }
}

extension EngineSurvey {
    /// The engines with their addresses, for example `docker 20.10.24 at /run/docker.sock`.
    var engineNames: String {
        engines.map { engine in
            let version = engine.identity.version.map { " \($0)" } ?? ""
            return
                "\(engine.identity.name.rawValue)\(version) at \(Sanitizer.singleLine("\(engine.address)", limit: 120))"
        }.joined(separator: " and ")
    }
}

/// Texts as values in YAML.
enum YAMLText {
    /// The text as a plain scalar if no parser takes it for anything else, else in double quotes.
    static func scalar(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let isLetter = { (byte: UInt8) in byte.isASCIIAlphanumeric && !byte.isASCIIDigit }
        let isPlain =
            bytes.first.map { isLetter($0) || $0 == UInt8(ascii: "/") } == true
            && bytes.allSatisfy { $0.isASCIIAlphanumeric || "._-/=".utf8.contains($0) }
            && !reserved.contains(text.lowercased())
        return isPlain ? text : quoted(text)
    }

    /// The words that YAML 1.1 takes for other values, and single letters of them.
    private static let reserved: Set = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case " "..."~": result.unicodeScalars.append(scalar)
            default:
                let hex = String(scalar.value, radix: 16)
                let (mark, width) = scalar.value <= 0xFF ? ("x", 2) : scalar.value <= 0xFFFF ? ("u", 4) : ("U", 8)
                result += "\\\(mark)" + String(repeating: "0", count: width - hex.count) + hex
            }
        }
        return result + "\""
    }
}
