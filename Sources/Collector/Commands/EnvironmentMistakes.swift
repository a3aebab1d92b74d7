import ArgumentParser
import Shared

/// Misspelt `BUILDINFO_` variables. They are warnings, because the variables of other programs may begin alike.
struct EnvironmentMistakes {
    /// The command whose options variables can set; nil for one that reads none.
    private let command: (any CollectorCommand.Type)?
    private let environment: [String: String]

    private static let prefix = "BUILDINFO_"

    init(of command: (any CollectorCommand.Type)?, environment: [String: String]) {
        self.command = command?.environmentFlags.isEmpty == false ? command : nil
        self.environment = environment
    }

    /// A warning for each variable that belongs to no option and resembles an option's.
    var warnings: [String] {
        guard let command else { return [] }
        let known = Self.variables(below: Collector.self)
        // A suggestion must be of use to this command.
        let usable = command.environmentFlags.map { String($0.variable.dropFirst(Self.prefix.count)) }
        return environment.keys.filter { $0.hasPrefix(Self.prefix) && !known.contains($0) }.sorted().compactMap {
            name in
            Suggestion.nearest(to: String(name.dropFirst(Self.prefix.count)), among: usable).map {
                "\(Sanitizer.singleLine(name, limit: 80)) is not a variable of this program: did you mean '\(Self.prefix)\($0)'?"
            }
        }
    }

    /// The variables of a command and its subcommands.
    private static func variables(below command: any ParsableCommand.Type) -> Set<String> {
        let own = (command as? any CollectorCommand.Type).map { $0.environmentFlags + $0.commandLineOnly } ?? []
        return command.configuration.subcommands.reduce(Set(own.map(\.variable))) {
            $0.union(variables(below: $1))
        }
    }
}
