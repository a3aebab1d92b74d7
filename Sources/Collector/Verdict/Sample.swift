import Shared

/// One request to one host, and what came of it. Times are since the verification's start.
struct Sample: Hashable, Sendable {
    /// Index in the inventory.
    var host: Int
    var askedAt: Duration
    var answeredAt: Duration
    /// The nonce that this very request carried.
    var nonce: String
    var finding: Finding

    /// What a request brought.
    enum Finding: Hashable, Sendable {
        /// No usable answer; `reach` is never `ok` here. The detail is one line, already clean.
        case none(Reach, detail: String)
        /// An agent's document.
        case document(Document)
        /// An answer with a `git_sha` from a host without an agent.
        case plain(PlainAnswer)
    }
}
