package import CollectorSupport
package import Shared

/// What a tag is, what was promoted, and what hosts serve, held against each other: the `drift` of a status.
package struct Drift: Codable, Hashable, Sendable {
    /// A build, and when it was made or promoted.
    package struct Build: Codable, Hashable, Sendable {
        /// The candidate's tag, or the moving one; nil for a build that is known by what hosts say.
        package var tag: String?
        @ExplicitNull package var gitSHA: GitSHA?
        @ExplicitNull package var digest: Digest?
        /// RFC 3339, as the builder wrote it; nil where the registry was not asked, or does not say.
        @ExplicitNull package var builtAt: String?
        /// nil where the ledger does not know it.
        package var generation: Int?
        package var promotedAt: String?
        /// Who promoted it, where the journal knows.
        package var actor: String?
        /// How many hosts serve it.
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

        package enum CodingKeys: String, CodingKey {
            case tag, digest, generation, actor, hosts
            case gitSHA = "git_sha"
            case builtAt = "built_at"
            case promotedAt = "promoted_at"
        }
    }

    /// Something that is not as it was promoted.
    package struct Finding: Codable, Hashable, Sendable {
        package enum Kind: String, Codable, CaseIterable, Hashable, Sendable {
            /// The tag is a build that nobody is known to have promoted, or not the one that was promoted last.
            case tagMoved = "tag_moved"
            /// A build was published, and never promoted.
            case unpromoted
            /// A host had converged on what was promoted last, and serves something else.
            case hostDrifted = "host_drifted"
            /// A promotion was cut off, and nobody has found out what became of it.
            case unsettled
        }

        package var kind: Kind
        /// One line: what it is, and what to do.
        package var message: String

        package init(kind: Kind, message: String) {
            self.kind = kind
            self.message = message
        }
    }

    /// Repository and tag.
    package var image: String
    /// nil where the registry has no such tag.
    @ExplicitNull package var tag: Build?
    @ExplicitNull package var promoted: Build?
    /// What hosts serve, most hosts first.
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

    /// Whether nothing is found but builds that wait for their promotion.
    package var isExplained: Bool { findings.allSatisfy { $0.kind == .unpromoted } }
}
