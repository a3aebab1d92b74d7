import Shared

/// What a promotion did, step by step: the `promotion` of a report, and what the terminal is told.
struct PromotionStory: Codable, Hashable, Sendable {
    struct Step: Codable, Hashable, Sendable {
        /// RFC 3339.
        var at: String
        /// One of ``PromotionStep``'s words.
        var step: String
        /// One line.
        var said: String
    }

    /// The way back, where there was reason for one.
    struct Rollback: Codable, Hashable, Sendable {
        /// Why, and what came of it: one line.
        var said: String
        /// What the tag was put back to; nil where it was not.
        var digest: Digest?
        var gitSHA: GitSHA?
        var generation: Int?
        /// Of the verification of the former build; nil where there was none.
        var verification: String?
        var verdict: Verdict?

        enum CodingKeys: String, CodingKey {
            case said, digest, generation, verification, verdict
            case gitSHA = "git_sha"
        }
    }

    /// Of the run; the journal's, too.
    var id: String
    /// nil for a promotion.
    var kind: JournalEntry.Kind?
    /// Repository and tag that were moved.
    var image: String
    /// The candidate, as asked for.
    var source: String
    /// What the tag was to be; nil in what older collectors recorded.
    var digest: Digest?
    /// Whether the tag was moved, as far as it is known; nil in what older collectors recorded, which is true.
    var isMoved: Bool?
    @ExplicitNull var formerDigest: Digest?
    @ExplicitNull var formerGitSHA: GitSHA?
    var actor: String
    /// The required contexts and their last states.
    var contexts: [String: String]
    /// For a compose file's environment.
    var pin: String
    var steps: [Step]
    var rollback: Rollback?

    /// One line: what became of the tag, and by whom.
    var summary: String {
        let image = Hygiene.line(image, limit: 300)
        let actor = Hygiene.line(actor, limit: 200)
        let former = formerGitSHA?.short ?? formerDigest?.short ?? "nothing"
        if digest != nil, digest == formerDigest {
            return "\(image) already was \(former), and nothing was moved; asked for by \(actor)"
        }
        if isMoved == false { return "\(image) was \(former), and was not seen to move; asked for by \(actor)" }
        return "\(image) was \(kind == .rollback ? "put back" : "moved") from \(former), by \(actor)"
    }

    enum CodingKeys: String, CodingKey {
        case id, kind, image, source, digest, actor, contexts, pin, steps, rollback
        case isMoved = "moved"
        case formerDigest = "former_digest"
        case formerGitSHA = "former_git_sha"
    }
}

/// The steps of a promotion, in their order.
enum PromotionStep: String, Sendable, CaseIterable {
    case journal
    case killSwitch = "kill switch"
    case ci = "CI"
    case branch
    case registry
    case ancestry
    case wayBack = "way back"
    case tag
    case rollback
}
