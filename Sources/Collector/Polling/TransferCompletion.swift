/// How one request ended. Every submitted request gets exactly one, unless the engine was already shut down.
struct TransferCompletion: Sendable {
    var id: UInt64
    var lane: Int
    /// When the transfer left the queue for the wire. Of one cancelled in the queue, when it was cancelled.
    var startedAt: ContinuousClock.Instant
    /// When the engine noticed the end, which may be a turn (some milliseconds) after the last byte's arrival. Whoever
    /// needs "not older than" counts from ``startedAt``.
    var finishedAt: ContinuousClock.Instant
    var outcome: Result<TransferResponse, TransferFailure>
}
