import ArgumentParser
import Gate

/// The branch that is promoted from, and what on it supersedes a commit.
struct BranchOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The branch whose history must have the commit. Default: $GITHUB_REF_NAME.", valueName: "name"))
    var branch: String?

    @Option(
        help: ArgumentHelp(
            "What on the branch supersedes a commit: candidate, a newer commit whose candidate the registry has; or head, "
                + "any newer commit."))
    var supersededBy = SupersedingRule.candidate

    /// nil where none is named. A tag's name is no branch's.
    func branch(environment: [String: String]) -> String? {
        if let branch { return branch.isEmpty ? nil : branch }
        guard environment["GITHUB_REF_TYPE", default: "branch"] == "branch" else { return nil }
        return environment["GITHUB_REF_NAME"].flatMap { $0.isEmpty ? nil : $0 }
    }
}
