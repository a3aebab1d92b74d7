import CollectorSupport
import Shared

/// The commit that a pipeline is about.
enum PromotedCommit {
    /// - Parameter flag: `--sha`, else `GITHUB_SHA` counts.
    /// - Throws: ``UsageError`` where neither names a full one.
    static func read(flag: GitSHA?, environment: [String: String]) throws(UsageError) -> GitSHA {
        if let flag { return flag }
        guard let text = environment["GITHUB_SHA"], !text.isEmpty else {
            throw UsageError("no commit is named: give --sha, or set GITHUB_SHA")
        }
        do throws(GitSHA.ParseError) {
            return try GitSHA(parsing: text)
        } catch {
            throw UsageError("GITHUB_SHA '\(Sanitizer.singleLine(text, limit: 80))' \(error)")
        }
    }
}
