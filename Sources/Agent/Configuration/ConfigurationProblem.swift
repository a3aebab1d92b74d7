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
