import Shared

/// What a tag is, what was promoted, and what hosts serve, held against each other: the `drift` of a status.
struct Drift: Codable, Hashable, Sendable {
    /// A build, and when it was made or promoted.
    struct Build: Codable, Hashable, Sendable {
        /// The candidate's tag, or the moving one; nil for a build that is known by what hosts say.
        var tag: String?
        @ExplicitNull var gitSHA: GitSHA?
        @ExplicitNull var digest: Digest?
        /// RFC 3339, as the builder wrote it; nil where the registry was not asked, or does not say.
        @ExplicitNull var builtAt: String?
        /// nil where the ledger does not know it.
        var generation: Int?
        var promotedAt: String?
        /// Who promoted it, where the journal knows.
        var actor: String?
        /// How many hosts serve it.
        var hosts: Int?

        enum CodingKeys: String, CodingKey {
            case tag, digest, generation, actor, hosts
            case gitSHA = "git_sha"
            case builtAt = "built_at"
            case promotedAt = "promoted_at"
        }
    }

    /// Something that is not as it was promoted.
    struct Finding: Codable, Hashable, Sendable {
        enum Kind: String, Codable, CaseIterable, Hashable, Sendable {
            /// The tag is a build that nobody is known to have promoted, or not the one that was promoted last.
            case tagMoved = "tag_moved"
            /// A build was published, and never promoted.
            case unpromoted
            /// A host had converged on what was promoted last, and serves something else.
            case hostDrifted = "host_drifted"
            /// A promotion was cut off, and nobody has found out what became of it.
            case unsettled
        }

        var kind: Kind
        /// One line: what it is, and what to do.
        var message: String
    }

    /// Repository and tag.
    var image: String
    /// nil where the registry has no such tag.
    @ExplicitNull var tag: Build?
    @ExplicitNull var promoted: Build?
    /// What hosts serve, most hosts first.
    var served: [Build]
    /// Candidates that were never promoted, newest first.
    var unpromoted: [Build]
    var findings: [Finding]

    /// Whether nothing is found but builds that wait for their promotion.
    var isExplained: Bool { findings.allSatisfy { $0.kind == .unpromoted } }
}
