import CollectorSupport
package import Shared
package import Verdict

/// The steps and the outcome of a promotion: the `promotion` of a report.
package struct PromotionRecord: Codable, Hashable, Sendable {
    package struct Step: Codable, Hashable, Sendable {
        /// RFC 3339.
        var at: String
        /// The raw value of a ``PromotionStep``.
        package var step: String
        /// One line.
        package var message: String

        package init(at: String, step: String, message: String) {
            self.at = at
            self.step = step
            self.message = message
        }

        private enum CodingKeys: String, CodingKey {
            case at, step
            case message = "said"
        }
    }

    /// The attempt to put the tag back, if there was a reason for one.
    package struct Rollback: Codable, Hashable, Sendable {
        /// The reason and the outcome, in one line.
        package var message: String
        /// The digest that the tag was put back to; nil if it was not put back.
        package var digest: Digest?
        package var gitSHA: GitSHA?
        package var generation: Int?
        /// The id of the verification of the former build; nil if there was none.
        package var verification: String?
        /// The verdict of that verification.
        package var verdict: Verdict?

        package init(
            message: String, digest: Digest? = nil, gitSHA: GitSHA? = nil, generation: Int? = nil,
            verification: String? = nil, verdict: Verdict? = nil
        ) {
            self.message = message
            self.digest = digest
            self.gitSHA = gitSHA
            self.generation = generation
            self.verification = verification
            self.verdict = verdict
        }

        private enum CodingKeys: String, CodingKey {
            case digest, generation, verification, verdict
            case message = "said"
            case gitSHA = "git_sha"
        }
    }

    /// The id of the run, which the journal uses too.
    var id: String
    /// nil for a promotion.
    var kind: JournalEntry.Kind?
    /// The repository and tag that were moved.
    var image: String
    /// The candidate, as requested.
    var source: String
    /// The digest that the tag was to get; nil in the records of older collectors.
    var digest: Digest?
    /// True if the tag was seen to move; nil in the records of older collectors, which means true.
    var isMoved: Bool?
    @ExplicitNull var formerDigest: Digest?
    @ExplicitNull var formerGitSHA: GitSHA?
    var actor: String
    /// The required contexts and their last states.
    var contexts: [String: String]
    /// An image reference with its digest, for a compose file's environment.
    var pin: String
    var steps: [Step]
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

    private enum CodingKeys: String, CodingKey {
        case id, kind, image, source, digest, actor, contexts, pin, steps, rollback
        case isMoved = "moved"
        case formerDigest = "former_digest"
        case formerGitSHA = "former_git_sha"
    }

    /// One line: the change of the tag if there was one, its former build, and the requester.
    var summary: String {
        let image = Sanitizer.singleLine(image, limit: 300)
        let actor = Sanitizer.singleLine(actor, limit: 200)
        let former = formerGitSHA?.short ?? formerDigest?.short ?? "nothing"
        if digest != nil, digest == formerDigest {
            return "\(image) already was \(former); nothing was moved (asked for by \(actor))"
        }
        if isMoved == false {
            return "\(image) was \(former), and was not seen to move (asked for by \(actor))"
        }
        return "\(image) was \(kind == .rollback ? "put back" : "moved") from \(former), by \(actor)"
    }
}

/// The steps of a promotion, in order.
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
