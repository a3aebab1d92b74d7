import NIOCore

/// An engine's event stream that stands.
struct EngineEventStream: Sendable {
    /// An element when something happened since the last one was taken; ends with the stream.
    let rings: AsyncStream<Void>
    private let channel: any Channel
    private let failure: FirstError<EngineFailure>

    init(rings: AsyncStream<Void>, channel: any Channel, failure: FirstError<EngineFailure>) {
        self.rings = rings
        self.channel = channel
        self.failure = failure
    }

    /// Ends it.
    func close() { channel.close(promise: nil) }

    /// Why it ended.
    var end: EngineFailure { failure.value ?? EngineFailure(.unreachable, "the event stream was closed") }
}
