import ArgumentParser

/// The branch whose head may be promoted.
struct BranchOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The branch that the commit must be the head of. Default: $GITHUB_REF_NAME.", valueName: "name"))
    var branch: String?

    /// nil where none is named. A tag's name is no branch's.
    func branch(environment: [String: String]) -> String? {
        if let branch { return branch.isEmpty ? nil : branch }
        guard environment["GITHUB_REF_TYPE", default: "branch"] == "branch" else { return nil }
        return environment["GITHUB_REF_NAME"].flatMap { $0.isEmpty ? nil : $0 }
    }
}
