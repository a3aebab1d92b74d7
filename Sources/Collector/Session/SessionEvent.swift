import Shared

/// What can happen to a verification while it runs.
enum SessionEvent: Sendable {
    /// Requests that ended, each with what its answer says.
    case completed([Reading])
    /// The time that was waited for has come.
    case woke
    case signal(Int32)
    /// The ledger's promotions of the service, read again.
    case promotions([Promotion])
    /// The hosts that the inventory's source lists now.
    case listed(Set<String>)
    /// What the registry said about a digest.
    case learned(LearnedImage)
    /// What the promoted tag is instead; nil where it is what was promoted, again.
    case moved(MovedTag?)
    /// A look at the promoted tag that was waited for, and began at this moment: it is what was promoted.
    case tagSeen(ContinuousClock.Instant)
}

extension SessionEvent {
    /// A request that ended, read and not judged yet.
    struct Reading: Sendable {
        var id: UInt64
        var startedAt: ContinuousClock.Instant
        var finishedAt: ContinuousClock.Instant
        var finding: Sample.Finding
        var validation = AnswerValidation()
        /// As ``TransferResponse/certificateEnd``.
        var certificateEnd: String?
    }
}

/// A source of events beside the hosts' answers. Runs until its task is cancelled, and yields what it sees.
typealias SessionWatch = @Sendable (_ yield: @Sendable (SessionEvent) -> Void) async -> Void

/// Asks the registry what a digest is. Answers in bounded time, whatever comes of it.
typealias ImageLearner = @Sendable (Digest) async -> LearnedImage
