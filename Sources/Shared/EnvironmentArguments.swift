/// Lets environment variables stand in for flags: a flag on the command line wins over its variable.
///
/// The variable of `--fail-after` is `BUILDINFO_FAIL_AFTER`. A repeatable flag's variable holds one value a line. A switch
/// (a flag without a value) is on when its variable is `1`, `true`, `yes` or `on`. An empty variable counts as unset.
public enum EnvironmentArguments {
    /// One flag that may come from the environment.
    public struct Flag: Sendable {
        public enum Shape: Sendable { case value, values, switchOn }

        public let name: String
        public let shape: Shape

        /// - Parameter name: with its dashes, for example `--fail-after`.
        public init(_ name: String, _ shape: Shape = .value) {
            self.name = name
            self.shape = shape
        }

        /// For example `BUILDINFO_FAIL_AFTER`.
        public var variable: String {
            "BUILDINFO_" + name.drop { $0 == "-" }.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
        }
    }

    /// The arguments to append to a command line for all flags that it does not name itself.
    public static func additions(
        for flags: [Flag], commandLine: [String], environment: [String: String]
    ) -> [String] {
        // Behind a bare "--" nothing is a flag.
        let named = commandLine.prefix { $0 != "--" }
        return flags.flatMap { flag -> [String] in
            let isNamed = named.contains { $0 == flag.name || $0.hasPrefix(flag.name + "=") }
            guard !isNamed, let text = environment[flag.variable], !text.isEmpty else { return [] }
            switch flag.shape {
            case .value: return ["\(flag.name)=\(text)"]
            case .values: return text.split(whereSeparator: \.isNewline).map { "\(flag.name)=\($0)" }
            case .switchOn: return ["1", "true", "yes", "on"].contains(text.lowercased()) ? [flag.name] : []
            }
        }
    }
}
