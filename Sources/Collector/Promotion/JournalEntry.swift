import Shared

/// One change of a tag, as the ledger's journal keeps it: written before the registry is asked, settled after.
///
/// An entry that stays ``State/intended`` is of a promotion that was cut off between the two. Nobody knows from the journal
/// what became of it; ``TagFinding`` says it from what the tag is now.
struct JournalEntry: Hashable, Sendable {
    enum Kind: String, Codable, CaseIterable, Hashable, Sendable {
        case promotion
        /// Back to what the tag was before a promotion that failed.
        case rollback
    }

    enum State: String, CaseIterable, Hashable, Sendable {
        /// The registry is asked, or was about to be.
        case intended
        /// The tag was read back, and is what was intended.
        case moved
        /// The tag is still what it was.
        case unmoved
        /// The tag is neither: somebody else moved it.
        case contested
    }

    /// What an entry says from its beginning.
    struct Intent: Hashable, Sendable {
        /// Of the run; sorts by time.
        var id: String
        var kind: Kind
        var service: String
        /// Registry and path, for example `registry.example/canvas`.
        var repository: String
        var tag: String
        /// The tag or digest that was promoted, as asked for.
        var source: String
        /// nil where a rollback goes back to an image that does not say its commit.
        var gitSHA: GitSHA?
        var digest: Digest
        /// What the tag was; nil where it was nothing.
        var formerDigest: Digest?
        var formerGitSHA: GitSHA?
        /// Who, and from where: one line.
        var actor: String
        /// The required contexts and their last states; empty where none were asked for.
        var contexts: [String: String]
        /// Why the tag may go where it does not descend from; nil where it descends.
        var permission: String?
        /// RFC 3339.
        var intendedAt: String
    }

    var number: Int64
    var intent: Intent
    /// Among the promotions of the service. While the entry is intended: the one that it will have, unless another comes
    /// first.
    var generation: Int
    var state: State
    /// RFC 3339; nil while intended.
    var settledAt: String?
    /// Why it was not simply moved, one line.
    var reason: String?
}
