import ArgumentParser
import CollectorSupport
import Gate
import Shared

/// Which contexts of CI must be green.
struct CIOptions: ParsableArguments {
    @Option(
        name: .customLong("context"),
        help: ArgumentHelp(
            "A context of CI that must be 'success': a commit status's context or a check run's name. Repeatable, or "
                + "separated by commas (not by those in parentheses).", valueName: "name"),
        transform: CIContexts.parse)
    var contextLists: [[String]] = []

    @Option(
        help: ArgumentHelp(
            "Of GitHub's check runs, only those of this app count, for example github-actions. Without it, every app "
                + "that uses a required name must be green.", valueName: "slug"))
    var checkApp: String?

    @Option(
        name: .customLong("allow-skipped"),
        help: ArgumentHelp(
            "A required context that may be skipped, as if it were green. Repeatable, or separated by commas.",
            valueName: "name"),
        transform: CIContexts.parse)
    var allowedSkipLists: [[String]] = []

    /// The required contexts that may be skipped.
    ///
    /// - Throws: ``UsageError`` for one that is not required, which is often misspelt.
    func allowedSkips() throws -> Set<String> {
        let allowed = allowedSkipLists.flatMap(\.self)
        let required = contextLists.flatMap(\.self)
        if let other = allowed.first(where: { !required.contains($0) }) {
            let near = Suggestion.nearest(to: other, among: required).map { ": did you mean '\($0)'?" }
            throw UsageError(
                "--allow-skipped '\(Sanitizer.singleLine(other, limit: 80))' is not one of the required contexts"
                    + (near ?? ": name it with --context too, or leave it out"))
        }
        return Set(allowed)
    }

    /// The required contexts, each once, in the order in which they were named.
    ///
    /// - Throws: ``UsageError`` where there is none.
    func contexts() throws -> [String] {
        var known: Set<String> = []
        let contexts = contextLists.flatMap(\.self).filter { known.insert($0).inserted }
        guard !contexts.isEmpty else {
            throw UsageError("no context of CI is required: give --context NAME, as the forge shows it at the commit")
        }
        guard contexts.count <= CIContexts.limit else {
            throw UsageError("more than \(CIContexts.limit) contexts are required")
        }
        return contexts
    }
}
