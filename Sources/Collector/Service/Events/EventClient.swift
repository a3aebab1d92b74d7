import HummingbirdCore
import NIOCore
import Synchronization

/// The events that one client has not read yet.
///
/// A client that does not read is cut: what waits for it is replaced by an event that tells it to load again.
final class EventClient: Sendable {
    private struct State {
        var waiting: [ByteBuffer] = []
        var bytes = 0
        /// The start of a write that the client has not taken yet.
        var writingSince: ContinuousClock.Instant?
        var isCut = false
        var isOver = false
        var hasLeft = false
    }

    /// Bytes that may wait. The connection holds up to 64 KiB more, which makes 256 KiB.
    static let limit = 192 << 10
    /// How long a client may take nothing.
    static let patience = Duration.seconds(30)
    /// How long a client that was cut may take to read the reason.
    private static let lastChance = Duration.seconds(5)

    private let state = Mutex(State())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation
    private let close: @Sendable () -> Void

    /// - Parameter close: closes the connection, whatever is unsent.
    init(close: @escaping @Sendable () -> Void) {
        self.close = close
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// True once its connection needs nothing more.
    var hasLeft: Bool { state.withLock(\.hasLeft) }

    /// Adds an event.
    ///
    /// - Parameters:
    ///   - isLast: true if the connection is closed after it.
    ///   - reload: the event that a client gets instead if too much waits for it.
    func send(_ event: ByteBuffer, isLast: Bool = false, else reload: ByteBuffer) {
        state.withLock { state in
            guard !state.isOver else { return }
            state.waiting.append(event)
            state.bytes += event.readableBytes
            if isLast { state.isOver = true }
            guard state.bytes > Self.limit else { return }
            (state.waiting, state.bytes) = ([reload], reload.readableBytes)
            (state.isCut, state.isOver) = (true, true)
        }
        signal.yield()
    }

    /// Notes that the connection ends.
    func leave() {
        state.withLock { ($0.isOver, $0.hasLeft) = (true, true) }
        signal.finish()
    }

    /// Closes the connection of a client that reads nothing.
    func check(at now: ContinuousClock.Instant) {
        let isStuck = state.withLock { state in
            guard let since = state.writingSince else { return false }
            return now - since > (state.isCut ? Self.lastChance : Self.patience)
        }
        if isStuck { close() }
    }

    /// The events that wait, and true if they are the last ones.
    func take() -> (events: [ByteBuffer], isLast: Bool) {
        state.withLock { state in
            defer { (state.waiting, state.bytes) = ([], 0) }
            if !state.waiting.isEmpty { state.writingSince = .now }
            return (state.waiting, state.isOver)
        }
    }

    /// Writes events until the last one is written, the client leaves, or the task is cancelled.
    func write(to writer: inout any ResponseBodyWriter) async throws {
        for await _ in signals {
            let (events, isLast) = take()
            if !events.isEmpty { try await writer.write(contentsOf: events) }
            state.withLock { $0.writingSince = nil }
            if isLast { return }
        }
    }
}
