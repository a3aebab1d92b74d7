import Transfer

/// When a request is made again: a pure function of what came of it.
struct RetryRule: Sendable {
    /// What came of one attempt.
    enum Outcome: Hashable, Sendable {
        case status(Int, retryAfter: Duration?)
        case failure(TransferFailure)
    }

    enum Decision: Hashable, Sendable {
        /// Made again after a pause.
        case again(after: Duration)
        /// It stays at this outcome.
        case over
    }

    /// Whether doing it twice is the same as doing it once. Where not, only what certainly was not done is done again.
    var isRepeatable: Bool

    static let maximumAttempts = 4
    /// Who asks for more patience is not asked again: sooner would be rude, and later is too late.
    static let longestPause = Duration.seconds(60)
    private static let firstPause = Duration.milliseconds(250)

    /// - Parameters:
    ///   - attempt: which one it was, from 1.
    ///   - remaining: until the deadline.
    func decide(_ outcome: Outcome, attempt: Int, remaining: Duration) -> Decision {
        guard attempt < Self.maximumAttempts, isTransient(outcome) else { return .over }
        var pause = Self.firstPause * (1 << (attempt - 1))
        if case .status(_, let wished?) = outcome { pause = max(pause, wished) }
        guard pause <= Self.longestPause, pause < remaining else { return .over }
        return .again(after: pause)
    }

    private func isTransient(_ outcome: Outcome) -> Bool {
        switch outcome {
        case .status(429, _): true
        case .status(let status, _): isRepeatable && [500, 502, 503, 504].contains(status)
        // Nothing was sent.
        case .failure(.dns), .failure(.refused), .failure(.local): true
        case .failure(.timeout), .failure(.protocolError): isRepeatable
        case .failure(.tls), .failure(.tooLarge), .failure(.cancelled): false
        }
    }
}
