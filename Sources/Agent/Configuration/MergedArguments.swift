import ArgumentParser
import Shared

/// A command line with what environment and configuration file add to it, so that one parser judges all three.
enum MergedArguments {
    /// - Throws: ``ConfigurationError`` where the file is not usable.
    static func all(_ arguments: [String], environment: [String: String]) throws(ConfigurationError) -> [String] {
        guard let (flags, role) = command(of: arguments) else { return arguments }
        let named =
            arguments
            + EnvironmentArguments.additions(
                for: flags, commandLine: arguments, environment: environment)
        // Who asks for help, or for the keys, may have a file that is broken.
        let asks: Set = ["--help", "-h", "--help-hidden", "--version", "--keys"]
        guard !arguments.contains(where: asks.contains) else { return named }
        let file = try ConfigurationSource.load(commandLine: arguments, environment: environment)
        let fitting = flags.filter { role.takes($0.name, from: file, named: named) }
        return named + file.additions(for: fitting, commandLine: arguments, environment: environment)
    }

    /// What a command does with a file that reader and front have in common: each takes what is its own.
    private enum Role {
        case all, serve, read

        func takes(_ flag: String, from file: ConfigurationFile, named: [String]) -> Bool {
            switch self {
            case .all: return true
            // Where the front listens is not where the reader does.
            case .read: return flag != "--listen"
            case .serve:
                let isFront =
                    file.values["from"] != nil || named.contains { $0 == "--from" || $0.hasPrefix("--from=") }
                return !isFront || !["--engine", "--allow-plain-engine", "--probe"].contains(flag)
            }
        }
    }

    /// The command's flags; nil for `help` and for an unknown one, which take none.
    private static func command(of arguments: [String]) -> ([EnvironmentArguments.Flag], Role)? {
        switch arguments.first {
        case PrintCommand._commandName: (PrintCommand.environmentFlags, .all)
        case ReadCommand._commandName: (ReadCommand.environmentFlags, .read)
        case CheckCommand._commandName: (ServeCommand.environmentFlags, .serve)
        case ServeCommand._commandName, nil: (ServeCommand.environmentFlags, .serve)
        // A flag of `serve`, the default.
        case let first?: first.hasPrefix("-") ? (ServeCommand.environmentFlags, .serve) : nil
        }
    }
}
