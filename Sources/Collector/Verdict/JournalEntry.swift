package import Shared

/// One change of a tag in the ledger's journal: written before the registry is asked, settled afterwards.
///
/// An entry that stays ``State/intended`` belongs to a promotion that was interrupted in between. The journal does not
/// contain its outcome; `TagReadback` derives it from the tag's current digest.
package struct JournalEntry: Hashable, Sendable {
    package enum Kind: String, Codable, CaseIterable, Hashable, Sendable {
        case promotion
        /// A return to an earlier build, after a failed promotion or on request.
        case rollback
    }

    package enum State: String, CaseIterable, Hashable, Sendable {
        /// The registry is being asked, or was about to be.
        case intended
        /// The tag was read back and is as intended.
        case moved
        /// The tag is unchanged.
        case unmoved
        /// The tag is neither: another writer moved it.
        case contested
    }

    /// The part of an entry that is known from the beginning.
    package struct Intent: Hashable, Sendable {
        /// The id of the run; sorts by time.
        package var id: String
        package var kind: Kind
        package var service: DeployedService
        /// Registry and path, for example `registry.example/canvas`.
        package var repository: String
        package var tag: String
        /// The promoted tag or digest, as requested.
        package var source: String
        /// nil if a rollback returns to an image without a known commit.
        package var gitSHA: GitSHA?
        package var digest: Digest
        /// The tag's former digest; nil if the tag did not exist.
        package var formerDigest: Digest?
        package var formerGitSHA: GitSHA?
        /// The person or job, and its origin: one line.
        package var actor: String
        /// The required contexts and their last states; empty if none were required.
        package var contexts: [String: String]
        /// The permission for a commit that is not a descendant of the former one; nil for a descendant.
        package var permission: String?
        /// RFC 3339.
        package var intendedAt: String

        package init(
            id: String, kind: Kind, service: DeployedService, repository: String, tag: String, source: String,
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
    /// The number among the service's promotions. While the entry is intended: the number that it will get, unless another
    /// promotion comes first.
    package var generation: Int
    package var state: State
    /// RFC 3339; nil while intended.
    package var settledAt: String?
    /// The reason if the tag was not simply moved, one line.
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
