import ArgumentParser
import Shared

/// A command line extended by the environment and the configuration file, so that one parser validates all three.
enum MergedArguments {
    /// - Throws: ``ConfigurationError`` for an invalid file.
    static func all(_ arguments: [String], environment: [String: String]) throws(ConfigurationError) -> [String] {
        guard let (flags, role) = command(of: arguments) else { return arguments }
        let named =
            arguments
            + EnvironmentArguments.additions(
                for: flags, commandLine: arguments, environment: environment)
        // Help and the list of keys do not need a valid file.
        let asks: Set = ["--help", "-h", "--help-hidden", "--version", "--keys"]
        guard !arguments.contains(where: asks.contains) else { return named }
        guard role != .withoutFile else { return named }
        let file = try ConfigurationSource.load(commandLine: arguments, environment: environment)
        let fitting = flags.filter { role.takes($0.name, from: file, named: named) }
        return named + file.additions(for: fitting, commandLine: arguments, environment: environment)
    }

    /// The part that a command uses of a configuration file that reader and server share.
    private enum Role {
        case all, serve, read
        /// The command writes a file, and reads none.
        case withoutFile

        func takes(_ flag: String, from file: ConfigurationFile, named: [String]) -> Bool {
            switch self {
            case .all: return true
            case .withoutFile: return false
            // `listen` is the address of the server.
            case .read: return flag != "--listen"
            case .serve:
                let hasReader =
                    file.values["from"] != nil || named.contains { $0 == "--from" || $0.hasPrefix("--from=") }
                return !hasReader || !["--engine", "--allow-plain-engine", "--probe"].contains(flag)
            }
        }
    }

    /// The flags and the role of the command; nil for `help` and unknown commands, which have no flags.
    private static func command(of arguments: [String]) -> ([EnvironmentArguments.Flag], Role)? {
        switch arguments.first {
        case PrintCommand._commandName: (PrintCommand.environmentFlags, .all)
        case ReadCommand._commandName: (ReadCommand.environmentFlags, .read)
        case CheckCommand._commandName: (ServeCommand.environmentFlags, .serve)
        case InitCommand._commandName: (InitCommand.environmentFlags, .withoutFile)
        case ServeCommand._commandName, nil: (ServeCommand.environmentFlags, .serve)
        // The first argument is a flag of `serve`, the default command.
        case let first?: first.hasPrefix("-") ? (ServeCommand.environmentFlags, .serve) : nil
        }
    }
}
