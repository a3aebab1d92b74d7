package import Shared

/// One promotion of a service in the ledger.
package struct Promotion: Codable, Hashable, Sendable {
    /// The number of the promotion, from 1; each is one more than the last.
    package var generation: Int
    package var gitSHA: GitSHA?
    package var digest: Digest?
    /// RFC 3339, for people.
    package var at: String
    /// The kind of the journal entry that moved the tag; nil if the entry is unknown.
    package var change: JournalEntry.Kind?

    package init(
        generation: Int, gitSHA: GitSHA? = nil, digest: Digest? = nil, at: String, change: JournalEntry.Kind? = nil
    ) {
        self.generation = generation
        self.gitSHA = gitSHA
        self.digest = digest
        self.at = at
        self.change = change
    }

    package enum CodingKeys: String, CodingKey {
        case generation, digest, at, change
        case gitSHA = "git_sha"
    }
}

/// Decides if two targets are the same promotion.
///
/// They are if they share a field (commit or digest) and no field that both have differs. So
/// `--sha S` after `--sha S --digest D` is the same promotion, and `--sha S --digest E` is a new one. `--digest D` after
/// `--sha S` is new too, because nothing connects them. Only the service's last promotion is compared: promoting an earlier
/// build again is a promotion.
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

    /// nil if either is missing.
    private static func agreement<Value: Equatable>(_ first: Value?, _ second: Value?) -> Bool? {
        guard let first, let second else { return nil }
        return first == second
    }
}

/// The image that a tag was re-pointed to during a verification.
package struct RetaggedImage: Codable, Hashable, Sendable {
    /// Repository and tag.
    package var image: String
    package var digest: Digest
    /// nil if the image names no single commit.
    package var gitSHA: GitSHA?
    /// True while the answer might come from a lagging replica of the registry. Until this is decided, no verification ends
    /// green or superseded. nil means false.
    package var isDoubted: Bool?
    /// True for the tag's image before the promotion, or a build older than the promoted one: the tag was put back, and this
    /// is never a newer promotion. nil means false.
    package var isFormer: Bool?

    package init(image: String, digest: Digest, gitSHA: GitSHA? = nil, isDoubted: Bool? = nil, isFormer: Bool? = nil) {
        self.image = image
        self.digest = digest
        self.gitSHA = gitSHA
        self.isDoubted = isDoubted
        self.isFormer = isFormer
    }

    package enum CodingKeys: String, CodingKey {
        case image, digest
        case gitSHA = "git_sha"
        case isDoubted = "doubted"
        case isFormer = "former"
    }

    /// True if the tag was certainly moved.
    package var isSettled: Bool { isDoubted != true }

    /// The code of the cause.
    package var code: Reason.Code { isSettled ? (isFormer == true ? .tagPutBack : .tagMoved) : .tagUncertain }

    /// The image that took over, in one line.
    package var message: String {
        let build = [gitSHA?.short, digest.short].compactMap { $0 }.joined(separator: " ")
        let name = Sanitizer.singleLine(image, limit: 300)
        switch (isSettled, isFormer == true) {
        case (true, false): return "\(name) is another build now (\(build)): somebody moved the tag since"
        case (true, true):
            return
                "\(name) is an earlier build again (\(build)): the tag was put back, which does not count as a newer promotion"
        case (false, _):
            return
                "\(name) shows another build at the end (\(build)), and not for long enough to tell why: somebody moved "
                + "the tag since, or the registry answers from a copy that lags"
        }
    }
}

/// The fleet's progress towards the promotion that took over from the target.
///
/// Counts the hosts in the gate by their state at the time. A verification that learns of a newer promotion ends only after
/// every host was queried, so that each is counted by its answer.
package struct SupersedeProgress: Hashable, Sendable {
    package let promotion: Promotion
    /// The number of hosts that serve exactly this promotion.
    package let serving: Int
    /// The number of hosts that still serve the target.
    package let onTarget: Int
    /// The number of other hosts: on another build, or without a usable answer.
    package let neither: Int

    /// nil if the target is the newest known promotion.
    package init?(_ verification: Verification) {
        guard let promotion = verification.successor else { return nil }
        self.promotion = promotion
        let gated = verification.tracks.lazy.filter { !$0.host.isWaived }
        serving = gated.count { $0.status == .ahead && $0.generation == promotion.generation }
        onTarget = gated.count { $0.facts.reach == .ok && $0.facts.build.isMatch }
        neither = gated.count - serving - onTarget
    }

    /// The promotion and the fleet's progress towards it, in one line.
    package var message: String {
        let build = [promotion.gitSHA?.short, promotion.digest?.short].compactMap { $0 }.joined(separator: " ")
        let expected = serving + onTarget + neither
        let progress =
            serving == expected
            ? "\(expected == 1 ? "the only host serves" : "all \(expected) hosts serve") it"
            : "\(serving) of \(expected.hostCount) \(serving == 1 ? "serves" : "serve") it, \(onTarget) still "
                + "\(onTarget == 1 ? "serves" : "serve") this target, \(neither) neither"
        return "promotion no. \(promotion.generation) (\(build)) took over: \(progress)"
    }
}
