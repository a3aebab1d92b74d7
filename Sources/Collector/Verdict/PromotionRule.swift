package import Shared

/// When two statements of a target mean one promotion.
///
/// They do when they have a field in common (commit or digest), and no field that both have differs. So
/// `--sha S` after `--sha S --digest D` is the same promotion; `--sha S --digest E` is a new one; and `--digest D` after
/// `--sha S` is a new one too, because nothing says that they belong together. Only the service's last promotion is
/// compared: to promote an earlier build again is a promotion.
package struct PromotionRule: Hashable, Sendable {
    package var gitSHA: GitSHA?
    package var digest: Digest?

    package init(gitSHA: GitSHA? = nil, digest: Digest? = nil) {
        self.gitSHA = gitSHA
        self.digest = digest
    }

    package func isSame(as promotion: Promotion) -> Bool {
        let commits = Self.agreement(gitSHA, promotion.gitSHA)
        let digests = Self.agreement(digest, promotion.digest)
        return commits != false && digests != false && (commits == true || digests == true)
    }

    /// nil where one of both is missing.
    private static func agreement<Value: Equatable>(_ first: Value?, _ second: Value?) -> Bool? {
        guard let first, let second else { return nil }
        return first == second
    }
}
