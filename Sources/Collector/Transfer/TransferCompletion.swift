/// How one request ended. Every submitted request gets exactly one, unless the engine was already shut down.
package struct TransferCompletion: Sendable {
    package var id: UInt64
    package var lane: Int
    /// When the transfer left the queue for the wire. Of one cancelled in the queue, when it was cancelled.
    package var startedAt: ContinuousClock.Instant
    /// When the engine noticed the end, which may be a turn (some milliseconds) after the last byte's arrival. Whoever
    /// needs "not older than" counts from ``startedAt``.
    package var finishedAt: ContinuousClock.Instant
    package var outcome: Result<TransferResponse, TransferFailure>

    package init(
        id: UInt64, lane: Int, startedAt: ContinuousClock.Instant, finishedAt: ContinuousClock.Instant,
        outcome: Result<TransferResponse, TransferFailure>
    ) {
        self.id = id
        self.lane = lane
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.outcome = outcome
    }
}
