import Shared
package import Verdict

/// What can happen to a verification while it runs.
package enum SessionEvent: Sendable {
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
    case learned(DigestLookup)
    /// What the promoted tag is instead; nil where it is what was promoted, again.
    case moved(RetaggedImage?)
    /// A look at the promoted tag that was waited for, and began at this moment: it is what was promoted.
    case tagSeen(ContinuousClock.Instant)
}

extension SessionEvent {
    /// A request that ended, read and not judged yet.
    package struct Reading: Sendable {
        package var id: UInt64
        package var startedAt: ContinuousClock.Instant
        var finishedAt: ContinuousClock.Instant
        var finding: Sample.Answer
        var validation = ResponseValidators()
        /// As ``TransferResponse/certificateEnd``.
        var certificateEnd: String?

        package init(
            id: UInt64, startedAt: ContinuousClock.Instant, finishedAt: ContinuousClock.Instant,
            finding: Sample.Answer, validation: ResponseValidators = ResponseValidators(),
            certificateEnd: String? = nil
        ) {
            self.id = id
            self.startedAt = startedAt
            self.finishedAt = finishedAt
            self.finding = finding
            self.validation = validation
            self.certificateEnd = certificateEnd
        }
    }
}

/// A source of events beside the hosts' answers. Runs until its task is cancelled, and yields what it sees.
package typealias SessionWatch = @Sendable (_ yield: @Sendable (SessionEvent) -> Void) async -> Void
