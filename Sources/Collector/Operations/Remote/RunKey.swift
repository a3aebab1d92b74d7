import CollectorSupport
import Shared

/// The `Idempotency-Key` of a verification: the same for every attempt of a pipeline's step, so that a retried step joins the
/// verification that is under way.
struct RunKey: Hashable, Sendable {
    /// At most 255 ASCII characters.
    let text: String

    /// The variables of a pipeline's run and job. GitHub, Gitea and Forgejo set the first; GitLab, Woodpecker and Drone the
    /// others. A repeated run of a job has the same values.
    private static let variables = [
        "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_JOB", "CI_PROJECT_URL", "CI_PIPELINE_ID",
        "CI_JOB_NAME", "CI_REPO_URL", "CI_REPO", "CI_PIPELINE_NUMBER", "CI_WORKFLOW_NAME", "CI_STEP_NAME",
        "DRONE_REPO_LINK", "DRONE_BUILD_NUMBER", "DRONE_STAGE_NAME", "DRONE_STEP_NAME",
    ]
    /// Each names a run of its forge.
    private static let runs = ["GITHUB_RUN_ID", "CI_PIPELINE_ID", "CI_PIPELINE_NUMBER", "DRONE_BUILD_NUMBER"]

    private init(hashing parts: [String]) {
        text = "run-\(Hexadecimal.encode(SHA256.hash(parts.withLengths)))"
    }

    /// - Parameter body: the request, so that two requests of one job are two verifications.
    init(of body: [UInt8], environment: [String: String]) {
        let isPipeline = Self.runs.contains { environment[$0]?.isEmpty == false }
        let run = isPipeline ? Self.variables.map { environment[$0] ?? "" } : [RunID.nonce()]
        self.init(hashing: run + [String(decoding: body, as: UTF8.self)])
    }

    private init(after key: RunKey, _ verification: String) { self.init(hashing: [key.text, verification]) }

    /// The key of the verification that follows one that is over: its verdict says nothing about now.
    func next(after verification: String) -> RunKey { RunKey(after: self, verification) }
}
