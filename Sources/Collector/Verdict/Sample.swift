package import Shared

/// One request to one host, and what came of it. Times are since the verification's start.
package struct Sample: Hashable, Sendable {
    /// Index in the inventory.
    package var host: Int
    package var askedAt: Duration
    package var answeredAt: Duration
    /// The nonce that this very request carried.
    package var nonce: String
    package var finding: Finding

    package init(host: Int, askedAt: Duration, answeredAt: Duration, nonce: String, finding: Finding) {
        self.host = host
        self.askedAt = askedAt
        self.answeredAt = answeredAt
        self.nonce = nonce
        self.finding = finding
    }

    /// What a request brought.
    package enum Finding: Hashable, Sendable {
        /// No usable answer; `reach` is never `ok` here. The detail is one line, already clean.
        case none(RequestOutcome, detail: String)
        /// An agent's document.
        case document(Document)
        /// An answer with a `git_sha` from a host without an agent.
        case plain(PlainAnswer)
    }
}
