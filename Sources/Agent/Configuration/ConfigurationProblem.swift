import AgentCore
import Shared

/// One mistake in a configuration file, as one line: where, which key, what, and what to do.
struct ConfigurationProblem: Hashable, Sendable {
    /// nil where it is the whole file.
    var position: ConfigurationPosition?
    /// For example `services[1].compose`; empty where no key is at fault.
    var key: String
    /// What is wrong; what to do.
    var text: String

    /// For example `agent.yaml:7:5: services[1].compose: is empty; write the service's name`.
    func line(file: String) -> String {
        let place = position.map { ":\($0.line):\($0.column)" } ?? ""
        return Sanitizer.singleLine("\(file)\(place): \(key.isEmpty ? "" : key + ": ")\(text)")
    }
}

/// Every mistake of a configuration file, in the file's order.
struct ConfigurationError: Error, Hashable, CustomStringConvertible {
    /// As it was named.
    var file: String
    var problems: [ConfigurationProblem]

    var lines: [String] { problems.map { $0.line(file: file) } }

    /// One line a mistake.
    var description: String { lines.joined(separator: "\n") }
}

/// What is wrong with a key's text: the rules of the flags, in a file's words.
enum ConfigurationCheck {
    /// What is wrong; what to do. nil where nothing is.
    static func problem(_ text: String, at key: ConfigurationKey) -> String? {
        let shown = "'\(Sanitizer.singleLine(text, limit: 200))'"
        guard !text.isEmpty else { return "is empty; write a value, or remove the key" }
        guard !text.utf8.contains(0) else { return "holds a NUL character; remove it" }
        switch key.shape {
        case .path where !text.hasPrefix("/"): return "\(shown) is no absolute path; begin it with '/'"
        case .choice(let words) where !words.contains(text):
            return "\(shown) is unknown; \(Suggestion.remedy(for: text, among: words))"
        case .text, .texts, .path, .choice, .flag, .number: break
        }
        switch key.path {
        case "listen":
            return refuses { try ListenAddress(parsing: text) }
                ? "\(shown) is no address; write HOST:PORT with a numeric HOST, [V6]:PORT or unix:/PATH" : nil
        case "from":
            guard text.hasPrefix("unix:") else { return "\(shown) is no socket; write unix:/PATH" }
            return refuses { try ListenAddress(parsing: text) } ? "\(shown) is no socket; write unix:/PATH" : nil
        case "engines":
            do {
                // Whether TLS secures it is the environment's affair.
                _ = try EngineAddress(parsing: text, allowsPlain: true)
                return nil
            } catch {
                return "\(shown) is not an engine's address; \(error)"
            }
        case "services[].name":
            return ServiceDeclaration.isName(text)
                ? nil : "\(shown) is not usable; take 1 to 128 letters, digits, '.', '_' and '-' (no leading '.')"
        case "services[].compose":
            return refuses { try Selector(parsing: "compose:\(text)") }
                ? "\(shown) is not usable; write SERVICE or PROJECT/SERVICE" : nil
        case "services[].label":
            return refuses { try Selector(parsing: "label:\(text)") } ? "\(shown) is no label; write KEY=VALUE" : nil
        case "services[].image":
            return refuses { try Selector(parsing: "image:\(text)") }
                ? "\(shown) is no repository; write for example registry.example/canvas, without tag and digest" : nil
        case "services[].probe":
            do {
                _ = try ProbeURL(parsing: text)
                return nil
            } catch {
                return "\(shown) \("\(error)".replacing(": ", with: "; ", maxReplacements: 1))"
            }
        case "host.id":
            return refuses { try MachineIdentity.system.host(id: text, name: "host") }
                ? "\(shown) is not usable; take 8 to 64 letters, digits, '.', '_' and '-'" : nil
        case "host.name":
            return refuses { try MachineIdentity.system.host(id: "host-0000", name: text) }
                ? "\(shown) is not usable; take 1 to 255 printable characters" : nil
        default: return nil
        }
    }

    private static func refuses<Value>(_ parse: () throws -> Value) -> Bool {
        do {
            _ = try parse()
            return false
        } catch {
            return true
        }
    }
}
