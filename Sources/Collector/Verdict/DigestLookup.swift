package import Shared

/// The registry's answer, during a verification, about a digest that a host serves.
package struct DigestLookup: Codable, Hashable, Sendable {
    package var digest: Digest
    /// nil if the registry could not be asked.
    package var content: PromotedContent?
    /// Why there is no content. One clean line.
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

/// Lookups of digests that hosts serve and that are not the promoted one: another index may hold the very same image.
///
/// Each digest is looked up once, and only where there is a registry. A failure proves nothing either way, and leaves the host
/// as it is.
package struct DigestLookups: Hashable, Sendable {
    /// The most digests looked up in one verification; hosts could make up any number of them.
    package static let limit = 32

    /// True if a registry can be asked.
    let isPossible: Bool
    package private(set) var known: [Digest: PromotedContent] = [:]
    package private(set) var failed: [Digest: String] = [:]
    package private(set) var pending: Set<Digest> = []

    init(isPossible: Bool = false) {
        self.isPossible = isPossible
    }

    /// The digests that may still be looked up.
    package func unanswered(_ digests: some Sequence<Digest>) -> [Digest] {
        guard isPossible else { return [] }
        let isFull = known.count + failed.count + pending.count >= Self.limit
        return digests.filter { digest in
            known[digest] == nil && failed[digest] == nil && (pending.contains(digest) || !isFull)
        }
    }

    /// Notes that these are being looked up.
    ///
    /// - Returns: those that were not before, in a fixed order.
    package mutating func ask(for digests: some Sequence<Digest>) -> [Digest] {
        var added: [Digest] = []
        for digest in Set(digests).sorted(by: { $0.hex < $1.hex }) where !unanswered([digest]).isEmpty {
            if pending.insert(digest).inserted { added.append(digest) }
        }
        return added
    }

    package mutating func take(_ image: DigestLookup) {
        // An answer that was not requested is not used.
        guard pending.remove(image.digest) != nil else { return }
        if let content = image.content {
            known[image.digest] = content
        } else {
            failed[image.digest] = image.failure ?? "the registry gave no answer"
        }
    }
}

/// Asks the registry what a digest is. Answers in bounded time, whatever the outcome.
package typealias DigestResolver = @Sendable (Digest) async -> DigestLookup
