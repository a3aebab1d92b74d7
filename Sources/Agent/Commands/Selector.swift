import Shared

/// Which containers (or which file) make up a service.
enum Selector: Hashable, Sendable, CustomStringConvertible {
    /// Label `com.docker.compose.service`, or `io.podman.compose.service` on Podman; without a project, any one.
    case compose(project: String?, service: String)
    /// Label `com.docker.swarm.service.name`, with or without the stack's name in front.
    case swarm(String)
    /// The container's exact name.
    case container(String)
    case label(key: String, value: String)
    /// The normalised repository of the reference that the container was created from.
    case image(repository: String)
    case file(path: String)

    /// Kinds, as a selector begins and as the configuration file has them.
    static let kinds = ["compose", "swarm", "container", "label", "image", "file"]

    init(parsing text: String) throws(AgentError) {
        let shown = Sanitizer.singleLine(text, limit: 200)
        guard let colon = text.firstIndex(of: ":") else { throw .unknownSelector(shown) }
        let value = String(text[text.index(after: colon)...])
        let kind = text[..<colon]
        guard Self.kinds.contains(where: { $0 == kind }) else { throw .unknownSelector(shown) }
        guard !value.isEmpty else { throw .selectorValue(shown, why: "is empty: write a value behind the colon") }
        switch kind {
        case "compose":
            let parts = value.split(separator: "/" as Character, omittingEmptySubsequences: false).map { String($0) }
            guard parts.count <= 2, let service = parts.last, parts.allSatisfy({ !$0.isEmpty }) else {
                throw .selectorValue(shown, why: "is not usable: write compose:SERVICE or compose:PROJECT/SERVICE")
            }
            self = .compose(project: parts.count == 2 ? parts[0] : nil, service: service)
        case "swarm": self = .swarm(value)
        case "container": self = .container(value.hasPrefix("/") ? String(value.dropFirst()) : value)
        case "label":
            guard let equals = value.firstIndex(of: "="), equals != value.startIndex else {
                throw .selectorValue(shown, why: "has no value for its label: write label:KEY=VALUE")
            }
            self = .label(key: String(value[..<equals]), value: String(value[value.index(after: equals)...]))
        case "image":
            guard let reference = ImageReference(parsing: value), reference.tag == nil, reference.digest == nil else {
                throw .selectorValue(
                    shown,
                    why: "is no repository: write for example image:registry.example/canvas, without tag and digest")
            }
            self = .image(repository: reference.repository)
        default:
            guard !value.utf8.contains(0) else {
                throw .selectorValue(shown, why: "is no path: remove the NUL character")
            }
            self = .file(path: value)
        }
    }

    /// As a flag has it.
    var description: String {
        switch self {
        case .compose(let project, let service): "compose:\(project.map { "\($0)/" } ?? "")\(service)"
        case .swarm(let service): "swarm:\(service)"
        case .container(let name): "container:\(name)"
        case .label(let key, let value): "label:\(key)=\(value)"
        case .image(let repository): "image:\(repository)"
        case .file(let path): "file:\(path)"
        }
    }

    /// The selector that means one project or stack alone.
    func narrowed(to project: String) -> String {
        switch self {
        case .compose(_, let service): "compose:\(project)/\(service)"
        case .swarm(let service): "swarm:\(project)_\(service)"
        case .container, .label, .image, .file: description
        }
    }

    /// nil where an engine is asked.
    var filePath: String? {
        if case .file(let path) = self { path } else { nil }
    }
}
