import Shared

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
