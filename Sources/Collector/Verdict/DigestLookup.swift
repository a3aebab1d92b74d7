package import Shared

/// What the registry said, while a verification ran, about a digest that a host serves.
package struct DigestLookup: Codable, Hashable, Sendable {
    package var digest: Digest
    /// nil where it could not be learned.
    package var content: PromotedContent?
    /// Why not. One clean line.
    package var trouble: String?

    package init(digest: Digest, content: PromotedContent? = nil, trouble: String? = nil) {
        self.digest = digest
        self.content = content
        self.trouble = trouble
    }
}

/// What is known, by now, of digests that hosts serve and that are not the promoted one: another index may hold the very
/// same image.
///
/// Only asked for where a registry can tell, and each digest once. That it cannot be learned proves nothing either way, and
/// leaves the host as it is.
package struct DigestLookups: Hashable, Sendable {
    /// Distinct digests that are asked for in one verification; hosts could make up any number of them.
    package static let limit = 32

    /// Whether there is a registry to ask.
    let isPossible: Bool
    package private(set) var known: [Digest: PromotedContent] = [:]
    package private(set) var failed: [Digest: String] = [:]
    package private(set) var pending: Set<Digest> = []

    init(isPossible: Bool = false) {
        self.isPossible = isPossible
    }

    /// The digests of which something may still be learned.
    package func unanswered(_ digests: some Sequence<Digest>) -> [Digest] {
        guard isPossible else { return [] }
        let isFull = known.count + failed.count + pending.count >= Self.limit
        return digests.filter { digest in
            known[digest] == nil && failed[digest] == nil && (pending.contains(digest) || !isFull)
        }
    }

    /// Notes that these are asked for.
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
        // What nobody asked for is nobody's answer.
        guard pending.remove(image.digest) != nil else { return }
        if let content = image.content {
            known[image.digest] = content
        } else {
            failed[image.digest] = image.trouble ?? "the registry did not tell"
        }
    }
}
