import ArgumentParser
import Operations
import Shared
import Verdict

/// What is promoted, and where to.
struct PromoteOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The repository, for example registry.example/canvas.", valueName: "repository"))
    var image: String

    @Option(help: "The commit, full. Default: $GITHUB_SHA.", transform: ArgumentText.gitSHA)
    var sha: GitSHA?

    @Option(help: ArgumentHelp("The candidate. Default: staging-<sha>.", valueName: "tag|digest"))
    var from: String?

    @Option(help: ArgumentHelp("The tag that is moved.", valueName: "tag"))
    var to = "latest"

    @Option(
        help: ArgumentHelp(
            "A tag that may be moved; repeatable (default: latest). Tags that name a build (staging-<sha>, sha-…, v1) "
                + "never are.", valueName: "tag"))
    var movingTag: [String] = []

    @Flag(help: "Permit a build that does not descend from the present one; journalled.")
    var allowRollback = false

    @Flag(
        name: .customLong("no-ci"),
        help: "Ask no CI: whoever says so vouches for the commit. Without it, --context is needed.")
    var skipsCI = false

    @Flag(help: "Read everything, say what would be done, and write nothing.")
    var dryRun = false

    @Flag(name: .customLong("no-verify"), help: "End after the tag was read back.")
    var skipsVerification = false

    @Option(
        help: ArgumentHelp(
            "After these verdicts, put the tag back to the last proven build, and verify that: failed_deploy, rolled_back, "
                + "stragglers, stalled, unreachable. Separated by commas.", valueName: "verdicts"),
        transform: PromoteOptions.verdicts)
    var rollbackOn: Set<Verdict> = []

    @Option(
        help: ArgumentHelp("Who promotes, for the journal. Default: $GITHUB_ACTOR, else the user.", valueName: "name"))
    var by: String?

    static let rollbackVerdicts: [Verdict] = [.failedDeploy, .rolledBack, .stragglers, .stalled, .unreachable]

    static func verdicts(_ text: String) throws -> Set<Verdict> {
        let words = text.split(separator: ",").map { String($0.filter { $0 != " " }) }
        guard !words.isEmpty else { throw ValidationError("'\(text)' names no verdict") }
        return Set(
            try words.map { word in
                guard let verdict = Verdict(rawValue: word), rollbackVerdicts.contains(verdict) else {
                    throw ValidationError(
                        "'\(word)' is no verdict to go back after: take "
                            + rollbackVerdicts.map(\.rawValue).joined(separator: ", "))
                }
                return verdict
            })
    }

    func validate() throws {
        guard rollbackOn.isEmpty || !skipsVerification else {
            throw ValidationError("--rollback-on needs the verdict that --no-verify leaves out: give one of them")
        }
    }

    func order(service: String, environment: [String: String]) throws -> PromotionRequest {
        try PromotionRequest(
            service: service, image: image, gitSHA: try PromotedCommit.read(flag: sha, environment: environment),
            from: from, to: to,
            rules: TagPolicy(moving: movingTag.isEmpty ? ["latest"] : Set(movingTag)), allowsRollback: allowRollback,
            actor: PromotionActor.name(flag: by, environment: environment))
    }
}
