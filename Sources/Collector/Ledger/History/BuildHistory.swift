package import Shared
package import Verdict

/// A promotion that a tag might be rolled back to.
package struct ProvenBuild: Hashable, Sendable {
    package var generation: Int
    package var digest: Digest
    package var gitSHA: GitSHA?
    /// The time of the promotion, RFC 3339.
    package var at: String
    /// True if a rollback made it, not a promotion.
    package var isRollback = false
    /// The verdict of its last verification; nil if none ended.
    package var verdict: Verdict?
    /// The last time at which the whole fleet converged on it, RFC 3339; nil if it never did.
    package var provenAt: String?
    /// True if the tag was later rolled back from it, so that it is unwanted.
    var isWithdrawn = false

    package init(
        generation: Int, digest: Digest, gitSHA: GitSHA? = nil, at: String, isRollback: Bool = false,
        verdict: Verdict? = nil, provenAt: String? = nil, isWithdrawn: Bool = false
    ) {
        self.generation = generation
        self.digest = digest
        self.gitSHA = gitSHA
        self.at = at
        self.isRollback = isRollback
        self.verdict = verdict
        self.provenAt = provenAt
        self.isWithdrawn = isWithdrawn
    }

    /// The commit, or else the digest.
    package var name: String { gitSHA?.short ?? digest.short }

    /// For example `promotion no. 8, converged 2026-11-20T10:00:00.000Z`.
    package var standing: String {
        let fate = provenAt.map { "converged \($0)" } ?? verdict?.rawValue ?? "never verified"
        return "promotion no. \(generation), \(fate)\(isWithdrawn ? ", rolled back since" : "")"
    }
}

/// The builds that a tag has had, oldest first, and the choice of the one to roll back to.
package struct BuildHistory: Sendable {
    package var builds: [ProvenBuild]

    package init(builds: [ProvenBuild]) {
        self.builds = builds
    }

    /// The reason why no build of the history was chosen, in one sentence.
    package enum Failure: Error, Hashable, CustomStringConvertible {
        case nothingProven
        case unknown(String)
        case ambiguous(String, [ProvenBuild])

        package var description: String {
            switch self {
            case .nothingProven:
                "no build is left to roll back to: none before the present one is proven on the whole fleet and still wanted"
            case .unknown(let text):
                "invalid --to '\(Sanitizer.singleLine(text, limit: 100))': no promotion of this tag matches"
            case .ambiguous(let text, let builds):
                "invalid --to '\(Sanitizer.singleLine(text, limit: 100))': it matches \(builds.count) builds ("
                    + builds.map { "\($0.gitSHA?.hex ?? $0.digest.description) of promotion no. \($0.generation)" }
                    .joined(separator: ", ") + "): write more digits"
            }
        }
    }

    /// The last build before the present one that the fleet was proven to serve.
    ///
    /// A build that the tag was rolled back from is left out until it is promoted again, and so are the builds after one that
    /// the tag was rolled back to: two rollbacks go back two builds, and do not alternate.
    ///
    /// - Parameter present: the tag's present or intended digest; nil if it has none.
    package func lastProven(before present: Digest?) -> ProvenBuild? {
        let own = builds.last { $0.digest == present }
        // A rollback takes the place of the promotion that it returned to.
        let place =
            own?.isRollback == true
            ? builds.last { $0.digest == present && !$0.isRollback }?.generation ?? own?.generation : own?.generation
        return builds.last { build in
            build.provenAt != nil && build.digest != present && !build.isWithdrawn
                && place.map { build.generation < $0 } ?? true
        }
    }

    /// The last change of the tag, if it was a rollback to the present digest that was interrupted or failed, so that the
    /// whole fleet was not proven on it. It must be finished before another rollback goes further back.
    ///
    /// - Parameter present: the tag's digest; nil if it has none.
    package func unprovenRollback(at present: Digest?) -> ProvenBuild? {
        guard let last = builds.last, last.isRollback, last.digest == present, last.provenAt == nil else { return nil }
        return last
    }

    /// The build that matches a text: a generation, a commit, a digest, or at least the first seven digits of either.
    package func named(_ text: String) throws(Failure) -> ProvenBuild {
        if text.utf8.count < 7, let number = Int(text) {
            guard let build = builds.last(where: { $0.generation == number }) else { throw .unknown(text) }
            return build
        }
        let lowered = text.lowercased()
        let digits = lowered.hasPrefix("sha256:") ? String(lowered.dropFirst("sha256:".count)) : lowered
        guard digits.utf8.count >= 7, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { throw .unknown(text) }
        let isDigest = lowered.hasPrefix("sha256:")
        let matching = builds.filter { build in
            build.digest.description.dropFirst("sha256:".count).hasPrefix(digits)
                || (!isDigest && build.gitSHA?.hex.hasPrefix(digits) == true)
        }
        guard let last = matching.last else { throw .unknown(text) }
        // One commit can be built twice, and one build can be promoted twice.
        var different: [ProvenBuild] = []
        for build in matching.reversed() where !different.contains(where: { $0.digest == build.digest }) {
            different.append(build)
        }
        guard different.count == 1 else { throw .ambiguous(text, different.reversed()) }
        return last
    }

    /// The last builds, newest first, as a list to choose from.
    package func list(limit: Int = 10) -> String {
        guard !builds.isEmpty else { return "the ledger has no promotion of it" }
        let shown = builds.suffix(limit).reversed().map { "\($0.name) (\($0.standing))" }.joined(separator: ", ")
        return builds.count > limit ? "\(shown) and \(builds.count - limit) earlier" : shown
    }
}
