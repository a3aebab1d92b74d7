import AgentCore
import Shared

/// The validated content of a configuration file, with the positions of its values.
struct ConfigurationFile: Hashable, Sendable {
    /// A text and its position.
    struct Value: Hashable, Sendable {
        var text: String
        var position: ConfigurationPosition
    }

    /// A service in the syntax of the flags.
    struct Service: Hashable, Sendable {
        var name: Value
        /// For example `compose:canvas`, or `compose:canvas,instances=3`.
        var selector: String
        var probe: Value?
    }

    /// The values by the path of their ``ConfigurationKey``, except services. A key with an empty list has no values.
    var values: [String: [Value]] = [:]
    var services: [Service] = []

    /// Parses a file, and finds every problem, not only the first.
    ///
    /// - Parameter file: the file's name, for the problems.
    init(_ bytes: [UInt8], named file: String) throws(ConfigurationError) {
        let text = ConfigurationText(bytes)
        var reader = ConfigurationReader()
        if let root = text.root { self = reader.read(root) } else { self.init() }
        let problems = (text.problems + reader.problems).enumerated().sorted {
            // Problems of the whole file first, and those of one position in the order of their discovery.
            ($0.element.position ?? .init(line: 0, column: 0), $0.offset)
                < ($1.element.position ?? .init(line: 0, column: 0), $1.offset)
        }
        guard problems.isEmpty else { throw ConfigurationError(file: file, problems: problems.map(\.element)) }
    }

    init() {}

    /// The flags that neither the command line nor the environment sets, so the file does.
    static func open(
        _ flags: [EnvironmentArguments.Flag], commandLine: [String], environment: [String: String]
    ) -> [EnvironmentArguments.Flag] {
        let options = commandLine.prefix { $0 != "--" }
        return flags.filter { flag in
            !options.contains { $0 == flag.name || $0.hasPrefix(flag.name + "=") }
                && environment[flag.variable, default: ""].isEmpty
        }
    }

    /// The arguments to append to a command line for the flags that neither it nor the environment sets.
    ///
    /// - Parameter flags: the flags of the command; the file's values for others are ignored.
    func additions(
        for flags: [EnvironmentArguments.Flag], commandLine: [String], environment: [String: String]
    ) -> [String] {
        let open = Self.open(flags, commandLine: commandLine, environment: environment)
        func isOpen(_ name: String) -> Bool { open.contains { $0.name == name } }
        var arguments: [String] = []
        if isOpen("--service") {
            arguments += services.map { "--service=\($0.name.text)=\($0.selector)" }
            // The file's probes belong to the file's services.
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

/// The location of the configuration file.
enum ConfigurationSource {
    static let flag = EnvironmentArguments.Flag("--config")
    /// The default file, which is optional.
    static let standardPath = "/etc/buildinfo/agent.yaml"

    /// The path of the file that the command line or the environment names; nil without one.
    static func named(commandLine: [String], environment: [String: String]) -> String? {
        let options = Array(commandLine.prefix { $0 != "--" })
        for (index, argument) in options.enumerated().reversed() {
            if argument.hasPrefix(flag.name + "=") { return String(argument.dropFirst(flag.name.count + 1)) }
            // The flag parser reports a missing path.
            if argument == flag.name { return index + 1 < options.count ? options[index + 1] : nil }
        }
        return environment[flag.variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The content of the named file or else of the default file, if it exists.
    ///
    /// - Parameter standardPath: the path of the default file.
    static func load(
        commandLine: [String], environment: [String: String], standardPath: String = ConfigurationSource.standardPath
    ) throws(ConfigurationError) -> ConfigurationFile {
        let named = named(commandLine: commandLine, environment: environment)
        let path = named ?? standardPath
        switch SmallFile.read(path, limit: ConfigurationText.sizeLimit) {
        case .success(let bytes): return try ConfigurationFile(bytes, named: path)
        case .failure(.missing) where named == nil: return ConfigurationFile()
        case .failure(let defect):
            let problem = ConfigurationProblem(text: describe(defect))
            throw ConfigurationError(file: Sanitizer.singleLine(path, limit: 300), problems: [problem])
        }
    }

    private static func describe(_ defect: FileReadFailure) -> String {
        switch defect {
        case .missing: "does not exist: create it, or change --config"
        case .denied: "cannot be read (permission denied): let the agent's user read it"
        case .notRegular: "is not a regular file: change --config"
        case .tooLarge: "is larger than \(ConfigurationText.sizeLimit / 1_024) KiB: is it the right file?"
        case .hanging, .noThread: "cannot be read: check its file system"
        case .other(let code): "cannot be read (errno \(code)): change --config"
        }
    }
}

/// The positions of the values that come from the configuration file, and not from a flag or the environment.
struct ConfigurationLocations: Sendable {
    /// The locations of a configuration without a file.
    static let none = ConfigurationLocations()

    private var file = ""
    /// The values by the key's path.
    private var values: [String: [ConfigurationFile.Value]] = [:]

    private init() {}

    /// Reads the file of a command line of `serve` or `check`.
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

    /// The problem, prefixed with its position if the file has the value.
    ///
    /// - Parameters:
    ///   - problem: one line.
    ///   - key: the path of the ``ConfigurationKey``.
    ///   - isAtFault: returns true for the text that causes the problem.
    func placed(_ problem: String, at key: String, where isAtFault: (String) -> Bool = { _ in true }) -> String {
        guard let value = values[key]?.first(where: { isAtFault($0.text) }) else { return problem }
        return ConfigurationProblem(position: value.position, text: problem).line(file: file)
    }
}
