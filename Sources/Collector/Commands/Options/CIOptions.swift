import ArgumentParser
import CollectorSupport
import Gate
import Shared

/// The contexts of CI that must be green.
struct CIOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [.init("--context", .values), .init("--check-app")]
    static let commandLineOnly: [EnvironmentArguments.Flag] = [.init("--allow-skipped")]

    private static let limit = 100

    @Option(
        name: .customLong("context"),
        help: ArgumentHelp(
            "A context of CI that must be 'success': a commit status's context or a check run's name. Repeatable, or "
                + "separated by commas outside parentheses.", valueName: "name"),
        transform: ArgumentText.contexts)
    var contextLists: [[String]] = []

    @Option(
        help: ArgumentHelp(
            "Count only this app's check runs on GitHub, for example github-actions. Without it, every app that uses a "
                + "required name must be green.", valueName: "slug"))
    var checkApp: String?

    @Option(
        name: .customLong("allow-skipped"),
        help: ArgumentHelp(
            "Count a required context that was skipped as green. Repeatable, or separated by commas.",
            valueName: "name"),
        transform: ArgumentText.contexts)
    var allowedSkipLists: [[String]] = []

    /// The required contexts that may be skipped.
    ///
    /// - Throws: ``UsageError`` for a context that is not required: often a typo.
    func allowedSkips() throws -> Set<String> {
        let allowed = allowedSkipLists.flatMap(\.self)
        let required = contextLists.flatMap(\.self)
        if let other = allowed.first(where: { !required.contains($0) }) {
            let near = Suggestion.nearest(to: other, among: required).map { ": did you mean '\($0)'?" }
            throw UsageError(
                "--allow-skipped '\(Sanitizer.singleLine(other, limit: 80))' is not one of the required contexts"
                    + (near ?? ": add it with --context, or omit it"))
        }
        return Set(allowed)
    }

    /// The required contexts, each once, in the order of the options.
    ///
    /// - Throws: ``UsageError`` without any.
    func contexts() throws -> [String] {
        var known: Set<String> = []
        let contexts = contextLists.flatMap(\.self).filter { known.insert($0).inserted }
        guard !contexts.isEmpty else {
            throw UsageError("no required CI context: give --context NAME, as the forge shows it at the commit")
        }
        guard contexts.count <= Self.limit else {
            throw UsageError("\(contexts.count) required contexts: at most \(Self.limit) are supported")
        }
        return contexts
    }
}

/// The wait for CI, for commands that also have a `--timeout` and an `--interval` of their own.
struct CIWaitOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [.init("--ci-timeout"), .init("--ci-interval")]

    @Option(
        name: .customLong("ci-timeout"), help: "Maximum wait for CI to become green (default: 30m).",
        transform: ArgumentText.duration)
    var timeout = Duration.seconds(1_800)

    @Option(
        name: .customLong("ci-interval"), help: "How often to poll the forge (default: 15s).",
        transform: ArgumentText.duration)
    var interval = Duration.seconds(15)

    func validate() throws {
        guard timeout > .zero else {
            throw ValidationError("invalid --ci-timeout: expected a duration longer than zero")
        }
        guard interval >= .milliseconds(50) else {
            throw ValidationError("invalid --ci-interval: expected at least 50ms")
        }
    }
}
