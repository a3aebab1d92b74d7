import AgentCore
import Shared

/// Converts the nodes of a configuration file according to the table of keys, and collects every problem.
struct ConfigurationReader {
    private(set) var problems: [ConfigurationProblem] = []
    private var file = ConfigurationFile()

    mutating func read(_ root: ConfigurationNode) -> ConfigurationFile {
        // An empty file leaves all defaults.
        guard !root.isNull else { return file }
        mapping(root, key: "", path: "")
        return file
    }

    private mutating func report(_ position: ConfigurationPosition, _ text: String) {
        problems.append(ConfigurationProblem(position: position, text: text))
    }

    // MARK: - Mappings

    /// Reads a mapping, and stores its values in ``file``.
    private mutating func mapping(_ node: ConfigurationNode, key: String, path: String) {
        for (name, value) in members(node, key: key, path: path, example: Self.example(path)) {
            let (key, path) = (key.isEmpty ? name : "\(key).\(name)", path.isEmpty ? name : "\(path).\(name)")
            if path == "services" {
                services(value)
            } else if let known = ConfigurationKey.at(path) {
                file.values[path] = values(value, of: known, key: key)
            } else if !value.isNull {
                mapping(value, key: key, path: path)
            }
        }
    }

    /// An example of a valid mapping, for the remedy.
    private static func example(_ path: String) -> String {
        switch path {
        case "": "for example services: [\(serviceExample)]"
        case "host": "host: {name: canvas-01}"
        case "log": "log: {level: debug}"
        case "access.tls": "tls: {certificate: /PATH, key: /PATH}"
        default:
            "\(path.split(separator: ".").last ?? ""): {\(ConfigurationKey.names(below: path).first ?? "key"): ...}"
        }
    }

    private static let serviceExample = "{name: canvas, compose: canvas}"

    /// The known keys of a mapping in the order of the file, each of them once.
    private mutating func members(
        _ node: ConfigurationNode, key: String, path: String, example: String
    ) -> [(name: String, value: ConfigurationNode)] {
        guard case .mapping(let pairs) = node.content else {
            if node.content != .refused {
                report(node.position, "\(key.isEmpty ? "the file" : key) needs keys: write \(example)")
            }
            return []
        }
        let known = ConfigurationKey.names(below: path)
        var first: [String: ConfigurationPosition] = [:]
        var members: [(String, ConfigurationNode)] = []
        for pair in pairs {
            guard case .scalar(let name, _) = pair.key.content else {
                if pair.key.content != .refused {
                    report(pair.key.position, "invalid key: expected a word, not \(pair.key.kind)")
                }
                continue
            }
            let shown = Sanitizer.singleLine(name, limit: 80)
            guard known.contains(name) else {
                let near = Suggestion.question(about: name, among: known)
                let remedy = near ?? "expected one of \(known.joined(separator: ", "))"
                report(pair.key.position, "unknown key '\(shown)'\(key.isEmpty ? "" : " in \(key)"): \(remedy)")
                continue
            }
            if let before = first[name] {
                let full = key.isEmpty ? shown : "\(key).\(shown)"
                report(pair.key.position, "\(full) is set twice, first in line \(before.line): remove one")
                continue
            }
            first[name] = pair.key.position
            members.append((name, pair.value))
        }
        return members
    }

    // MARK: - Values

    private mutating func values(
        _ node: ConfigurationNode, of known: ConfigurationKey, key: String
    ) -> [ConfigurationFile.Value] {
        guard known.shape == .texts, case .sequence(let nodes) = node.content else {
            return value(node, of: known, key: key).map { [$0] } ?? []
        }
        return nodes.enumerated().compactMap { value($0.element, of: known, key: "\(key)[\($0.offset)]") }
    }

    private mutating func value(
        _ node: ConfigurationNode, of known: ConfigurationKey, key: String
    ) -> ConfigurationFile.Value? {
        guard node.content != .refused else { return nil }
        guard case .scalar(let text, let isPlain) = node.content, !node.isNull else {
            report(node.position, "invalid \(key): \(known.shape.expected), not \(node.kind)")
            return nil
        }
        if let problem = Self.problem(text, isPlain: isPlain, of: known, key: key) {
            report(node.position, problem)
            return nil
        }
        return ConfigurationFile.Value(text: text, position: node.position)
    }

    private static func problem(_ text: String, isPlain: Bool, of known: ConfigurationKey, key: String) -> String? {
        let isValid =
            switch known.shape {
            case .flag: isPlain && ["true", "false"].contains(text)
            case .number(let range):
                isPlain && text.utf8.allSatisfy(\.isASCIIDigit) && (Int(text).map(range.contains) ?? false)
            case .text, .texts, .choice, .path: true
            }
        guard isValid else {
            return "invalid \(key) '\(Sanitizer.singleLine(text, limit: 80))': \(known.shape.expected)"
        }
        return ConfigurationValue.problem(text, of: known, name: key)
    }

    // MARK: - Services

    private mutating func services(_ node: ConfigurationNode) {
        guard case .sequence(let nodes) = node.content else {
            if node.content != .refused {
                report(node.position, "invalid services: expected a list, for example [\(Self.serviceExample)]")
            }
            return
        }
        var names: [String: String] = [:]
        for (index, node) in nodes.enumerated() {
            let key = "services[\(index)]"
            guard let service = service(node, key: key) else { continue }
            let name = service.name.text
            if let first = names[name] {
                report(
                    service.name.position,
                    "\(key).name '\(name)' is also the name of \(first): give each service its own name")
            }
            names[name] = names[name] ?? key
            file.services.append(service)
        }
    }

    private mutating func service(_ node: ConfigurationNode, key: String) -> ConfigurationFile.Service? {
        let before = problems.count
        var found: [String: ConfigurationFile.Value] = [:]
        var selectors: [String] = []
        var hasName = false
        for (name, node) in members(node, key: key, path: "services[]", example: Self.serviceExample) {
            if name == "name" { hasName = true }
            if Selector.kinds.contains(name) {
                selectors.append(name)
                if selectors.count > 1 {
                    report(node.position, "\(key).\(name) is a second selector beside '\(selectors[0])': keep one")
                }
            }
            guard let known = ConfigurationKey.at("services[].\(name)") else { continue }
            found[name] = value(node, of: known, key: "\(key).\(name)")
        }
        guard case .mapping = node.content else { return nil }
        // A reported unknown key can be the misspelt missing one.
        if problems.count == before {
            if !hasName { report(node.position, "\(key) has no name: add for example name: canvas") }
            if selectors.isEmpty {
                report(
                    node.position, "\(key) has no selector: add one of \(Selector.kinds.joined(separator: ", "))")
            }
        }
        if selectors.contains("file"), let number = found["instances"] {
            report(number.position, "\(key).instances does not apply to a file: remove the key")
        }
        guard let name = found["name"], let kind = selectors.first, let value = found[kind] else { return nil }
        let count = found["instances"].map { ",instances=\($0.text)" } ?? ""
        return ConfigurationFile.Service(name: name, selector: "\(kind):\(value.text)\(count)", probe: found["probe"])
    }
}
