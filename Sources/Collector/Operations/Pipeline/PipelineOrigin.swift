import Foundation
import Gate
import Glibc
import Reports
import Shared

/// Links to the pages of the pipeline that started the run, from the variables that runners set.
///
/// GitHub, Gitea and Forgejo set `GITHUB_SERVER_URL`, `GITHUB_REPOSITORY`, `GITHUB_RUN_ID` and `GITHUB_SHA`; GitLab
/// `CI_PROJECT_URL`, `CI_JOB_URL`, `CI_PIPELINE_URL` and `CI_COMMIT_SHA`; Woodpecker `CI_REPO_URL` (`CI_REPO_LINK` before
/// 2.0), `CI_PIPELINE_URL` (`CI_BUILD_LINK`) and `CI_COMMIT_SHA`; Drone `DRONE_REPO_LINK`, `DRONE_BUILD_LINK` and
/// `DRONE_COMMIT_SHA`.
struct PipelineOrigin {
    private let run: String?
    /// The repository's page.
    private let repository: String?
    /// The path of a commit's page below the repository's, for example `/commit/`.
    private let commits: String
    private let comparisons: String
    /// The commit that the pipeline runs for.
    private let commit: String?

    init(_ environment: [String: String]) {
        func variable(_ names: String...) -> String? {
            names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        func link(_ names: String...) -> String? {
            names.lazy.compactMap { SafeLink.absolute(environment[$0], web: "") }.first
        }
        if let server = SafeLink.absolute(environment["GITHUB_SERVER_URL"], web: ""),
            let name = variable("GITHUB_REPOSITORY"), Self.isPath(name)
        {
            let base = server.hasSuffix("/") ? String(server.dropLast()) : server
            repository = "\(base)/\(name)"
            run = Self.page(of: environment).map { "\(base)/\(name)/actions\($0)" }
            (commits, comparisons, commit) = ("/commit/", "/compare/", variable("GITHUB_SHA"))
        } else if let project = link("CI_PROJECT_URL") {
            repository = project
            run = link("CI_JOB_URL", "CI_PIPELINE_URL")
            (commits, comparisons, commit) = ("/-/commit/", "/-/compare/", variable("CI_COMMIT_SHA"))
        } else {
            repository = link("CI_REPO_URL", "CI_REPO_LINK", "DRONE_REPO_LINK")
            run = link("CI_PIPELINE_URL", "CI_BUILD_LINK", "DRONE_BUILD_LINK")
            (commits, comparisons, commit) = ("/commit/", "/compare/", variable("CI_COMMIT_SHA", "DRONE_COMMIT_SHA"))
        }
    }

    /// The origin of a report.
    ///
    /// A pipeline may deploy the image of another repository. Commits are therefore linked only if the target, or the build
    /// before it, is the commit that the pipeline runs for.
    ///
    /// - Parameters:
    ///   - former: the build that the tag was moved from; nil without one.
    ///   - isBack: true for a rollback, whose changes are those that were undone.
    func origin(of target: GitSHA?, former: GitSHA?, isBack: Bool, at moment: Date) -> ReportOrigin {
        let isHere = [target, former].contains { $0 != nil && $0?.hex == commit?.lowercased() }
        let repository = isHere ? repository : nil
        var comparison: String?
        if let repository, let target, let former, target != former {
            let (first, last) = isBack ? (target, former) : (former, target)
            comparison = "\(repository)\(comparisons)\(first.hex)...\(last.hex)"
        }
        return ReportOrigin(
            run: run, commit: repository.flatMap { page in target.map { "\(page)\(commits)\($0.hex)" } },
            comparison: comparison, offset: Self.offset(at: moment))
    }

    /// The path of the run's page. GitHub's addresses contain the id of the run, and Forgejo's its number. Gitea's contain the
    /// number or, since 1.26, the id: the wrong one is the page of an unrelated run, so the link is to the list of runs.
    private static func page(of environment: [String: String]) -> String? {
        func number(_ name: String) -> Int64? { environment[name].flatMap { Int64($0) }.flatMap { $0 > 0 ? $0 : nil } }
        if environment["FORGEJO_ACTIONS"] == "true" { return number("GITHUB_RUN_NUMBER").map { "/runs/\($0)" } }
        if environment["GITEA_ACTIONS"] == "true" { return number("GITHUB_RUN_ID").map { _ in "" } }
        return number("GITHUB_RUN_ID").map { "/runs/\($0)" }
    }

    /// `owner/name` of the characters that forges permit.
    private static func isPath(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { part in
                !part.isEmpty && !part.allSatisfy { $0 == "." }
                    && part.utf8.allSatisfy { $0.isASCIIAlphanumeric || "-._".utf8.contains($0) }
            }
    }

    /// The offset of the process's time zone from UTC, in seconds.
    private static func offset(at moment: Date) -> Int {
        var seconds = time_t(moment.timeIntervalSince1970)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return 0 }
        return parts.tm_gmtoff
    }
}
