package import Shared
package import Verdict

/// A promotion that a tag may be put back to.
package struct ProvenBuild: Hashable, Sendable {
    package var generation: Int
    package var digest: Digest
    package var gitSHA: GitSHA?
    /// When it was promoted, RFC 3339.
    package var at: String
    /// Whether it was put back, and not promoted.
    package var isRollback = false
    /// How its last verification ended; nil where it was never verified to the end.
    package var verdict: Verdict?
    /// When the whole fleet last converged on it, RFC 3339; nil where it never did.
    package var provenAt: String?
    /// Whether the tag was put back from it later: whoever did so did not want it.
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

    /// For example `generation 8, converged 2026-11-20T10:00:00.000Z`.
    package var standing: String {
        if let provenAt { return "generation \(generation), converged \(provenAt)" }
        return "generation \(generation), \(verdict?.rawValue ?? "never verified")"
    }
}

/// The builds that a tag has been, oldest first, and which of them is the way back.
package struct BuildHistory: Sendable {
    package var builds: [ProvenBuild]

    package init(builds: [ProvenBuild]) {
        self.builds = builds
    }

    /// Why no build of the history is meant. One sentence, and the builds that are known.
    package enum Failure: Error, Hashable, CustomStringConvertible {
        case nothingProven
        case unknown(String)
        case ambiguous(String, [ProvenBuild])

        package var description: String {
            switch self {
            case .nothingProven: "no earlier build of this tag was ever proven on the whole fleet"
            case .unknown(let text):
                "invalid --to '\(Sanitizer.singleLine(text, limit: 100))': no promotion of this tag is known by it"
            case .ambiguous(let text, let builds):
                "invalid --to '\(Sanitizer.singleLine(text, limit: 100))': it fits \(builds.count) builds ("
                    + builds.map { "\($0.gitSHA?.hex ?? $0.digest.description) of generation \($0.generation)" }
                    .joined(separator: ", ") + "): write more digits"
            }
        }
    }

    /// The last build that the fleet was proven to serve, before the present one.
    ///
    /// What the tag was put back from is left out until it is promoted again, and so is what came after a build that the tag
    /// was put back to: going back twice goes back two builds, and not to and fro.
    ///
    /// - Parameter present: what the tag is, or is about to be; nil for nothing.
    package func lastProven(before present: Digest?) -> ProvenBuild? {
        let own = builds.last { $0.digest == present }
        // A rollback stands where the promotion stands that it went back to.
        let place =
            own?.isRollback == true
            ? builds.last { $0.digest == present && !$0.isRollback }?.generation ?? own?.generation : own?.generation
        return builds.last { build in
            build.provenAt != nil && build.digest != present && !build.isWithdrawn
                && place.map { build.generation < $0 } ?? true
        }
    }

    /// The last change of the tag, where it was a rollback to what the tag is now, and the whole fleet was not proven on it
    /// since: it was interrupted, or failed, and is to be finished before another one goes further back.
    ///
    /// - Parameter present: what the tag is; nil for nothing.
    package func unprovenRollback(at present: Digest?) -> ProvenBuild? {
        guard let last = builds.last, last.isRollback, last.digest == present, last.provenAt == nil else { return nil }
        return last
    }

    /// The build that a text names: a generation, a commit, a digest, or the first seven digits or more of either.
    package func named(_ text: String) throws(Failure) -> ProvenBuild {
        if text.utf8.count < 7, let number = Int(text) {
            guard let build = builds.last(where: { $0.generation == number }) else { throw .unknown(text) }
            return build
        }
        let lowered = text.lowercased()
        let digits = lowered.hasPrefix("sha256:") ? String(lowered.dropFirst("sha256:".count)) : lowered
        guard digits.utf8.count >= 7, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { throw .unknown(text) }
        let isDigest = lowered.hasPrefix("sha256:")
        let fitting = builds.filter { build in
            build.digest.description.dropFirst("sha256:".count).hasPrefix(digits)
                || (!isDigest && build.gitSHA?.hex.hasPrefix(digits) == true)
        }
        guard let last = fitting.last else { throw .unknown(text) }
        // One commit may have been built twice, and one build may have been promoted twice.
        var different: [ProvenBuild] = []
        for build in fitting.reversed() where !different.contains(where: { $0.digest == build.digest }) {
            different.append(build)
        }
        guard different.count == 1 else { throw .ambiguous(text, different.reversed()) }
        return last
    }

    /// The last builds, newest first, for whoever has to choose.
    package func list(limit: Int = 10) -> String {
        guard !builds.isEmpty else { return "no promotion of it is in the ledger" }
        let shown = builds.suffix(limit).reversed().map { "\($0.name) (\($0.standing))" }.joined(separator: ", ")
        return builds.count > limit ? "\(shown) and \(builds.count - limit) earlier" : shown
    }
}
