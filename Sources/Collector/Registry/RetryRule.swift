import Transfer

/// Decides whether a request is repeated: a pure function of its outcome.
struct RetryRule: Sendable {
    /// The outcome of one attempt.
    enum Outcome: Hashable, Sendable {
        case status(Int, retryAfter: Duration?)
        case failure(TransferFailure)
    }

    enum Decision: Hashable, Sendable {
        /// Repeat after a pause.
        case again(after: Duration)
        /// The outcome is final.
        case over
    }

    /// True if the request is idempotent. Otherwise it is repeated only if it certainly had no effect.
    var isRepeatable: Bool

    static let maximumAttempts = 4
    /// The longest pause. If a server asks for a longer one, the request is not repeated.
    static let longestPause = Duration.seconds(60)
    private static let firstPause = Duration.milliseconds(250)

    /// - Parameters:
    ///   - attempt: the number of the attempt, from 1.
    ///   - remaining: the time left until the deadline.
    func decide(_ outcome: Outcome, attempt: Int, remaining: Duration) -> Decision {
        guard attempt < Self.maximumAttempts, isTransient(outcome) else { return .over }
        var pause = Self.firstPause * (1 << (attempt - 1))
        if case .status(_, let requested?) = outcome { pause = max(pause, requested) }
        guard pause <= Self.longestPause, pause < remaining else { return .over }
        return .again(after: pause)
    }

    private func isTransient(_ outcome: Outcome) -> Bool {
        switch outcome {
        case .status(429, _): true
        case .status(let status, _): isRepeatable && [500, 502, 503, 504].contains(status)
        // The request was not sent.
        case .failure(.dns), .failure(.refused), .failure(.local): true
        case .failure(.timeout), .failure(.protocolError): isRepeatable
        case .failure(.tls), .failure(.tooLarge), .failure(.cancelled): false
        }
    }
}
