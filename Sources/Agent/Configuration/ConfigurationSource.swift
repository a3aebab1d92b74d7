import Shared

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

    private static func describe(_ defect: SmallFile.Defect) -> String {
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
