/// Environment variables as defaults of flags: a flag on the command line takes precedence over its variable.
///
/// The variable of `--fail-after` is `BUILDINFO_FAIL_AFTER`. The variable of a repeatable flag holds one value per line. A
/// switch (a flag without a value) is on if its variable is `1`, `true`, `yes` or `on`. An empty variable counts as unset,
/// except for flags whose absence weakens the check: for these it is an error.
public enum EnvironmentArguments {
    /// One flag that the environment can set.
    public struct Flag: Sendable {
        public enum Shape: Sendable { case value, values, switchOn }

        public let name: String
        public let shape: Shape
        /// True if an empty variable is an error: a pipeline variable that was never set must not weaken the check.
        public let needsText: Bool

        /// - Parameter name: with its dashes, for example `--fail-after`.
        public init(_ name: String, _ shape: Shape = .value, needsText: Bool = false) {
            self.name = name
            self.shape = shape
            self.needsText = needsText
        }

        /// The flag's variable, for example `BUILDINFO_FAIL_AFTER`.
        public var variable: String {
            "BUILDINFO_" + name.drop { $0 == "-" }.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
        }
    }

    /// The first empty variable whose flag needs a text; nil without one.
    public static func emptied(
        among flags: [Flag], commandLine: [String], environment: [String: String]
    ) -> String? {
        flags.first { $0.needsText && !isNamed($0, in: commandLine) && environment[$0.variable]?.isEmpty == true }?
            .variable
    }

    /// Arguments after a bare "--" are not flags.
    private static func isNamed(_ flag: Flag, in commandLine: [String]) -> Bool {
        commandLine.prefix { $0 != "--" }.contains { $0 == flag.name || $0.hasPrefix(flag.name + "=") }
    }

    /// The arguments to append to a command line for the flags that it does not set itself.
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
