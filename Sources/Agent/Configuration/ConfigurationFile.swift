import AgentCore
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

/// Finds the configuration file and reads it.
enum ConfigurationSource {
    static let flag = EnvironmentArguments.Flag("--config")
    /// Read where no file is named; it need not be there.
    static let standardPath = "/etc/buildinfo/agent.yaml"

    /// The path of the file that a command line or the environment names; nil where neither does.
    static func named(commandLine: [String], environment: [String: String]) -> String? {
        let behind = Array(commandLine.prefix { $0 != "--" })
        for (index, argument) in behind.enumerated().reversed() {
            if argument.hasPrefix(flag.name + "=") { return String(argument.dropFirst(flag.name.count + 1)) }
            // Without a path behind it, it is the parser's to complain of.
            if argument == flag.name { return index + 1 < behind.count ? behind[index + 1] : nil }
        }
        return environment[flag.variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The file's content; an empty one where no file is named and there is none at its usual place.
    ///
    /// - Parameter standardPath: the usual place.
    static func load(
        commandLine: [String], environment: [String: String], standardPath: String = ConfigurationSource.standardPath
    ) throws(ConfigurationError) -> ConfigurationFile {
        let named = named(commandLine: commandLine, environment: environment)
        let path = named ?? standardPath
        switch SmallFile.read(path, limit: ConfigurationText.sizeLimit) {
        case .success(let bytes): return try ConfigurationFile(bytes, named: path)
        case .failure(.missing) where named == nil: return ConfigurationFile()
        case .failure(let defect):
            let problem = ConfigurationProblem(position: nil, key: "", text: describe(defect))
            throw ConfigurationError(file: Sanitizer.singleLine(path, limit: 300), problems: [problem])
        }
    }

    private static func describe(_ defect: FileReadFailure) -> String {
        switch defect {
        case .missing: "does not exist; write it, or name another with --config"
        case .denied: "may not be read; let the agent's user read it"
        case .notRegular: "is no regular file; name one with --config"
        case .tooLarge: "is larger than \(ConfigurationText.sizeLimit / 1_024) KiB; is it the right file?"
        case .hanging, .noThread: "cannot be read; is its file system there?"
        case .other(let code): "cannot be read (errno \(code)); name another with --config"
        }
    }
}

/// Where values that are in use stand in the configuration file; those that a flag or the environment says have no place.
struct ConfigurationLocations: Sendable {
    /// Of a configuration that no file is part of.
    static let none = ConfigurationLocations()

    private var file = ""
    /// By the key's path.
    private var values: [String: [ConfigurationFile.Value]] = [:]

    private init() {}

    /// Reads the file that a command line of `serve` or `check` uses.
    init(commandLine: [String], environment: [String: String]) throws(ConfigurationError) {
        let named = ConfigurationSource.named(commandLine: commandLine, environment: environment)
        file = Sanitizer.singleLine(named ?? ConfigurationSource.standardPath, limit: 300)
        let content = try ConfigurationSource.load(commandLine: commandLine, environment: environment)
        let open = ConfigurationFile.open(
            ServeCommand.environmentFlags, commandLine: commandLine, environment: environment)
        for key in ConfigurationKey.all where open.contains(where: { $0.name == key.flag }) {
            values[key.path] = content.values[key.path]
        }
    }

    /// A problem with its place in front of it, as far as it has one.
    ///
    /// - Parameters:
    ///   - problem: one line.
    ///   - key: its path, as in ``ConfigurationKey``.
    ///   - isAtFault: which of the key's texts it is about.
    func placed(_ problem: String, at key: String, where isAtFault: (String) -> Bool = { _ in true }) -> String {
        guard let value = values[key]?.first(where: { isAtFault($0.text) }) else { return problem }
        return ConfigurationProblem(position: value.position, key: "", text: problem).line(file: file)
    }
}
