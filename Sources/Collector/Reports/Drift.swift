package import CollectorSupport
package import FoundationEssentials
package import Shared

/// A comparison of a tag, the last promotion and what hosts serve: the `drift` of a status.
package struct Drift: Codable, Hashable, Sendable {
    /// A build, and when it was built or promoted.
    package struct Build: Codable, Hashable, Sendable {
        /// The candidate's tag, or the moving one; nil for a build that only hosts report.
        package var tag: String?
        @ExplicitNull package var gitSHA: GitSHA?
        @ExplicitNull package var digest: Digest?
        /// RFC 3339, as the builder wrote it; nil if the registry was not asked or does not know.
        @ExplicitNull package var builtAt: String?
        /// nil if the ledger does not know it.
        package var generation: Int?
        package var promotedAt: String?
        /// The person or job that promoted it; nil if the journal does not know.
        package var actor: String?
        /// The number of hosts that serve it.
        package var hosts: Int?

        package init(
            tag: String? = nil, gitSHA: GitSHA? = nil, digest: Digest? = nil, builtAt: String? = nil,
            generation: Int? = nil, promotedAt: String? = nil, actor: String? = nil, hosts: Int? = nil
        ) {
            self.tag = tag
            self.gitSHA = gitSHA
            self.digest = digest
            self.builtAt = builtAt
            self.generation = generation
            self.promotedAt = promotedAt
            self.actor = actor
            self.hosts = hosts
        }

        private enum CodingKeys: String, CodingKey {
            case tag, digest, generation, actor, hosts
            case gitSHA = "git_sha"
            case builtAt = "built_at"
            case promotedAt = "promoted_at"
        }
    }

    /// One difference.
    package struct Finding: Codable, Hashable, Sendable {
        package enum Kind: String, Codable, CaseIterable, Hashable, Sendable {
            /// The tag is a build without a known promotion, or not the last promoted one.
            case tagMoved = "tag_moved"
            /// A build was published and never promoted.
            case unpromoted
            /// A host converged on the last promotion and now serves something else.
            case hostDrifted = "host_drifted"
            /// A promotion was cut off, and its outcome is still unknown.
            case unsettled
        }

        package var kind: Kind
        /// The finding and the remedy, in one line.
        package var message: String

        package init(kind: Kind, message: String) {
            self.kind = kind
            self.message = message
        }
    }

    /// Repository and tag.
    package var image: String
    /// nil if the registry has no such tag.
    @ExplicitNull package var tag: Build?
    @ExplicitNull package var promoted: Build?
    /// The builds that hosts serve, the most frequent first.
    package var served: [Build]
    /// Candidates that were never promoted, newest first.
    package var unpromoted: [Build]
    package var findings: [Finding]

    package init(
        image: String, tag: Build? = nil, promoted: Build? = nil, served: [Build], unpromoted: [Build],
        findings: [Finding]
    ) {
        self.image = image
        self.tag = tag
        self.promoted = promoted
        self.served = served
        self.unpromoted = unpromoted
        self.findings = findings
    }

    /// True if the only findings are builds that wait for their promotion.
    package var isExplained: Bool { findings.allSatisfy { $0.kind == .unpromoted } }

    // MARK: - Text

    /// The age of an RFC 3339 timestamp in its largest unit, for example `2 hours`; nil if the timestamp is invalid.
    package static func age(_ timestamp: String, now: Date) -> String? {
        guard let then = Date(rfc3339: timestamp) else { return nil }
        let seconds = max(0, now.timeIntervalSince(then))
        let units: [(Double, String)] = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        for (length, name) in units where seconds >= length {
            return ReportText.counted(Int(seconds / length), name, "\(name)s")
        }
        return "\(Int(seconds)) s"
    }

    /// The comparison, one line each for the tag, the promotion, every served build and every finding.
    func lines(now: Date) -> [String] {
        func ago(_ text: String?, _ verb: String) -> String? {
            text.flatMap { Self.age($0, now: now) }.map { "\(verb) \($0) ago" }
        }
        func line(_ build: Build) -> String {
            [
                build.gitSHA?.short ?? "no commit", build.digest?.short ?? "no digest",
                build.generation.map { "promotion no. \($0)" }, ago(build.builtAt, "built"),
                ago(build.promotedAt, "promoted"), build.actor.map { "by \($0)" },
                build.hosts.map(ReportText.hosts),
            ].compactMap { $0 }.joined(separator: ", ")
        }
        let head = [
            "tag        \(image): \(tag.map(line) ?? "nothing")",
            "promoted   \(promoted.map(line) ?? "nothing that this ledger knows")",
        ]
        let differences = findings.isEmpty ? ["none"] : findings.map(\.message)
        return head + served.map { "served     \(line($0))" } + differences.map { "drift      \($0)" }
    }
}
