package import Shared

/// The registry's answer about a digest that a host serves, requested during a verification.
package struct DigestLookup: Codable, Hashable, Sendable {
    package var digest: Digest
    /// nil if the registry could not be queried.
    package var content: PromotedContent?
    /// The reason why the content is unknown. One clean line.
    package var failure: String?

    package enum CodingKeys: String, CodingKey {
        case digest, content
        case failure = "trouble"
    }

    package init(digest: Digest, content: PromotedContent? = nil, failure: String? = nil) {
        self.digest = digest
        self.content = content
        self.failure = failure
    }
}

/// Lookups of digests that hosts serve and that differ from the promoted one: another index can hold the same image.
///
/// A registry's answer can turn a wrong digest into `match_index`, and nothing else. Each digest is looked up once, and only
/// with a registry. A failure proves nothing either way and leaves the host's status unchanged.
package struct DigestLookups: Hashable, Sendable {
    /// The maximum number of lookups in one verification; hosts could invent any number of digests.
    package static let limit = 32

    /// True if a registry can be queried.
    let isPossible: Bool
    package private(set) var known: [Digest: PromotedContent] = [:]
    package private(set) var failed: [Digest: String] = [:]
    package private(set) var pending: Set<Digest> = []

    init(isPossible: Bool = false) {
        self.isPossible = isPossible
    }

    /// The digests that can still be looked up.
    package func unanswered(_ digests: some Sequence<Digest>) -> [Digest] {
        guard isPossible else { return [] }
        let isFull = known.count + failed.count + pending.count >= Self.limit
        return digests.filter { digest in
            known[digest] == nil && failed[digest] == nil && (pending.contains(digest) || !isFull)
        }
    }

    /// Records that these digests are being looked up.
    ///
    /// - Returns: the digests that are new, in a fixed order.
    package mutating func ask(for digests: some Sequence<Digest>) -> [Digest] {
        var added: [Digest] = []
        for digest in Set(digests).sorted(by: { $0.hex < $1.hex }) where !unanswered([digest]).isEmpty {
            if pending.insert(digest).inserted { added.append(digest) }
        }
        return added
    }

    package mutating func take(_ image: DigestLookup) {
        // Ignore an answer that was not requested.
        guard pending.remove(image.digest) != nil else { return }
        if let content = image.content {
            known[image.digest] = content
        } else {
            failed[image.digest] = image.failure ?? "the registry gave no answer"
        }
    }
}

/// Queries the registry about a digest. Returns in bounded time, whatever the outcome.
package typealias DigestResolver = @Sendable (Digest) async -> DigestLookup
