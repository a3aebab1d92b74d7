import AgentCore
import Shared

/// One problem of a configuration file, as one line with the place, the key and the remedy.
struct ConfigurationProblem: Hashable, Sendable {
    /// The place; nil if the problem concerns the whole file.
    var position: ConfigurationPosition?
    /// The problem and the remedy. Without a position, this is a predicate whose subject is the file.
    var text: String

    /// The problem on one line, for example `agent.yaml:7:5: services[1].compose is empty: write a value, or remove the
    /// key`, or `agent.yaml does not exist: …`.
    func line(file: String) -> String {
        let place = position.map { ":\($0.line):\($0.column):" } ?? ""
        return Sanitizer.singleLine("\(file)\(place) \(text)")
    }
}

/// All problems of a configuration file, in the order of the file.
struct ConfigurationError: Error, Hashable, CustomStringConvertible {
    /// The file's name as given.
    var file: String
    var problems: [ConfigurationProblem]

    var lines: [String] { problems.map { $0.line(file: file) } }

    /// One line for each problem.
    var description: String { lines.joined(separator: "\n") }
}

/// Validation of a key's value by the rules of the equivalent flag.
enum ConfigurationValue {
    /// The problem with a value and the remedy, in one sentence; nil if the value is valid.
    ///
    /// - Parameter name: the key with its indices, for example `listen[0]`.
    static func problem(_ text: String, of key: ConfigurationKey, name: String) -> String? {
        guard !text.isEmpty else { return "\(name) is empty: write a value, or remove the key" }
        guard !text.utf8.contains(0) else { return "\(name) contains a NUL character: remove it" }
        let shown = Sanitizer.singleLine(text, limit: 200)
        func expecting(_ expected: String, _ parse: () throws -> Void) -> String? {
            do {
                try parse()
                return nil
            } catch {
                return "invalid \(name) '\(shown)': \(expected)"
            }
        }
        switch key.shape {
        case .path where !text.hasPrefix("/"): return "invalid \(name) '\(shown)': \(key.shape.expected)"
        case .choice(let words) where !words.contains(text):
            let near = Suggestion.question(about: text, among: words)
            return "invalid \(name) '\(shown)': \(near ?? key.shape.expected)"
        case .text, .texts, .path, .choice, .flag, .number: break
        }
        switch key.path {
        case "listen": return expecting(ListenAddress.expected) { _ = try ListenAddress(parsing: text) }
        case "from":
            return ListenAddress.socketPath(text) == nil ? "invalid \(name) '\(shown)': expected unix:/PATH" : nil
        case "engines":
            do {
                // The environment determines whether the connection uses TLS.
                _ = try EngineAddress(parsing: text, allowsPlain: true)
                return nil
            } catch {
                return "invalid \(name) '\(shown)': \(error)"
            }
        case "services[].name":
            return ServiceDeclaration.isName(text)
                ? nil : "invalid \(name) '\(shown)': \(ServiceDeclaration.expectedName)"
        case "services[].compose":
            return expecting("expected SERVICE or PROJECT/SERVICE") { _ = try Selector(parsing: "compose:\(text)") }
        case "services[].label": return expecting("expected KEY=VALUE") { _ = try Selector(parsing: "label:\(text)") }
        case "services[].image":
            return expecting("expected a repository without tag and digest, for example registry.example/canvas") {
                _ = try Selector(parsing: "image:\(text)")
            }
        case "services[].probe":
            do {
                _ = try ProbeURL(parsing: text)
                return nil
            } catch {
                return "\(name) '\(shown)' \(error)"
            }
        case "host.id":
            return expecting(AgentError.expectedHostID) {
                _ = try MachineIdentity.system.host(id: text, name: "host")
            }
        case "host.name":
            return expecting(AgentError.expectedHostName) {
                _ = try MachineIdentity.system.host(id: "host-0000", name: text)
            }
        default: return nil
        }
    }
}

extension ConfigurationKey.Shape {
    /// The description of a valid value.
    var expected: String {
        switch self {
        case .text, .texts: "expected a text"
        case .flag: "expected true or false"
        case .number(let range): "expected a number from \(range.lowerBound) to \(range.upperBound)"
        case .choice(let words): "expected one of \(words.joined(separator: ", "))"
        case .path: "expected an absolute path"
        }
    }
}
