import AgentCore
import Shared

extension Selector {
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
}
