import Shared

/// What came of one probe. A service that fails is data, not an error.
struct ProbeReading: Hashable, Sendable {
    /// Without its latency, which is a clock field.
    var answer: ProbeResult
    /// Why there is no usable answer, as a clause of one line; nil where there is one.
    var trouble: String?
    /// From asking to the end of the answer, or of waiting for it.
    var latency: Duration
}

/// Why a probe got no whole answer.
struct ProbeFailure: Error, Hashable, Sendable {
    var outcome: ProbeResult.Outcome
    /// A clause of one line.
    var why: String
}

/// A whole answer to a probe, within its limits.
struct ProbeAnswer: Hashable, Sendable {
    var status: Int
    /// Of the first header that names a commit; nil where none does.
    var headerSHA: String?
    var body: [UInt8] = []
}
