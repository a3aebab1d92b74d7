package import Shared

/// One change of a tag, as the ledger's journal keeps it: written before the registry is asked, settled after.
///
/// An entry that stays ``State/intended`` belongs to a promotion that was cut off between the two. The journal does not show its
/// outcome; ``TagOutcome`` derives it from the tag's present state.
package struct JournalEntry: Hashable, Sendable {
    package enum Kind: String, Codable, CaseIterable, Hashable, Sendable {
        case promotion
        /// Back to what the tag was before a promotion that failed.
        case rollback
    }

    package enum State: String, CaseIterable, Hashable, Sendable {
        /// The registry is asked, or was about to be.
        case intended
        /// The tag was read back, and is what was intended.
        case moved
        /// The tag is still what it was.
        case unmoved
        /// The tag is neither: it was moved by someone else.
        case contested
    }

    /// The part of an entry that is known from its beginning.
    package struct Intent: Hashable, Sendable {
        /// Of the run; sorts by time.
        package var id: String
        package var kind: Kind
        package var service: String
        /// Registry and path, for example `registry.example/canvas`.
        package var repository: String
        package var tag: String
        /// The tag or digest that was promoted, as asked for.
        package var source: String
        /// nil if a rollback goes back to an image that does not say its commit.
        package var gitSHA: GitSHA?
        package var digest: Digest
        /// What the tag was; nil if it was nothing.
        package var formerDigest: Digest?
        package var formerGitSHA: GitSHA?
        /// Who, and from where: one line.
        package var actor: String
        /// The required contexts and their last states; empty if none were asked for.
        package var contexts: [String: String]
        /// Why the tag may go where it does not descend from; nil if it descends.
        package var permission: String?
        /// RFC 3339.
        package var intendedAt: String

        package init(
            id: String, kind: Kind, service: String, repository: String, tag: String, source: String,
            gitSHA: GitSHA? = nil, digest: Digest, formerDigest: Digest? = nil, formerGitSHA: GitSHA? = nil,
            actor: String, contexts: [String: String], permission: String? = nil, intendedAt: String
        ) {
            self.id = id
            self.kind = kind
            self.service = service
            self.repository = repository
            self.tag = tag
            self.source = source
            self.gitSHA = gitSHA
            self.digest = digest
            self.formerDigest = formerDigest
            self.formerGitSHA = formerGitSHA
            self.actor = actor
            self.contexts = contexts
            self.permission = permission
            self.intendedAt = intendedAt
        }
    }

    package var number: Int64
    package var intent: Intent
    /// Among the promotions of the service. While the entry is intended: the one that it will have, unless another comes
    /// first.
    package var generation: Int
    package var state: State
    /// RFC 3339; nil while intended.
    package var settledAt: String?
    /// Why it was not simply moved, one line.
    package var reason: String?

    package init(
        number: Int64, intent: Intent, generation: Int, state: State, settledAt: String? = nil, reason: String? = nil
    ) {
        self.number = number
        self.intent = intent
        self.generation = generation
        self.state = state
        self.settledAt = settledAt
        self.reason = reason
    }
}
