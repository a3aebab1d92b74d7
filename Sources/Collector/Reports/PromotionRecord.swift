package import CollectorSupport
package import Shared
package import Verdict

/// The steps and the outcome of a promotion: the `promotion` of a report.
package struct PromotionRecord: Codable, Hashable, Sendable {
    /// The effect of a change on the tag.
    package enum Outcome: String, Codable, CaseIterable, Hashable, Sendable {
        /// The tag was seen to move.
        case moved
        /// The tag certainly was not moved.
        case unchanged
        case unknown
    }

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
        /// The hosts at the end of that verification; nil if there was none, and in the records of older collectors.
        package var serving: Serving?
        /// nil in the records of older collectors.
        package var outcome: Outcome?
        /// True if there was no build to roll back to; nil otherwise.
        package var isImpossible: Bool?
        /// The obstacle to a rollback that left the tag alone; nil if it is another one, and in the records of older
        /// collectors.
        package var obstacle: Obstacle?

        package init(
            message: String, digest: Digest? = nil, gitSHA: GitSHA? = nil, generation: Int? = nil,
            verification: String? = nil, verdict: Verdict? = nil, serving: Serving? = nil, outcome: Outcome? = nil,
            isImpossible: Bool? = nil
        ) {
            self.message = message
            self.digest = digest
            self.gitSHA = gitSHA
            self.generation = generation
            self.verification = verification
            self.verdict = verdict
            self.serving = serving
            self.outcome = outcome
            self.isImpossible = isImpossible
        }

        /// The reason that a tag was not put back.
        package enum Obstacle: String, Codable, CaseIterable, Hashable, Sendable {
            case killSwitch = "kill_switch"
            case unreadableKillSwitch = "kill_switch_unreadable"
            case registry

            /// For a headline, for example `the kill switch is on`.
            var clause: String {
                switch self {
                case .killSwitch: "the kill switch is on"
                case .unreadableKillSwitch: "the kill switch cannot be read"
                case .registry: "the registry could not be written"
                }
            }
        }

        /// The effect on the tag. An older collector recorded only a tag that was put back.
        var effect: Outcome { outcome ?? (digest == nil ? .unknown : .moved) }

        /// The build that the tag was put back to, in short.
        var build: String? { gitSHA?.short ?? digest?.short }

        private enum CodingKeys: String, CodingKey {
            case digest, generation, verification, verdict, serving, outcome
            case isImpossible = "impossible"
            case obstacle
            case message = "said"
            case gitSHA = "git_sha"
        }
    }

    /// The id of the run, which the journal uses too.
    var id: String
    /// nil for a promotion.
    package var kind: JournalEntry.Kind?
    /// The repository and tag that were moved.
    var image: String
    /// The candidate, as requested.
    var source: String
    /// The digest that the tag was to get; nil in the records of older collectors.
    var digest: Digest?
    /// True if the tag was seen to move; nil in the records of older collectors, which means true.
    var isMoved: Bool?
    /// nil in the records of older collectors.
    package var outcome: Outcome?
    @ExplicitNull var formerDigest: Digest?
    @ExplicitNull package var formerGitSHA: GitSHA?
    package var actor: String
    /// The required contexts and their last states.
    var contexts: [String: String]
    /// An image reference with its digest, for a compose file's environment.
    var pin: String
    var steps: [Step]
    package var rollback: Rollback?

    package init(
        id: String, kind: JournalEntry.Kind? = nil, image: String, source: String, digest: Digest? = nil,
        isMoved: Bool? = nil, outcome: Outcome? = nil, formerDigest: Digest? = nil, formerGitSHA: GitSHA? = nil,
        actor: String,
        contexts: [String: String], pin: String, steps: [Step], rollback: Rollback? = nil
    ) {
        self.id = id
        self.kind = kind
        self.image = image
        self.source = source
        self.digest = digest
        self.isMoved = isMoved
        self.outcome = outcome
        self.formerDigest = formerDigest
        self.formerGitSHA = formerGitSHA
        self.actor = actor
        self.contexts = contexts
        self.pin = pin
        self.steps = steps
        self.rollback = rollback
    }

    private enum CodingKeys: String, CodingKey {
        case id, kind, image, source, digest, outcome, actor, contexts, pin, steps, rollback
        case isMoved = "moved"
        case formerDigest = "former_digest"
        case formerGitSHA = "former_git_sha"
    }

    /// The effect on the tag, before any rollback.
    package var effect: Outcome {
        if let outcome { return outcome }
        if isAlready { return .unchanged }
        return isMoved ?? true ? .moved : .unknown
    }

    /// True if the tag was the requested build before.
    var isAlready: Bool { digest != nil && digest == formerDigest }

    /// The former build of the tag, in short; nil if there was none, or if it was not read.
    var formerBuild: String? { formerGitSHA?.short ?? formerDigest?.short }

    /// The tag with its colon, for example `:latest`; nil if the image names none.
    var tag: String? { ImageReference(parsing: image)?.effectiveTag.map { ":\($0)" } }

    /// One line: the change of the tag if there was one, its former build, and the requester.
    var summary: String {
        let image = Sanitizer.singleLine(image, limit: 300)
        let actor = Sanitizer.singleLine(actor, limit: 200)
        let former = formerBuild ?? "nothing"
        if isAlready {
            return "\(image) already was \(former); nothing was moved (asked for by \(actor))"
        }
        if effect == .unchanged {
            return formerBuild == nil
                ? "\(image) was not moved (asked for by \(actor))"
                : "\(image) still is \(former); nothing was moved (asked for by \(actor))"
        }
        if isMoved == false {
            return "\(image) was \(former), and was not seen to move (asked for by \(actor))"
        }
        guard formerBuild != nil else { return "\(image) was created, by \(actor)" }
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
