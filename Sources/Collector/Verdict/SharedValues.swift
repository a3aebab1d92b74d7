import Shared

/// The values that hosts have in common. Each is kept once for all of them, and what follows from a content is derived once.
///
/// Memory is bounded: a value that lost its place is only kept or derived again.
struct SharedValues: Sendable {
    private struct Entry: Sendable {
        let content: DocumentContent
        /// nil until it is asked for.
        var comparison: BuildComparison?
    }

    /// By the place that follows from a content's hash.
    private var entries: [Entry?] = Array(repeating: nil, count: Self.places)
    /// The latest reason of each kind.
    private var reasons: [HostReason.Code: HostReason] = [:]

    private let target: Target

    private static let places = 256

    init(target: Target) {
        self.target = target
    }

    /// The content of a document that has no values of its own left.
    mutating func content(of document: Document) -> DocumentContent {
        let hash = document.hashValue
        let place = Self.place(of: hash)
        if let content = entries[place]?.content, content.document == document { return content }
        let content = DocumentContent(document, hash: hash, target: target)
        entries[place] = Entry(content: content)
        return content
    }

    /// The content's build, compared by the present rules.
    mutating func comparison(of content: DocumentContent, by matcher: BuildMatcher) -> BuildComparison {
        let place = Self.place(of: content.hash)
        guard entries[place]?.content === content else { return matcher.match(content.evidence.value) }
        if let known = entries[place]?.comparison { return known }
        let comparison = matcher.match(content.evidence.value)
        entries[place]?.comparison = comparison
        return comparison
    }

    /// The rules have changed.
    mutating func forgetComparisons() {
        for place in entries.indices { entries[place]?.comparison = nil }
    }

    /// A reason that is equal to this one.
    mutating func reason(_ reason: HostReason) -> HostReason {
        if let known = reasons[reason.code], known == reason { return known }
        reasons[reason.code] = reason
        return reason
    }

    private static func place(of hash: Int) -> Int { Int(UInt(bitPattern: hash) % UInt(places)) }
}
