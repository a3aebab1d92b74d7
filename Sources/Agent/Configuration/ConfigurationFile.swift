import Shared

/// What a configuration file says: checked, with the places of what it says, and not yet merged with anything.
struct ConfigurationFile: Hashable, Sendable {
    /// A text and where it stands.
    struct Value: Hashable, Sendable {
        var text: String
        var position: ConfigurationPosition
    }

    /// A service, as flags declare it.
    struct Service: Hashable, Sendable {
        var name: Value
        /// For example `compose:canvas`, or `compose:canvas,instances=3`.
        var selector: String
        var probe: Value?
    }

    /// By path, as in ``ConfigurationKey``; services are not among them. A key with an empty list has no values.
    var values: [String: [Value]] = [:]
    var services: [Service] = []

    /// Reads a file's bytes; every mistake is found, not only the first.
    ///
    /// - Parameter file: its name, for the mistakes.
    init(_ bytes: [UInt8], named file: String) throws(ConfigurationError) {
        let text = ConfigurationText(bytes)
        var reader = ConfigurationReader()
        if let root = text.root { self = reader.read(root) } else { self.init() }
        let problems = (text.problems + reader.problems).enumerated().sorted {
            // What concerns the whole file comes first, and what stands at one place in the order in which it was found.
            ($0.element.position ?? .init(line: 0, column: 0), $0.offset)
                < ($1.element.position ?? .init(line: 0, column: 0), $1.offset)
        }
        guard problems.isEmpty else { throw ConfigurationError(file: file, problems: problems.map(\.element)) }
    }

    init() {}

    /// Those of some flags that neither the command line nor the environment names, so that the file has its say.
    static func open(
        _ flags: [EnvironmentArguments.Flag], commandLine: [String], environment: [String: String]
    ) -> [EnvironmentArguments.Flag] {
        let behind = commandLine.prefix { $0 != "--" }
        return flags.filter { flag in
            !behind.contains { $0 == flag.name || $0.hasPrefix(flag.name + "=") }
                && environment[flag.variable, default: ""].isEmpty
        }
    }

    /// The arguments to append to a command line for the flags that neither it nor the environment names.
    ///
    /// - Parameter flags: those that the command has; what the file says for others is not this command's.
    func additions(
        for flags: [EnvironmentArguments.Flag], commandLine: [String], environment: [String: String]
    ) -> [String] {
        let open = Self.open(flags, commandLine: commandLine, environment: environment)
        func isOpen(_ name: String) -> Bool { open.contains { $0.name == name } }
        var arguments: [String] = []
        if isOpen("--service") {
            arguments += services.map { "--service=\($0.name.text)=\($0.selector)" }
            // A file's probes are of the file's services.
            if isOpen("--probe") {
                arguments += services.compactMap { service in
                    service.probe.map { "--probe=\(service.name.text)=\($0.text)" }
                }
            }
        }
        for key in ConfigurationKey.all {
            guard let flag = key.flag, isOpen(flag) else { continue }
            for value in values[key.path] ?? [] {
                if key.shape != .flag {
                    arguments.append("\(flag)=\(value.text)")
                } else if value.text == "true" {
                    arguments.append(flag)
                }
            }
        }
        return arguments
    }
}
