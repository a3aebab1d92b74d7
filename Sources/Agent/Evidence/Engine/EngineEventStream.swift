import NIOCore
import Synchronization

/// An engine's event stream that stands.
struct EngineEventStream: Sendable {
    /// An element when something happened since the last one was taken; ends with the stream.
    let rings: AsyncStream<Void>
    private let channel: any Channel
    private let failure: FailureBox

    init(rings: AsyncStream<Void>, channel: any Channel, failure: FailureBox) {
        self.rings = rings
        self.channel = channel
        self.failure = failure
    }

    /// Ends it.
    func close() { channel.close(promise: nil) }

    /// Why it ended.
    var end: EngineFailure { failure.value ?? EngineFailure(.unreachable, "the event stream was closed") }

    /// Where the connection leaves the reason of its end; the first one stays.
    final class FailureBox: Sendable {
        private let content = Mutex<EngineFailure?>(nil)

        var value: EngineFailure? { content.withLock { $0 } }

        func set(_ failure: EngineFailure) {
            content.withLock { if $0 == nil { $0 = failure } }
        }
    }
}
