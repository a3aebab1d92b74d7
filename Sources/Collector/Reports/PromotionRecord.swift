package import CollectorSupport
package import Shared
package import Verdict

/// What a promotion did, step by step: the `promotion` of a report, and what the terminal is told.
package struct PromotionRecord: Codable, Hashable, Sendable {
    package struct Step: Codable, Hashable, Sendable {
        /// RFC 3339.
        package var at: String
        /// One of ``PromotionStep``'s words.
        package var step: String
        /// One line.
        package var said: String

        package init(at: String, step: String, said: String) {
            self.at = at
            self.step = step
            self.said = said
        }
    }

    /// The way back, where there was reason for one.
    package struct Rollback: Codable, Hashable, Sendable {
        /// Why, and what came of it: one line.
        package var said: String
        /// What the tag was put back to; nil where it was not.
        package var digest: Digest?
        package var gitSHA: GitSHA?
        package var generation: Int?
        /// Of the verification of the former build; nil where there was none.
        package var verification: String?
        package var verdict: Verdict?

        package init(
            said: String, digest: Digest? = nil, gitSHA: GitSHA? = nil, generation: Int? = nil,
            verification: String? = nil, verdict: Verdict? = nil
        ) {
            self.said = said
            self.digest = digest
            self.gitSHA = gitSHA
            self.generation = generation
            self.verification = verification
            self.verdict = verdict
        }

        package enum CodingKeys: String, CodingKey {
            case said, digest, generation, verification, verdict
            case gitSHA = "git_sha"
        }
    }

    /// Of the run; the journal's, too.
    package var id: String
    /// nil for a promotion.
    package var kind: JournalEntry.Kind?
    /// Repository and tag that were moved.
    package var image: String
    /// The candidate, as asked for.
    package var source: String
    /// What the tag was to be; nil in what older collectors recorded.
    package var digest: Digest?
    /// Whether the tag was moved, as far as it is known; nil in what older collectors recorded, which is true.
    package var isMoved: Bool?
    @ExplicitNull package var formerDigest: Digest?
    @ExplicitNull package var formerGitSHA: GitSHA?
    package var actor: String
    /// The required contexts and their last states.
    package var contexts: [String: String]
    /// For a compose file's environment.
    package var pin: String
    package var steps: [Step]
    package var rollback: Rollback?

    package init(
        id: String, kind: JournalEntry.Kind? = nil, image: String, source: String, digest: Digest? = nil,
        isMoved: Bool? = nil, formerDigest: Digest? = nil, formerGitSHA: GitSHA? = nil, actor: String,
        contexts: [String: String], pin: String, steps: [Step], rollback: Rollback? = nil
    ) {
        self.id = id
        self.kind = kind
        self.image = image
        self.source = source
        self.digest = digest
        self.isMoved = isMoved
        self.formerDigest = formerDigest
        self.formerGitSHA = formerGitSHA
        self.actor = actor
        self.contexts = contexts
        self.pin = pin
        self.steps = steps
        self.rollback = rollback
    }

    /// One line: what became of the tag, and by whom.
    package var summary: String {
        let image = Sanitizer.singleLine(image, limit: 300)
        let actor = Sanitizer.singleLine(actor, limit: 200)
        let former = formerGitSHA?.short ?? formerDigest?.short ?? "nothing"
        if digest != nil, digest == formerDigest {
            return "\(image) already was \(former), and nothing was moved; asked for by \(actor)"
        }
        if isMoved == false { return "\(image) was \(former), and was not seen to move; asked for by \(actor)" }
        return "\(image) was \(kind == .rollback ? "put back" : "moved") from \(former), by \(actor)"
    }

    package enum CodingKeys: String, CodingKey {
        case id, kind, image, source, digest, actor, contexts, pin, steps, rollback
        case isMoved = "moved"
        case formerDigest = "former_digest"
        case formerGitSHA = "former_git_sha"
    }
}

/// The steps of a promotion, in their order.
package enum PromotionStep: String, Sendable, CaseIterable {
    case journal
    case killSwitch = "kill switch"
    case ci = "CI"
    case branch
    case registry
    case ancestry
    case tag
    case rollback
}
