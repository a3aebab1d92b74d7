/// Lets environment variables stand in for flags: a flag on the command line wins over its variable.
///
/// The variable of `--fail-after` is `BUILDINFO_FAIL_AFTER`. A repeatable flag's variable holds one value a line. A switch
/// (a flag without a value) is on when its variable is `1`, `true`, `yes` or `on`. An empty variable counts as unset,
/// but for flags that would make less be asked for: there it is a mistake.
public enum EnvironmentArguments {
    /// One flag that may come from the environment.
    public struct Flag: Sendable {
        public enum Shape: Sendable { case value, values, switchOn }

        public let name: String
        public let shape: Shape
        /// Whether a variable that is set and empty is a mistake: a pipeline's variable that came to nothing must not make
        /// the check ask for less.
        public let needsText: Bool

        /// - Parameter name: with its dashes, for example `--fail-after`.
        public init(_ name: String, _ shape: Shape = .value, needsText: Bool = false) {
            self.name = name
            self.shape = shape
            self.needsText = needsText
        }

        /// For example `BUILDINFO_FAIL_AFTER`.
        public var variable: String {
            "BUILDINFO_" + name.drop { $0 == "-" }.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
        }
    }

    /// The variable that is set to nothing although its flag needs a text; nil where there is none.
    public static func emptied(
        among flags: [Flag], commandLine: [String], environment: [String: String]
    ) -> String? {
        flags.first { $0.needsText && !isNamed($0, in: commandLine) && environment[$0.variable]?.isEmpty == true }?
            .variable
    }

    /// Behind a bare "--" nothing is a flag.
    private static func isNamed(_ flag: Flag, in commandLine: [String]) -> Bool {
        commandLine.prefix { $0 != "--" }.contains { $0 == flag.name || $0.hasPrefix(flag.name + "=") }
    }

    /// The arguments to append to a command line for all flags that it does not name itself.
    public static func additions(
        for flags: [Flag], commandLine: [String], environment: [String: String]
    ) -> [String] {
        flags.flatMap { flag -> [String] in
            guard !isNamed(flag, in: commandLine), let text = environment[flag.variable], !text.isEmpty else {
                return []
            }
            switch flag.shape {
            case .value: return ["\(flag.name)=\(text)"]
            case .values: return text.split(whereSeparator: \.isNewline).map { "\(flag.name)=\($0)" }
            case .switchOn: return ["1", "true", "yes", "on"].contains(text.lowercased()) ? [flag.name] : []
            }
        }
    }
}
