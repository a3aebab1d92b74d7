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
        /// The host's previous document again, unchanged except for these values. The previous answer was a document, or
        /// repeated one.
        case repeated(RepeatedDocument)
        /// An answer with a `git_sha` from a host without an agent.
        case plain(PlainAnswer)
    }
}

/// The values that change from one answer to the next while a host serves the same.
package struct RepeatedDocument: Hashable, Sendable {
    package var nonce: String?
    /// In seconds; 0 or more.
    package var ageSeconds: Double
    /// In RFC 3339, by the agent's clock.
    package var observedAt: String

    package init(nonce: String?, ageSeconds: Double, observedAt: String) {
        self.nonce = nonce
        self.ageSeconds = ageSeconds
        self.observedAt = observedAt
    }
}
