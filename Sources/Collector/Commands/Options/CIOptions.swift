import ArgumentParser
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
