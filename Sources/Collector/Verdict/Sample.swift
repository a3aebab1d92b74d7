package import Shared

/// One request to one host, and its outcome. Times are since the verification's start.
package struct Sample: Hashable, Sendable {
    /// Index in the inventory.
    package var host: Int
    package var askedAt: Duration
    package var answeredAt: Duration
    /// The nonce of this request.
    package var nonce: String
    package var answer: Answer

    package init(host: Int, askedAt: Duration, answeredAt: Duration, nonce: String, answer: Answer) {
        self.host = host
        self.askedAt = askedAt
        self.answeredAt = answeredAt
        self.nonce = nonce
        self.answer = answer
    }

    package enum Answer: Hashable, Sendable {
        /// No usable answer; the outcome is never `ok` here. The detail is one clean line.
        case unusable(RequestOutcome, detail: String)
        /// An agent's document.
        case document(Document)
        /// An answer with a `git_sha` from a host without an agent.
        case plain(PlainAnswer)
    }
}
